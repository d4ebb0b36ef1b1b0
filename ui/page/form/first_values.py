"""Sources of a form on the page: inputs for drawing it, and its first values."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from comfy.base.messages import message
from comfy.base.wording import short
from comfy.form.check import check, nearest
from comfy.form.model import Field, Form
from comfy.launch.payment import Payment
from comfy.launch.uploads import FILE_GONE, Refused
from comfy.library.permissions import Removal
from comfy.runs.interface import RunRegistry
from comfy.templates.offered import KnownParts
from comfyforms.hooks import FormLink
from ui.documents.browser_values import Filled, filled_in
from ui.files.components import Painted
from ui.files.copies import FileCopies
from ui.files.field_files import FieldFiles
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.page.covers import Covers

_MISSING = object()


def choice_of(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs for drawing a form: the name of a workflow or a chain; the values in the
    URL and in the browser's storage; the open sections; whether to draw the author's draft of the
    form; and a counter of the page's fills. `choice` in `form/form.js` makes the same.

    The nonce makes opening the same workflow again a change.
    """
    return {
        "name": name,
        "linked": wanted.get("linked") or {},
        "kept": wanted.get("kept") or {},
        "unfolded": wanted.get("unfolded") or [],
        "draft": wanted.get("draft") is True,
        "filling": str(wanted.get("filling") or 0),
        "nonce": secrets.token_hex(4),
    }


def _values_at_first(
    copies: FileCopies, form: Form, choice: dict[str, Any], files: FieldFiles
) -> dict[str, Any]:
    """Return each field's first value: from the URL, otherwise as last typed in this browser,
    otherwise the author's.

    Seeds are random unless set. Images start with the author's own if the server has them. A
    missing or unsuitable file is `Refused`.
    """
    linked, _ = linked_values(form, choice["linked"])
    values: dict[str, Any] = {}
    for field in form.fields:
        match field.is_media, choice["kept"].get(field.key, _MISSING):
            case True, {"file": str(image), "mask": mask}:
                layers = (mask,) if isinstance(mask, str) else ()
                values[field.key] = files.shown(Painted(image, layers), field) or Refused(FILE_GONE)
            case True, {"file": str(file_id)}:
                values[field.key] = files.shown(file_id, field) or Refused(FILE_GONE)
            case True, {"file": _} | None:  # the user may have removed the author's
                values[field.key] = None
            case False, value if value is not _MISSING:
                values[field.key] = value
            case _:
                values[field.key] = authors_value(copies, field, files)
        if field.key in linked:
            values[field.key] = linked[field.key]
    return values


@dataclass(frozen=True, slots=True)
class FirstShown:
    """First values of a form: `values`, with None for a refused file; `filled`, the same in the
    script's format; and the `places` of the author's examples."""

    values: dict[str, Any]
    filled: Filled
    places: dict[str, str | None]


def first_shown(
    copies: FileCopies, form: Form, choice: dict[str, Any], files: FieldFiles
) -> FirstShown:
    """Return a form's first values; see `_values_at_first`."""
    # Look up the examples first: the browser may have kept the place of an example that was removed
    # since.
    places = {
        field.key: copies.example(field, files.owner) for field in form.fields if field.is_media
    }
    values = _values_at_first(copies, form, choice, files)
    shown = {key: None if isinstance(value, Refused) else value for key, value in values.items()}
    errors = {key: value.why for key, value in values.items() if isinstance(value, Refused)}
    return FirstShown(
        shown, filled_in(in_readers_language(form.fields), shown, places, errors), places
    )


def in_readers_language(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Return fields whose defaults are in the reader's language, if they are examples of ours."""
    return tuple(
        replace(one, default=translated(one.example)) if one.example else one for one in fields
    )


def linked_values(form: Form, given: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Return the values in a URL that the form accepts, with numbers moved into their limits, and a
    message for each value that was changed or dropped."""
    fields = [f for f in form.fields if f.key in given and f.group != "hidden" and not f.is_media]
    clean, errors = check(form, {field.key: given[field.key] for field in fields})
    values = {field.key: clean[field.key] for field in fields if field.key in clean}
    messages: list[str] = []
    for field in fields:
        close, is_wrong = nearest(field, given[field.key]), field.key in errors
        if not is_wrong and (close is None or values[field.key] == close):
            continue
        if is_wrong and close is not None:
            values[field.key] = close
        messages.append(
            message(
                "{field}: “{value}” in this link isn't allowed and was replaced.",
                field=field.label,
                value=short(str(given[field.key])),
            )
        )
    return values, messages


def authors_value(copies: FileCopies, field: Field, files: FieldFiles) -> object:
    """Return the author's value as the field shows it. A seed becomes random unless the author's
    App keeps it, or counts from a random start."""
    if field.is_seed and not field.is_fixed:
        return "+" if field.counts else None
    [field] = in_readers_language([field])
    return (
        files.shown(copies.example(field, files.owner), field) if field.is_media else field.default
    )


@dataclass(frozen=True, slots=True)
class FormSources:
    """Workflows, files and runs. `payment`: rules for paid runs; `signs_in`: users have accounts,
    except guests; `largest_file`: bytes; `known_parts`: sources of missing parts; `demo`: the
    server is the stand-in; `links`: returns plugins' links of a user's form; `covers`: finds the
    examples of workflows."""

    library: WorkflowLibrary
    removal: Removal
    copies: FileCopies
    runs: RunRegistry
    payment: Payment
    signs_in: bool
    largest_file: int
    known_parts: KnownParts
    demo: bool
    links: Callable[[str, str], Sequence[FormLink]]
    covers: Covers
