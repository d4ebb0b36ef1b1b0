"""Link through which other users see a result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkDoc:
    """The link to a result. `address`: its path below the app's root, empty without a link.
    `prompt`: it shows the prompt, and the file contains its metadata. `has_prompt`: the run has a
    prompt. `is_new`: the result wasn't shared before. `can_strip`: the app can remove the metadata.
    If it can't, there is no link until the prompt is shared."""

    address: str
    prompt: bool
    has_prompt: bool
    is_new: bool
    can_strip: bool
