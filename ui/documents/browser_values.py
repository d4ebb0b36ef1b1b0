"""Format of field values in browsers: the only description of it. Pure.

| value            | in the browser's storage and in links |
|------------------|---------------------------------------|
| a random seed    | null                                  |
| a seed           | its digits, as text                   |
| a seed to count  | the same with a plus before it        |
| a long number    | its digits, as text                   |
| in a text box    | its text                              |
| a color          | as CSS writes it, mostly "#rrggbb"    |
| a box            | a list of x, y, width and height      |
| a curve          | a list of its points, `[x, y]` each   |
| rows             | a list of objects                     |
| a file           | `{"file": place}`                     |
| a masked image   | `{"file": place, "mask": place}`      |
| anything else    | itself                                |

Without a mask, `"mask"` is null. Links contain the numbers of boxes and curves in turn, rows as
JSON, and no files. `ui/page/script/form/values.js` converts the values of Gradio's components; both
are tested with the same samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.base.messages import message
from comfy.form.model import Field
from comfy.form.seeds import CountUp
from comfy.prompt.rows import parse_rows

_EXACT = 2**53  # above it, a browser's numbers lose digits, so values are text
RANDOM, FIXED, COUNTING = "random", "fixed", "counting"


def _is_exact(number: float) -> bool:
    """Return whether a browser keeps all digits of a whole number."""
    return abs(number) <= _EXACT


def has_long_numbers(field: Field) -> bool:
    """Return whether a number field is a text box, because a browser's numbers would lose
    digits."""
    return field.type == "INT" and field.widget == "number" and not _is_exact(field.max or 0)


def kept(value: object) -> object:
    """Convert a value to the browser's format. For files, see `file_kept`."""
    match value:
        case CountUp(last):
            return f"+{last}"
        case int() if not _is_exact(value):
            return str(value)
    return value


def _value_kept(field: Field, value: object) -> object:
    """Convert a value to browser JSON. An unreadable value stays as the user typed it."""
    if has_long_numbers(field):
        return None if value is None else str(value)
    return kept(field.kind.to_json(value))


def file_kept(place: str | None) -> dict[str, str | None]:
    """Return a file in the browser's format. `place`: its id in this app, None if it is gone."""
    return {"file": place}


def painted_kept(place: str | None, mask: str | None = None) -> dict[str, str | None]:
    """Return an image and its paint in the browser's format."""
    return file_kept(place) | {"mask": mask}


def places_kept(value: object) -> tuple[object, ...]:
    """Return the ids in a file in the browser's format: its own, then its mask's if it has one."""
    if not isinstance(value, Mapping):
        return ()
    return tuple(value[part] for part in ("file", "mask") if value.get(part) is not None)


def seed_of(text: object, mode: object) -> object:
    """Convert a text and a mode to a seed in the format of `comfy`; None for a random one."""
    typed = str(text or "").strip()
    if mode == RANDOM or not typed:
        return None
    return CountUp(int(typed)) if mode == COUNTING and typed.isdecimal() else typed


def seed_parts(value: object) -> tuple[str, str]:
    """Return the text and the mode of a seed, either from `comfy` or in the browser's format."""
    match value:
        case None:
            return "", RANDOM
        case CountUp(last):
            return str(last), COUNTING
        case str() if value.startswith("+"):
            return value[1:], COUNTING
        case _:
            return str(value), FIXED


def value_text(value: object) -> str:
    match value:
        case bool():
            return message("Yes") if value else message("No")
        case float():
            return f"{value:.10g}"
        case {"x": x, "y": y, "width": width, "height": height}:
            return f"{width} × {height} ({x}, {y})"
        case [dict(), *_]:
            return ", ".join(_row_text(row) for row in parse_rows(value))
        case {"points": list(points)}:
            return ", ".join(str(tuple(point)) for point in points)
        case _:
            return str(value)


def _row_text(row: Mapping[str, object]) -> str:
    """Return a row's texts and numbers, without its switches."""
    cells = [one for one in row.values() if isinstance(one, str | int | float)]
    return " ".join(value_text(one) for one in cells if not isinstance(one, bool))


def number_rules(fields: Iterable[Field]) -> dict[str, dict[str, object]]:
    """Return the limits of a form's numbers, by field key, for `values.js`. Leaves out numbers
    whose digits a browser would lose."""
    return {
        field.key: {
            "whole": field.type == "INT",
            "min": field.min,
            "max": field.max,
            "step": int(field.step or 1) if field.type == "INT" else 0,
            "grain": field.round or None,
            "typical": field.default,
        }
        for field in fields
        if field.type in ("INT", "FLOAT")
        and field.is_number
        and _is_exact(field.max or 0)
        and _is_exact(field.min or 0)
    }


def seed_rules(fields: Iterable[Field]) -> dict[str, dict[str, str | None]]:
    """Return the limits of the seeds among the fields, in digits."""
    return {
        field.key: {
            "least": _digits(field.min),
            "most": _digits(field.max),
            "typical": _digits(field.default),
        }
        for field in fields
        if field.is_seed
    }


def _digits(number: object) -> str | None:
    return str(int(number)) if isinstance(number, int | float) else None


@dataclass(frozen=True, slots=True)
class Filled:
    """A form's first values and its author's values, by field key, in the browser's format. Both
    leave out seeds and painted images, which have no author's value. `errors`: messages on fields
    whose files couldn't be shown. `held`: the values of a first submission, including seeds and
    painted images."""

    values: dict[str, Any]
    authors: dict[str, Any]
    errors: Mapping[str, str]
    held: dict[str, Any]


def filled_in(
    fields: Iterable[Field],
    shown: Mapping[str, Any],
    examples: Mapping[str, str | None],
    errors: Mapping[str, str],
) -> Filled:
    """Return a form's first values. `shown`: the values of the fields' components. `examples`: the
    ids of the author's files, for all file fields."""
    values: dict[str, Any] = {}
    authors: dict[str, Any] = {}
    for field in fields:
        if field.is_media:
            if field.is_painted:
                continue
            file = shown[field.key]
            values[field.key] = file_kept(file["path"]) if file else None
            file_id = examples[field.key]
            authors[field.key] = file_kept(file_id) if file_id else None
        elif not field.is_seed:
            values[field.key] = _value_kept(field, shown[field.key])
            authors[field.key] = _value_kept(field, field.default)
    held = {
        field.key: values[field.key] if field.key in values else _held(field, shown[field.key])
        for field in fields
        if field.group != "hidden"
    }
    return Filled(values, authors, errors, held)


def _held(field: Field, shown: object) -> object:
    """Convert the value of a seed's or a painted image's component to browser JSON."""
    if not field.is_painted:
        text, mode = seed_parts(shown)
        return {RANDOM: None, COUNTING: f"+{text}"}.get(mode, text)
    if not isinstance(shown, Mapping):
        return None
    layers = [layer["path"] for layer in shown["layers"]]
    return painted_kept(shown["background"]["path"], *layers[:1])


def run_values(values: Mapping[str, Any], places: Mapping[str, str | None]) -> dict[str, Any]:
    """Return a run's values by field key, in the browser's format. `places`: the ids of its
    files."""
    return {key: kept(value) for key, value in values.items()} | {
        key: file_kept(place) for key, place in places.items()
    }
