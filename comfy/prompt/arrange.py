"""Adapt a prompt to a user's values before the form is built: chosen options, added files.

The page draws the form of the adapted prompt, and repeats both when a user chooses another option
or adds a file. New fields follow the field that added them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.comfyui.input_spec import AUTOGROW
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.autogrow import FreePlace, add_loader, add_loaders, loader_for
from comfy.prompt.dynamic_combos import choose_options, combos_of
from comfy.prompt.model import InputRef, Prompt, is_link


@dataclass(frozen=True, slots=True)
class Arranged:
    """A prompt adapted to values.

    `after`: for fields that follow another field, that field's key. `new`: the keys of fields that
    the workflow itself doesn't have. `lacking`: sentences about links that a chosen option needs
    but nothing provides.
    """

    prompt: Prompt
    after: Mapping[str, str] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()


def arrange(
    prompt: Prompt, catalog: Mapping[str, NodeSpec], values: Mapping[str, object]
) -> Arranged:
    """Choose the options and add the files that these values name; other values have no effect.

    The given prompt isn't changed, but the result shares parts of it.
    """
    chosen, changed = choose_options(prompt, catalog, values)
    needed, lacking = _needed(prompt, chosen, catalog, changed)
    full = chosen
    for free_input in needed:
        full = add_loader(full, free_input)
    grown, beside = add_loaders(full, catalog, values.keys())
    after = dict(_after_combos(grown, catalog))
    added = {node_id: node for node_id, node in grown.items() if node_id not in prompt}
    for free_input in needed:
        combo = InputRef(free_input.node, free_input.input.rpartition(".")[0])
        after[free_input.key] = after.get(free_input.loader_id) or combo.key
    for loader_id, leader in beside.items():
        (name,) = added[loader_id]["inputs"]
        first = next(_file_inputs(leader, grown, catalog), leader)
        after[InputRef(loader_id, name).key] = first
    new = {
        InputRef(node_id, name).key
        for node_id in added.keys() | changed
        for name in grown[node_id]["inputs"]
        if node_id in added or name not in prompt[node_id]["inputs"]
    }
    return Arranged(grown, after, frozenset(new), tuple(lacking))


def _needed(
    before: Prompt, prompt: Prompt, catalog: Mapping[str, NodeSpec], changed: frozenset[str]
) -> tuple[list[FreePlace], list[str]]:
    """Return what newly chosen options need: free inputs for loaders, and messages about other
    links."""
    places: list[FreePlace] = []
    lacking: list[str] = []
    for node_id in prompt:
        spec = catalog[prompt[node_id]["class_type"]] if node_id in changed else None
        known = set(_unfed(spec, before[node_id]["inputs"])) if spec else set()
        for name, type_ in _unfed(spec, prompt[node_id]["inputs"]) if spec else ():
            if (name, type_) in known:
                continue
            loader = loader_for(type_, catalog)
            if loader:
                places.append(FreePlace(node_id, name, loader))
            else:
                lacking.append(
                    message(
                        "“{node}” now needs “{input}”, which this workflow doesn't provide.",
                        node=spec.display_name if spec else "",
                        input=plain_words(name),
                    )
                )
    return places, lacking


def _unfed(spec: NodeSpec, inputs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the (input, type) of each link that a node needs but doesn't have."""
    for input_spec in spec.active_inputs(inputs).values():
        if input_spec.type == AUTOGROW and input_spec.member and input_spec.required:
            missing = [name for name in input_spec.slots[: input_spec.least] if name not in inputs]
            yield from ((name, input_spec.member.type) for name in missing)
        elif (
            input_spec.required
            and not input_spec.is_widget
            and not input_spec.is_group
            and input_spec.name not in inputs
        ):
            yield input_spec.name, input_spec.type


def _after_combos(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[tuple[str, str]]:
    for node_id, node in prompt.items():
        spec = catalog.get(node["class_type"])
        for name, combo in combos_of(spec, node["inputs"]).items() if spec else ():
            yield InputRef(node_id, name).key, InputRef(node_id, combo).key


def _file_inputs(node_id: str, prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[str]:
    """Yield the keys of a loader's fields that name a file."""
    node = prompt[node_id]
    spec = catalog.get(node["class_type"])
    for input_spec in spec.inputs if spec else ():
        if (
            input_spec.upload
            and input_spec.name in node["inputs"]
            and not is_link(node["inputs"][input_spec.name])
        ):
            yield InputRef(node_id, input_spec.name).key
