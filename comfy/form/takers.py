"""Which fields take a result, by the kinds of both: as their file, or as their text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from comfy.comfyui.protocol.outputs import FileKind
from comfy.form.model import Field
from comfy.workflow.config import Widget

ResultKind = FileKind | Literal["text"]

# The fields that take a kind of result, those made for it first. The file itself is judged when it
# is taken. A text goes where there is room for one: in a line stand names and the like.
_TAKEN_BY: Mapping[ResultKind, tuple[Widget, ...]] = {
    "image": ("image", "mask", "file"),
    "video": ("video", "file"),
    "audio": ("audio", "file"),
    "3d": ("file",),
    "file": ("file",),
    "text": ("textarea",),
}


def takes(field: Field, kind: ResultKind) -> bool:
    """Whether a field takes results of a kind."""
    return field.group != "hidden" and field.widget in _TAKEN_BY[kind]


def first_taker(fields: Iterable[Field], kind: ResultKind) -> Field | None:
    """The first field for results of a kind, one made for it before others."""
    by_widget = {field.widget: field for field in reversed([*fields]) if takes(field, kind)}
    return next((by_widget[widget] for widget in _TAKEN_BY[kind] if widget in by_widget), None)


def taken_kinds(fields: Iterable[Field]) -> tuple[ResultKind, ...]:
    """The kinds of results that one of these fields takes."""
    fields = [*fields]
    return tuple(kind for kind in _TAKEN_BY if any(takes(field, kind) for field in fields))
