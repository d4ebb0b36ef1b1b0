"""Fill checked values into a prompt, like the editor when it queues one: replace names and dates in
file prefixes, and resolve wildcards in texts.

The server does neither. The final texts are returned, so that a run can show them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from comfy.comfyui.input_spec import RowGroup
from comfy.form.added_nodes import without_added
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, next_seed
from comfy.prompt.arrange import arrange
from comfy.prompt.bypass import take_out
from comfy.prompt.model import InputRef, Prompt, with_inputs
from comfy.prompt.rows import read_rows, write_rows
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
    """Return a new prompt with the checked values in all their inputs, and the final values. Random
    seeds are drawn, wildcards in texts are resolved, and names and dates in file prefixes are
    replaced (`now`: the time of the run).

    Fields without a value get the form's default. Optional files of None are removed with their
    dependents. Of a dynamic combo only the chosen option's inputs are sent. The workflow isn't
    changed.
    """
    given = {field.key: values.get(field.key, field.default) for field in form.fields}
    arranged = arrange(workflow.prompt, form.nodes, given).prompt
    prompt = {key: with_inputs(node, {**node["inputs"]}) for key, node in arranged.items()}
    used: dict[str, Any] = {}
    for field in form.fields:
        targets = [target for target in field.targets if _is_there(form, field, prompt, target)]
        if not targets:
            continue
        value = _sent(field, given[field.key], rng)
        if value is None and not field.optional:
            continue
        if field.group != "hidden" or field.key in values:
            used[field.key] = value
        for target in targets:
            _set(form, field, prompt, target, copy.deepcopy(value))
    empty = left_empty(form, used)
    without = take_out(prompt, form.nodes, empty, form.needed) if empty else None
    names = workflow.names or prefix_names(prompt)
    sent, texts = _as_queued(
        form, prompt if without is None else without, rng, now or datetime.now(), names
    )
    texts = {key: text for key, text in texts.items() if key in used}
    return without_added(sent, form.nodes), used | texts


def _sent(field: Field, value: object, rng: random.Random) -> object:
    if not field.is_seed or not isinstance(value, int | CountUp | None):
        return value
    return next_seed(field, value, rng)


def targets_of(field: Field, prompt: Prompt) -> tuple[InputRef, ...]:
    """Return the inputs of a filled-in prompt that get a field's value."""
    return tuple(
        target
        for target in field.targets
        if target.node in prompt and target.input in prompt[target.node]["inputs"]
    )


def _is_there(form: Form, field: Field, prompt: Prompt, target: InputRef) -> bool:
    """Return False for inputs of options that aren't chosen, and of files that aren't added."""
    node, name = target
    if node not in prompt:
        return False
    if field.columns:
        return _rows_at(form, prompt, target) is not None
    return name in prompt[node]["inputs"]


def _set(form: Form, field: Field, prompt: Prompt, target: InputRef, value: Any) -> None:  # noqa: ANN401
    """Set an input, or the inputs that a group of rows stands for."""
    node = prompt[target.node]
    group = _rows_at(form, prompt, target) if field.columns else None
    if group is None:
        node["inputs"][target.input] = value
    else:
        prompt[target.node] = with_inputs(node, write_rows(group, node["inputs"], value))


def _rows_at(form: Form, prompt: Prompt, target: InputRef) -> RowGroup | None:
    node = prompt[target.node]
    spec = form.nodes.get(node["class_type"])
    own = spec.active_inputs(node["inputs"]).get(target.input) if spec else None
    return own.rows if own else None


def left_empty(form: Form, values: Mapping[str, object]) -> list[str]:
    """Return the nodes of optional files without a value."""
    return [
        field.node
        for field in form.fields
        if field.optional and field.is_media and field.key in values and values[field.key] is None
    ]


def _as_queued(
    form: Form, prompt: Prompt, rng: random.Random, now: datetime, names: PrefixNames
) -> tuple[Prompt, dict[str, Any]]:
    """Return a new prompt as the editor would queue it, and the changed texts by field key.

    `names`: the names that file prefixes may use. Prefixes get the texts as typed, as in the
    editor. A field that sets several inputs sends the same text to all of them.
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
    return sent, changed | _drawn_rows(form, sent, rng)


def _drawn_rows(form: Form, sent: Prompt, rng: random.Random) -> dict[str, Any]:
    """Resolve the wildcards in cells of rows, and return the changed rows by field key."""
    changed: dict[str, Any] = {}
    for field in form.fields:
        for target in field.targets if field.columns else ():
            group = _rows_at(form, sent, target) if target.node in sent else None
            inputs = sent[target.node]["inputs"] if group else {}
            for name, typed in inputs.items():
                if not isinstance(typed, str) or not group or not group.place(name):
                    continue
                if _takes_wildcards(form, sent, target.node, name):
                    inputs[name] = resolve_wildcards(typed, rng)
                    if inputs[name] != typed:
                        changed[field.key] = read_rows(group, inputs)
    return changed


def is_drawn(form: Form, field: Field) -> bool:
    """Return whether an alternative in this field's text is drawn at queue time."""
    return any(_takes_wildcards(form, form.prompt, *target) for target in field.targets)


def drawn_texts(form: Form) -> frozenset[str]:
    """Return the keys of the fields whose texts have alternatives drawn at queue time."""
    return frozenset(one.key for one in form.fields if is_drawn(form, one))


def literal_texts(
    drawn: Collection[_Key], values: Mapping[_Key, _Value]
) -> dict[_Key, _Value | str]:
    """Return sent values in a form that can be sent again. Texts of the fields in `drawn` (see
    `drawn_texts`) are escaped, so that they stay literal."""
    return {
        key: literal_text(one) if isinstance(one, str) and key in drawn else one
        for key, one in values.items()
    }


def _takes_wildcards(form: Form, prompt: Prompt, node_id: str, name: str) -> bool:
    """Return whether wildcards in this input's text are resolved at queue time."""
    node = prompt[node_id]
    spec = form.nodes.get(node["class_type"])
    own = spec.active_inputs(node["inputs"]).get(name) if spec else None
    return own is not None and own.options.get("dynamicPrompts") is True
