"""What a person entered becomes checked values: all that is wrong at once, each on its field."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from comfy.base.messages import listed, message, sentences
from comfy.base.wording import did_you_mean, maximum, minimum, short
from comfy.form.fill import is_drawn, left_empty
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp
from comfy.prompt.bypass import take_out
from comfy.prompt.shapes import drawn, read_box, read_points
from comfy.prompt.value_types import (
    BadValue,
    match_choice,
    read_bool,
    read_color,
    read_text,
    read_value,
)
from comfy.prompt.wildcards import check_blocks
from comfy.workflow.config import Widget

_MAX_FILE_NAME = 1_000
_MAX_KEY = 60
_MOST_KEYS = 500  # fields among which the one that may be meant is looked for
_MOST_UNKNOWN = 20  # keys that are no fields and are told so

NOT_ON_SERVER = message("This isn't on the server. Choose another.")

ADD_MEDIA: Mapping[Widget, str] = MappingProxyType(
    {
        "image": message("Add an image."),
        "mask": message("Add an image."),
        "audio": message("Add an audio file."),
        "video": message("Add a video."),
        "file": message("Add a file."),
    }
)


class _NotOffered(BadValue):
    """A value is none of those that a field offers; `close` says which one may be meant, which
    takes long where there are many."""

    def __init__(self, value: str, offered: Iterable[object]) -> None:
        super().__init__(
            message("“{value}” isn't on the server. Choose another.", value=value[:80])
        )
        self._value, self._offered = value, offered

    def close(self) -> str:
        return did_you_mean(self._value, map(str, self._offered))


def check(
    form: Form, values: Mapping[str, object], *, hints: bool = True
) -> tuple[dict[str, Any], dict[str, str]]:
    """Check everything that was entered, before anything is sent.

    Takes values by field key, in any spelling a browser or a shell may use; a missing key means the
    field's default. Answers a clean value for every good field and a sentence for every bad one. A
    seed of None stays None: random; an optional file of None or "" is None: without it. `hints`:
    say of a choice that is not offered which one may be meant.
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
        except _NotOffered as bad:
            errors[field.key] = sentences(str(bad), bad.close()) if hints else str(bad)
        except BadValue as bad:
            errors[field.key] = str(bad)
    for field, said in _not_all_empty(form, clean):
        del clean[field.key]
        errors[field.key] = said
    return clean, errors


def unknown_fields(values: Iterable[str], keys: Collection[str]) -> dict[str, str]:
    """What is said of values that have no field, by their keys; of so many at most. `keys`: those
    of the fields."""
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
    """What is wrong where each of several files could be left empty, but not all of them."""
    nodes = left_empty(form, clean)
    if len(nodes) < 2 or take_out(form.prompt, form.nodes, nodes, form.needed) is not None:
        return []
    fields = [
        field
        for field in form.fields
        if field.node in nodes and field.key in clean and clean[field.key] is None
    ]
    names = listed(field.label for field in fields)
    needed = message("At least one of these is needed: {fields}.", fields=names)
    return [(one, sentences(ADD_MEDIA[one.widget], needed)) for one in fields]


def labelled_errors(form: Form, errors: Mapping[str, str]) -> dict[str, str]:
    """Sentences that stand on fields, as they are told away from these: "Steps: Minimum 1."."""
    labels = {field.key: field.label for field in form.fields}
    return {
        key: message("{field}: {problem}", field=labels[key], problem=said)
        if key in labels
        else said
        for key, said in errors.items()
    }


