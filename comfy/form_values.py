"""The way back: what a person entered becomes checked values, and these become a prompt."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from comfy.form_config import did_you_mean
from comfy.form_fields import Field, Form, Widget
from comfy.form_types import BadValue, match_choice, read_bool, read_text, read_value
from comfy.labels import plain_number
from comfy.workflow import Prompt, Workflow

# Above this, browsers and the editor can no longer hold a seed exactly. Typed seeds may be larger, random ones are not.
MAX_RANDOM_SEED = 2**53 - 1

MAX_FILE_NAME = 1_000

ADD_MEDIA: Mapping[Widget, str] = MappingProxyType(
    {
        "image": "needs a picture.",
        "mask": "needs a picture.",
        "audio": "needs a sound file.",
        "video": "needs a video.",
        "file": "needs a file.",
    }
)


def check(form: Form, values: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, str]]:
    """Check everything that was entered, before anything is sent.

    Takes values by field key, in any spelling a browser or a shell may use; a missing key means the field's default.
    Answers a clean value for every good field and a sentence for every bad one. A seed of None stays None: random.
    """
    clean: dict[str, Any] = {}
    errors: dict[str, str] = {}
    keys = [field.key for field in form.fields]
    for key in values:
        if key not in keys:
            errors[key] = f"There is no field “{key}”.{did_you_mean(key, keys)}"
    for field in form.fields:
        if field.key not in values and not (field.is_media and not field.default_offered and field.group != "hidden"):
            clean[field.key] = field.default
            continue
        try:
            clean[field.key] = _check_field(field, values.get(field.key))
        except BadValue as bad:
            errors[field.key] = f"{field.label} {bad}"
    return clean, errors


def fill(
    workflow: Workflow, form: Form, values: Mapping[str, object], rng: random.Random
) -> tuple[Prompt, dict[str, Any]]:
    """A new prompt with checked values in all their places, and the values really used: seeds of None are drawn.

    Fields without a value get the form's default. The workflow is not changed.
    """
    prompt = copy.deepcopy(workflow.prompt)
    used: dict[str, Any] = {}
    for field in form.fields:
        value = values.get(field.key, field.default)
        if field.widget == "seed" and value is None:
            value = random_seed(field, rng)
        if value is None:
            continue
        for node, name in field.targets:
            prompt[node]["inputs"][name] = copy.deepcopy(value)
        if field.group != "hidden" or field.key in values:
            used[field.key] = value
    return prompt, used


def random_seed(field: Field, rng: random.Random) -> int:
    """A seed within the field's limits, none of them negative (that means "random" to some nodes)."""
    low = max(0, int(field.min or 0))
    high = int(field.max if field.max is not None else MAX_RANDOM_SEED)
    return rng.randint(low, max(low, min(high, MAX_RANDOM_SEED)))


def round_value(field: Field, value: int | float) -> int | float:
    """Round as the editor does: whole numbers to steps counted from the minimum, others to the node's `round`."""
    if isinstance(value, int):
        step = int(field.step or 1)
        offset = int(field.min or 0) % step
        return (value - offset + step // 2) // step * step + offset
    if field.round:
        grain = Decimal(str(field.round))
        return float((Decimal(str(value)) / grain).to_integral_value(ROUND_HALF_UP) * grain)
    return value


def _check_field(field: Field, value: object) -> Any:
    return CHECKS[field.widget](field, value)


def _check_number(field: Field, value: object) -> int | float:
    number: int | float = read_value(field.type, value)
    if number == field.default:
        return number
    if field.min is not None and number < field.min:
        raise BadValue(f"must be at least {plain_number(field.min)}.")
    if field.max is not None and number > field.max:
        raise BadValue(f"must be at most {plain_number(field.max)}.")
    rounded = number if field.widget == "seed" else round_value(field, number)
    if field.max is not None and rounded > field.max:
        return number if field.type == "FLOAT" else rounded - int(field.step or 1)
    return rounded if field.min is None else max(rounded, field.min)


def _check_seed(field: Field, value: object) -> int | float | None:
    empty = value is None or (isinstance(value, str) and not value.strip())
    return None if empty else _check_number(field, value)


def _check_text(field: Field, value: object) -> str:
    text = read_text(value)
    if field.required and not text.strip():
        raise BadValue("must not be empty.")
    return text


def _check_choice(field: Field, value: object) -> Any:
    offered = tuple(choice for _, choice in field.choices or ())
    if type(value) is type(field.default) and value == field.default:
        return value
    if value is None or (value == "" and "" not in offered):
        raise BadValue("needs a choice.")
    try:
        return match_choice(value, offered)
    except BadValue:
        close = did_you_mean(str(value), map(str, offered))
        raise BadValue(f"cannot be “{str(value)[:80]}”: the server does not offer it.{close}") from None


def _check_media(field: Field, value: object) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise BadValue(ADD_MEDIA[field.widget])
        return field.default
    if not isinstance(value, str) or len(value) > MAX_FILE_NAME or not value.isprintable():
        raise BadValue("must be the name of an uploaded file.")
    return value


CHECKS: Mapping[Widget, Callable[[Field, object], Any]] = MappingProxyType(
    {
        "text": _check_text,
        "textarea": _check_text,
        "number": _check_number,
        "slider": _check_number,
        "checkbox": lambda field, value: read_bool(value),
        "dropdown": _check_choice,
        "seed": _check_seed,
        "image": _check_media,
        "mask": _check_media,
        "audio": _check_media,
        "video": _check_media,
        "file": _check_media,
    }
)
