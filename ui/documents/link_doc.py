"""Link through which other users see results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkDoc:
    """The link to one or several results. `address`: its path below the app's root, empty without a
    link. `prompt`: it shows the prompts and settings, and the files contain their metadata.
    `has_prompt`: a run has a prompt. `is_new`: these results had no link before. `can_strip`: the
    app can remove the metadata. If it can't, there is no link until the prompt is shared. `others`:
    the number of other links that show any of these results. `needs_sign_in`: visitors must sign in
    first."""

    address: str
    prompt: bool
    has_prompt: bool
    is_new: bool
    can_strip: bool
    others: int
    needs_sign_in: bool
