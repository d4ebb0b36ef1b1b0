"""The way back: what a person entered becomes checked values, and these become a prompt."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Any

from comfy.arrangement import arrange
from comfy.bypass import take_out
from comfy.file_prefix import aliases_of
from comfy.form_config import did_you_mean
from comfy.form_fields import Field, Form, Widget
from comfy.form_types import BadValue, match_choice, read_bool, read_text, read_value
from comfy.labels import plain_number, short
from comfy.seeds import Increment, next_seed
from comfy.sending import as_queued
from comfy.workflow import Prompt, Workflow

MAX_FILE_NAME = 1_000
MAX_KEY = 200
MOST_UNKNOWN = 20  # keys that are no fields and are told so

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
    Answers a clean value for every good field and a sentence for every bad one. A seed of None stays None: random; an
    optional file of None or "" is None: without it.
    """
    clean: dict[str, Any] = {}
    errors: dict[str, str] = {}
    keys = {field.key for field in form.fields}
    for key in itertools.islice((key for key in values if key not in keys), MOST_UNKNOWN):
        errors[key] = f"There is no field {short(key)}.{did_you_mean(key[:MAX_KEY], keys)}"
    for field in form.fields:
        if field.key not in values and not (field.is_media and not field.default_offered and field.group != "hidden"):
            clean[field.key] = field.default
            continue
        try:
            clean[field.key] = _check_field(field, values.get(field.key))
        except BadValue as bad:
            errors[field.key] = f"{field.label} {bad}"
    for field, said in _not_all_empty(form, clean):
        del clean[field.key]
        errors[field.key] = said
    return clean, errors


def fill(
    workflow: Workflow,
    form: Form,
    values: Mapping[str, object],
    rng: random.Random,
    now: datetime | None = None,
) -> tuple[Prompt, dict[str, Any]]:
    """A new prompt with checked values in all their places, and the values really used: seeds of None are drawn,
    wildcards in texts are resolved, names and dates in file prefixes are filled in (`now`: the moment of the run).

    Fields without a value get the form's default, optional files of None are taken out with what hangs on them, and of
    a dynamic combo only the chosen option's inputs are sent. The workflow is not changed.
    """
    given = {field.key: values.get(field.key, field.default) for field in form.fields}
    prompt = copy.deepcopy(arrange(workflow.prompt, form.nodes, given).prompt)
    used: dict[str, Any] = {}
    for field in form.fields:
        targets = [(node, name) for node, name in field.targets if _is_there(prompt, node, name)]
        if not targets:
            continue
        value = _sent(field, given[field.key], rng)
        if value is None and not field.optional:
            continue
        if field.group != "hidden" or field.key in values:
            used[field.key] = value
        for node, name in targets:
            prompt[node]["inputs"][name] = copy.deepcopy(value)
    without = take_out(prompt, form.nodes, _left_empty(form, used), form.needed)
    aliases = aliases_of(workflow.graph) if workflow.graph else {}
    sent, texts = as_queued(form, prompt if without is None else without, rng, now or datetime.now(), aliases)
    return sent, used | {key: text for key, text in texts.items() if key in used}


def _sent(field: Field, value: Any, rng: random.Random) -> Any:
    if field.widget != "seed" or not isinstance(value, int | Increment | None):
        return value
    return next_seed(field, value, rng)


def _is_there(prompt: Prompt, node: str, name: str) -> bool:
    """False for the inputs of options that were not chosen, and of files that were not added."""
    return node in prompt and ("." not in name or name in prompt[node]["inputs"])


def _left_empty(form: Form, values: Mapping[str, object]) -> list[str]:
    """The nodes of optional files of which there are to be none."""
    return [
        field.node
        for field in form.fields
        if field.optional and field.is_media and field.key in values and values[field.key] is None
    ]


def _not_all_empty(form: Form, clean: Mapping[str, object]) -> list[tuple[Field, str]]:
    """What is wrong where each of several files could be left empty, but not all of them."""
    nodes = _left_empty(form, clean)
    if len(nodes) < 2 or take_out(form.prompt, form.nodes, nodes, form.needed) is not None:
        return []
    fields = [field for field in form.fields if field.node in nodes and field.key in clean and clean[field.key] is None]
    names = " and ".join(field.label for field in fields)
    return [(one, f"{one.label} {ADD_MEDIA[one.widget][:-1]}: {names} cannot all be left empty.") for one in fields]


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


def _check_seed(field: Field, value: object) -> int | float | Increment | None:
    if isinstance(value, Increment):
        return Increment(int(_check_number(field, value.last)))
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
        said = str(value)[:MAX_KEY] if isinstance(value, str | int | float | None) else "this"
        close = did_you_mean(said, map(str, offered))
        raise BadValue(f"cannot be “{said[:80]}”: the server does not offer it.{close}") from None


def _check_media(field: Field, value: object) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.required:
            raise BadValue(ADD_MEDIA[field.widget])
        return None if field.optional else field.default
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
