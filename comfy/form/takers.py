"""Which fields take a result as their file, by the kinds of both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comfy.form.model import Field
from comfy.protocol.outputs import FileKind
from comfy.workflow.config import Widget

# The fields that take a kind of result, those made for it first. The file itself is judged when it
# is taken.
_TAKEN_BY: Mapping[FileKind, tuple[Widget, ...]] = {
    "image": ("image", "mask", "file"),
    "video": ("video", "file"),
    "audio": ("audio", "file"),
    "3d": ("file",),
    "file": ("file",),
}


def takes(field: Field, kind: FileKind) -> bool:
    """Whether a field takes results of a kind."""
    return field.group != "hidden" and field.widget in _TAKEN_BY[kind]


def first_taker(fields: Iterable[Field], kind: FileKind) -> Field | None:
    """The first field for results of a kind, one made for it before others."""
    by_widget = {field.widget: field for field in reversed([*fields]) if takes(field, kind)}
    return next((by_widget[widget] for widget in _TAKEN_BY[kind] if widget in by_widget), None)


def taken_kinds(fields: Iterable[Field]) -> tuple[FileKind, ...]:
    """The kinds of results that one of these fields takes."""
    fields = [*fields]
    return tuple(kind for kind in _TAKEN_BY if any(takes(field, kind) for field in fields))
