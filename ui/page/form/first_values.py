"""What a form is drawn from, and what its fields show at first."""

from __future__ import annotations

import secrets
from typing import Any

from comfy.form.check import check
from comfy.form.model import Field, Form
from ui.files.components import Painted
from ui.files.copies import FileCopies
from ui.files.field_files import FieldFiles
from ui.view.browser_values import place_kept

_MISSING = object()


def choice_of(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a form is drawn from: a workflow's name and the values in the address and in the
    browser's keeping, the sections that are open, and how often the page has filled in a form.

    The nonce makes opening the same workflow again a change.
    """
    return {
        "name": name,
        "linked": wanted.get("linked") or {},
        "kept": wanted.get("kept") or {},
        "unfolded": wanted.get("unfolded") or [],
        "filling": str(wanted.get("filling") or 0),
        "nonce": secrets.token_hex(4),
    }


def values_at_first(
    copies: FileCopies, form: Form, choice: dict[str, Any], files: FieldFiles
) -> dict[str, Any]:
    """What each field shows at first: what the address says, else what was typed here before, else
    the author's value.

    Seeds are random unless somebody wants one; pictures start with the author's own where the
    server has it. A file that its field does not take is `Refused`.
    """
    linked, _ = check(
        form, {k: v for k, v in choice["linked"].items() if any(k == f.key for f in form.fields)}
    )
    values: dict[str, Any] = {}
    for field in form.fields:
        match field.is_media, choice["kept"].get(field.key, _MISSING):
            case True, {"file": str(image), "mask": mask}:
                layers = (mask,) if isinstance(mask, str) else ()
                values[field.key] = files.shown(Painted(image, layers), field)
            case True, {"file": _} as file:
                values[field.key] = files.shown(place_kept(file), field)
            case False, value if value is not _MISSING:
                values[field.key] = value
            case _:
                values[field.key] = authors_value(copies, field, files)
        if not field.is_media and field.key in choice["linked"] and field.key in linked:
            values[field.key] = linked[field.key]
    return values


def authors_value(copies: FileCopies, field: Field, files: FieldFiles) -> object:
    """The author's value as the field shows it; a seed is random."""
    if field.widget == "seed":
        return None
    return (
        files.shown(copies.example(field, files.owner), field) if field.is_media else field.default
    )
