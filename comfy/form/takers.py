"""Matching of results to fields, by the kinds of both: as the field's file, or as its text.
Pure."""

from __future__ import annotations

from collections.abc import Iterable

from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.model import Field


def takes(field: Field, kind: ResultKind) -> bool:
    """Return whether a field takes results of a kind.

    The file itself is checked when the field takes it. Only multiline fields take texts:
    single-line ones hold names and the like.
    """
    if field.group == "hidden":
        return False
    if kind == "text":
        return field.kind.takes_texts
    return field.is_media and field.media in ("", kind)


def first_taker(fields: Iterable[Field], kind: ResultKind) -> Field | None:
    """Return the first field for results of a kind, preferring fields for this kind only."""
    takers = (field for field in fields if takes(field, kind))
    return min(takers, key=lambda field: (not field.media, field.is_painted), default=None)


def main_prompt(fields: Iterable[Field]) -> Field | None:
    """Return the main field whose text describes the image; None without one."""
    return next((one for one in fields if one.role == "prompt" and one.group == "main"), None)


def taken_kinds(fields: Iterable[Field]) -> tuple[ResultKind, ...]:
    """Return the kinds of results that these fields take."""
    fields = [*fields]
    return tuple(kind for kind in RESULT_TYPES if any(takes(field, kind) for field in fields))
