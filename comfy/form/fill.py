"""Fill checked values into a prompt, as the editor would queue it: with names and dates in file
prefixes, and wildcards in texts.

The server knows neither. The final texts are returned, so that a run can show them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, next_seed
from comfy.prompt.arrange import arrange
from comfy.prompt.bypass import take_out
from comfy.prompt.model import InputRef, Prompt, with_inputs
from comfy.prompt.text_replacements import PrefixNames, prefix_names, replace_prefixes
from comfy.prompt.wildcards import literal_text, resolve_wildcards
from comfy.workflow.model import Workflow

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def fill(
    workflow: Workflow,
    form: Form,
    values: Mapping[str, object],
    rng: random.Random,
    now: datetime | None = None,
) -> tuple[Prompt, dict[str, Any]]:
    """Return a new prompt with checked values in all their places, and the final values: random
    seeds are drawn, wildcards in texts are resolved, names and dates in file prefixes are filled
    in (`now`: the time of the run).

    Fields without a value get the form's default, optional files of None are removed with their
    dependents, and of a dynamic combo only the chosen option's inputs are sent. The workflow isn't
    changed.
    """
    given = {field.key: values.get(field.key, field.default) for field in form.fields}
    arranged = arrange(workflow.prompt, form.nodes, given).prompt
    prompt = {key: with_inputs(node, {**node["inputs"]}) for key, node in arranged.items()}
    used: dict[str, Any] = {}
    for field in form.fields:
        targets = [target for target in field.targets if _is_there(prompt, target)]
        if not targets:
            continue
        value = _sent(field, given[field.key], rng)
        if value is None and not field.optional:
            continue
        if field.group != "hidden" or field.key in values:
            used[field.key] = value
        for node, name in targets:
            prompt[node]["inputs"][name] = copy.deepcopy(value)
    empty = left_empty(form, used)
    without = take_out(prompt, form.nodes, empty, form.needed) if empty else None
    names = workflow.names or prefix_names(prompt)
    sent, texts = _as_queued(
        form, prompt if without is None else without, rng, now or datetime.now(), names
    )
    return sent, used | {key: text for key, text in texts.items() if key in used}


def _sent(field: Field, value: object, rng: random.Random) -> object:
    if not field.is_seed or not isinstance(value, int | CountUp | None):
        return value
    return next_seed(field, value, rng)


def targets_of(field: Field, prompt: Prompt) -> tuple[InputRef, ...]:
    """The inputs of a filled-in prompt that a field's value goes to."""
    return tuple(
        target
        for target in field.targets
        if target.node in prompt and target.input in prompt[target.node]["inputs"]
    )


def _is_there(prompt: Prompt, target: InputRef) -> bool:
    """False for the inputs of options that were not chosen, and of files that were not added."""
    node, name = target
    return node in prompt and ("." not in name or name in prompt[node]["inputs"])


def left_empty(form: Form, values: Mapping[str, object]) -> list[str]:
    """Return the nodes of optional files that stay empty."""
    return [
        field.node
        for field in form.fields
        if field.optional and field.is_media and field.key in values and values[field.key] is None
    ]


def _as_queued(
    form: Form, prompt: Prompt, rng: random.Random, now: datetime, names: PrefixNames
) -> tuple[Prompt, dict[str, str]]:
    """A new prompt as the editor would queue it, and the texts that changed, by field key.

    `names`: what its file prefixes may name. Prefixes are filled with the texts as they were typed,
    as the editor has it; a field that sets several inputs sends them one and the same text.
    """
    sent, prefixes = replace_prefixes(prompt, names, now)
    keys = {place: field.key for field in form.fields for place in field.targets}
    changed = {keys.get(place, place.key): text for place, text in prefixes.items()}
    for field in form.fields:
        if field.type != "STRING":
            continue
        places = [
            place
            for place in field.targets
            if place.node in sent and place.input in sent[place.node]["inputs"]
        ]
        typed = [
            sent[node]["inputs"][name]
            for node, name in places
            if _takes_wildcards(form, sent, node, name)
        ]
        if not typed or not isinstance(typed[0], str):
            continue
        text = resolve_wildcards(typed[0], rng)
        if text != typed[0]:
            changed[field.key] = text
            for node, name in places:
                sent[node]["inputs"][name] = text
    return sent, changed


def is_drawn(form: Form, field: Field) -> bool:
    """Tell if an alternative in this field's text is drawn at queue time."""
    return any(_takes_wildcards(form, form.prompt, *target) for target in field.targets)


def drawn_texts(form: Form) -> frozenset[str]:
    """The keys of the fields in whose texts alternatives are drawn when they are queued."""
    return frozenset(one.key for one in form.fields if is_drawn(form, one))


def literal_texts(
    drawn: Collection[_Key], values: Mapping[_Key, _Value]
) -> dict[_Key, _Value | str]:
    """Values that were sent, as they are typed to be sent again: of the fields with the keys
    `drawn` (see `drawn_texts`) texts that stand for themselves alone."""
    return {
        key: literal_text(one) if isinstance(one, str) and key in drawn else one
        for key, one in values.items()
    }


def _takes_wildcards(form: Form, prompt: Prompt, node_id: str, name: str) -> bool:
    """Tell if wildcards in this input's text are resolved at queue time."""
    node = prompt[node_id]
    spec = form.nodes.get(node["class_type"])
    own = spec.active_inputs(node["inputs"]).get(name) if spec else None
    return own is not None and own.options.get("dynamicPrompts") is True
