"""Workflows that take results, and the types they take."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.comfyui.protocol.result_types import ResultKind
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms


@dataclass(frozen=True, slots=True)
class Taker:
    """A workflow that takes results of these kinds. Images go into the field with the key
    `image_field`, texts into `text_field`; either is "" if it takes none. `draws_text`: the text
    field draws among alternatives."""

    name: str
    title: str
    kinds: tuple[ResultKind, ...]
    image_field: str
    text_field: str
    draws_text: bool


def takers_of(forms: Forms, folder: WorkflowFolder, owner: str) -> tuple[Taker, ...]:
    """Return the workflows that take results and can run, from this user's opened workflows and
    from the folder. Raises ServerUnreachable, ServerError."""
    named = [(one.name, one.title) for one in forms.opened_by(owner)]
    named += [(entry.name, entry.title) for entry in folder.entries()]
    known = ((name, title, forms.usability(name, owner)) for name, title in named)
    return tuple(
        Taker(name, title, can.takes, can.image_field, can.text_field, can.draws_text)
        for name, title, can in known
        if can.can_run and can.takes
    )
