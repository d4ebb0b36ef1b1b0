"""Which fields take a result, by the kinds of both: as their file, or as their text. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.model import Field


def takes(field: Field, kind: ResultKind) -> bool:
    """Return whether a field takes results of a kind.

    The file itself is judged when it is taken. A text goes where there is room for one: in a line
    stand names and the like.
    """
    if field.group == "hidden":
        return False
    if kind == "text":
        return field.kind.takes_texts
    return field.is_media and field.media in ("", kind)


def first_taker(fields: Iterable[Field], kind: ResultKind) -> Field | None:
    """Return the first field for results of a kind, preferring one that takes nothing else."""
    takers = (field for field in fields if takes(field, kind))
    return min(takers, key=lambda field: (not field.media, field.is_painted), default=None)


def taken_kinds(fields: Iterable[Field]) -> tuple[ResultKind, ...]:
    """Return the kinds of results that one of these fields takes."""
    fields = [*fields]
    return tuple(kind for kind in RESULT_TYPES if any(takes(field, kind) for field in fields))