def _round_value(field: Field, value: int | float) -> int | float:
    """Round as the editor does: whole numbers to steps counted from the minimum, others to the
    node's `round`."""
    if isinstance(value, int):
        step = int(field.step or 1)
        offset = int(field.min or 0) % step
        return (value - offset + step // 2) // step * step + offset
    if field.round:
        grain = Decimal(str(field.round))
        return float((Decimal(str(value)) / grain).to_integral_value(ROUND_HALF_UP) * grain)
    return value


def _check_field(form: Form, field: Field, value: object) -> object:
    checked = CHECKS[field.widget](field, value)
    if isinstance(checked, str) and is_drawn(form, field):
        check_blocks(checked)
    return checked


def _check_number(field: Field, value: object) -> int | float:
    if isinstance(value, bool):
        raise BadValue(message("Enter a number."))
    number: int | float = read_value(field.type, value)
    if number == field.default:
        return number
    if field.min is not None and number < field.min:
        raise BadValue(minimum(field.min))
    if field.max is not None and number > field.max:
        raise BadValue(maximum(field.max))
    rounded = number if field.widget == "seed" else _round_value(field, number)
    if field.max is not None and rounded > field.max:
        return number if field.type == "FLOAT" else rounded - int(field.step or 1)
    return rounded if field.min is None else max(rounded, field.min)


def nearest(field: Field, value: object) -> int | float | None:
    """The allowed number that is closest to one out of its limits; None for what is no number, and
    for a field of another kind."""
    if field.widget not in ("number", "slider"):
        return None
    try:
        number: int | float = read_value(field.type, value)
    except BadValue:
        return None
    least = number if field.min is None else max(number, field.min)
    return least if field.max is None else min(least, field.max)


def _check_color(field: Field, value: object) -> int | str:
    """A number or "#rrggbb", as the server's type has it; the author's own stays as it is."""
    if field.type == "INT" and isinstance(value, str) and value.strip().isdecimal():
        value = read_value("INT", value)
    color = read_color(value)
    with suppress(BadValue):
        if color == read_color(field.default):
            own: int | str = field.default
            return own
    return int(color[1:], 16) if field.type == "INT" else color


def _check_box(field: Field, value: object) -> object:
    box = read_box(value)
    return field.default if box == read_box(field.default) else box.value


def _check_curve(field: Field, value: object) -> object:
    points = read_points(value)
    return field.default if points == read_points(field.default) else drawn(field.default, points)


def _check_seed(field: Field, value: object) -> int | float | CountUp | None:
    if isinstance(value, CountUp):
        return replace(value, last=int(_check_number(field, value.last)))
    empty = value is None or (isinstance(value, str) and not value.strip())
    return None if empty else _check_number(field, value)


def _check_text(field: Field, value: object) -> str:
    text = read_text(value)
    if field.required and not text.strip():
        raise BadValue(message("Enter some text."))
    return text


def _check_choice(field: Field, value: object) -> object:
    offered = tuple(choice for _, choice in field.choices or ())
    if type(value) is type(field.default) and value == field.default:
        return value
    if value is None or (value == "" and "" not in offered):
        raise BadValue(message("Choose one."))
    try:
        return match_choice(value, offered)
    except BadValue:
        if isinstance(value, str | int | float):
            raise _NotOffered(str(value)[:_MAX_KEY], offered) from None
        raise BadValue(NOT_ON_SERVER) from None


def _check_media(field: Field, value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise BadValue(ADD_MEDIA[field.widget])
        return None if field.optional else field.default
    if not isinstance(value, str) or len(value) > _MAX_FILE_NAME or not value.isprintable():
        raise BadValue(message("This isn't an uploaded file. Add the file again."))
    return value


CHECKS: Mapping[Widget, Callable[[Field, object], Any]] = MappingProxyType(
    {
        "text": _check_text,
        "textarea": _check_text,
        "number": _check_number,
        "slider": _check_number,
        "checkbox": lambda field, value: read_bool(value),
        "color": _check_color,
        "box": _check_box,
        "curve": _check_curve,
        "dropdown": _check_choice,
        "seed": _check_seed,
        "image": _check_media,
        "mask": _check_media,
        "audio": _check_media,
        "video": _check_media,
        "file": _check_media,
    }
)
