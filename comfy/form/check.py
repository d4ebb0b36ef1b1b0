"""Check a user's input and return clean values, or all errors at once by field."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from comfy.base.messages import labeled, listed, message, sentences
from comfy.base.wording import did_you_mean, short
from comfy.form.fill import is_drawn, left_empty
from comfy.form.kinds.dropdown import NotOffered
from comfy.form.model import Field, Form
from comfy.prompt.bypass import take_out
from comfy.prompt.value_types import BadValue, read_value
from comfy.prompt.wildcards import check_blocks

_MAX_KEY = 60
_MOST_KEYS = 500  # maximum of field keys to search for a similar one
_MOST_UNKNOWN = 20  # maximum of unknown keys in messages


def check(
    form: Form, values: Mapping[str, object], *, hints: bool = True
) -> tuple[dict[str, Any], dict[str, str]]:
    """Check all input before anything is sent.

    Takes values by field key in any browser or shell notation. A missing key means the field's
    default. Returns a clean value for every valid field and a message for every invalid one.

    A seed of None stays None, which means random. For an optional file, None and "" become None: no
    file. `hints`: suggest the most similar choice for an unknown one.
    """
    clean: dict[str, Any] = {}
    errors = unknown_fields(values, {field.key for field in form.fields})
    for field in form.fields:
        if field.key not in values and not (
            field.is_media and not field.default_offered and field.group != "hidden"
        ):
            clean[field.key] = field.default
            continue
        try:
            clean[field.key] = _check_field(form, field, values.get(field.key))
        except NotOffered as bad:
            errors[field.key] = sentences(str(bad), bad.close()) if hints else str(bad)
        except BadValue as bad:
            errors[field.key] = str(bad)
    for field, error in _not_all_empty(form, clean):
        del clean[field.key]
        errors[field.key] = error
    return clean, errors


def unknown_fields(values: Iterable[str], keys: Collection[str]) -> dict[str, str]:
    """Return messages about values without a field, by key, at most `_MOST_UNKNOWN`. `keys`: the
    fields' keys."""
    unknown = (key for key in values if key not in keys)
    like = [key for key in keys if len(key) <= _MAX_KEY][:_MOST_KEYS]
    return {
        key: sentences(
            message("There is no field “{field}”.", field=short(key)),
            did_you_mean(key[:_MAX_KEY], like),
        )
        for key in itertools.islice(unknown, _MOST_UNKNOWN)
    }


def _not_all_empty(form: Form, clean: Mapping[str, object]) -> list[tuple[Field, str]]:
    """Return errors if several files are optional individually but can't all be empty."""
    nodes = left_empty(form, clean)
    if len(nodes) < 2 or take_out(form.prompt, form.nodes, nodes, form.needed) is not None:
        return []
    fields = [
        field
        for field in form.fields
        if field.node in nodes and field.key in clean and clean[field.key] is None
    ]
    names = listed(field.label for field in fields)
    needed = message("At least one of these is required: {fields}.", fields=names)
    return [(one, sentences(one.add_file, needed)) for one in fields]


def labelled_errors(form: Form, errors: Mapping[str, str]) -> dict[str, str]:
    """Return the fields' messages with their labels (“Steps: Minimum 1.”), to show outside the
    form."""
    labels = {field.key: field.label for field in form.fields}
    return {
        key: labeled(labels[key], said) if key in labels else said for key, said in errors.items()
    }


def _check_field(form: Form, field: Field, value: object) -> object:
    checked = field.kind.check(field, value)
    if isinstance(checked, str) and is_drawn(form, field):
        check_blocks(checked)
    return checked


def nearest(field: Field, value: object) -> int | float | None:
    """Return the allowed number nearest to one outside the field's limits. None for values and
    fields that aren't numbers."""
    if not field.is_number:
        return None
    try:
        number: int | float = read_value(field.type, value)
    except BadValue:
        return None
    least = number if field.min is None else max(number, field.min)
    return least if field.max is None else min(least, field.max)
