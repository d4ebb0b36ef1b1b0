"""A prompt as somebody's values want it, before it becomes a form: options chosen, further files added.

The page draws the form of the arranged prompt; where a person chooses another option or adds a file, it is arranged and
drawn again. What comes in this way stands in the form right after the field that brought it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from comfy.form_config import FieldConfig
from comfy.form_exposure import Exposed
from comfy.growth import FreePlace, add_loader, add_loaders, loader_for
from comfy.heuristics import judge
from comfy.labels import plain_name
from comfy.object_info import AUTOGROW, NodeSpec
from comfy.options import choose_options, combos_of
from comfy.trace import Trace
from comfy.workflow import Prompt, is_link


@dataclass(frozen=True)
class Arranged:
    """A prompt arranged by values.

    `after` says after which field, by key, a field that goes with another stands; `new` are the keys of fields that the
    workflow itself does not have. `lacking` are sentences about what a chosen option needs and nothing provides.
    """

    prompt: Prompt
    after: Mapping[str, str] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()


def arrange(prompt: Prompt, catalogue: Mapping[str, NodeSpec], values: Mapping[str, object]) -> Arranged:
    """Choose the options and add the files that these values speak of; other values change nothing here.

    The prompt given is not changed, but parts of it are shared.
    """
    chosen, changed = choose_options(prompt, catalogue, values)
    needed, lacking = _needed(prompt, chosen, catalogue, changed)
    full = chosen
    for place in needed:
        full = add_loader(full, place)
    grown, beside = add_loaders(full, catalogue, values.keys())
    after = dict(_after_combos(grown, catalogue))
    added = {node_id: node for node_id, node in grown.items() if node_id not in prompt}
    for place in needed:
        after[place.key] = after.get(place.loader_id) or f"{place.node}.{place.input.rpartition('.')[0]}"
    for loader_id, leader in beside.items():
        (name,) = added[loader_id]["inputs"]
        after[f"{loader_id}.{name}"] = next(_file_inputs(leader, grown, catalogue), leader)
    new = {f"{node_id}.{name}" for node_id, node in added.items() for name in node["inputs"]}
    for node in changed:
        new |= {f"{node}.{name}" for name in grown[node]["inputs"].keys() - prompt[node]["inputs"].keys()}
    return Arranged(grown, after, frozenset(new), tuple(lacking))


def in_order(exposed: Sequence[Exposed], arranged: Arranged, trace: Trace) -> list[Exposed]:
    """The fields in the order in which they are read: each that goes with another right after it.

    New ones take the other's group, for the workflow's author said nothing about them; where the author arranged a
    field, or it is more important than the one that brought it, it stays where it is.
    """
    by_key = {one.candidate.key: one for one in exposed}
    moved: dict[str, list[str]] = defaultdict(list)
    for key, one in list(by_key.items()):
        leader = by_key.get(arranged.after.get(key, ""))
        if leader is None or leader is one:
            continue
        if key in arranged.new:
            by_key[key] = one = _adopted(one, leader, trace)
        elif one.source != "heuristic" or one.exposure.rank < leader.exposure.rank:
            continue
        if (one.exposure.group, one.section) == (leader.exposure.group, leader.section):
            moved[leader.candidate.key].append(key)
    followers = {key for keys in moved.values() for key in keys}
    order: list[Exposed] = []
    todo = [key for key in reversed(by_key) if key not in followers]
    while todo:
        key = todo.pop()
        order.append(by_key[key])
        todo.extend(reversed(moved.get(key, [])))
    return order


def _adopted(one: Exposed, leader: Exposed, trace: Trace) -> Exposed:
    """A new field as part of what its leader belongs to. What heuristics put first, such as a text, stays first."""
    beside_file = bool(leader.candidate.spec and leader.candidate.spec.upload)
    prominent = one.exposure.group == "main" and leader.exposure.group != "main" and not beside_file
    if prominent or judge(one.candidate, trace).group == "hidden":
        return one
    said = one.said
    if said is None and beside_file and leader.said and leader.said.label:
        said = FieldConfig(one.candidate.key, label=leader.said.label)
    exposure = replace(one.exposure, group=leader.exposure.group, rank=leader.exposure.rank)
    return replace(one, exposure=exposure, section=leader.section, said=said, source=leader.source)


def _needed(
    before: Prompt, prompt: Prompt, catalogue: Mapping[str, NodeSpec], changed: frozenset[str]
) -> tuple[list[FreePlace], list[str]]:
    """What the options chosen anew need and do not have: places for loaders, and sentences about the rest."""
    places: list[FreePlace] = []
    lacking: list[str] = []
    for node_id in prompt:
        spec = catalogue[prompt[node_id]["class_type"]] if node_id in changed else None
        known = set(_unfed(spec, before[node_id]["inputs"])) if spec else set()
        for name, type_ in _unfed(spec, prompt[node_id]["inputs"]) if spec else ():
            if (name, type_) in known:
                continue
            loader = loader_for(type_, catalogue)
            if loader:
                places.append(FreePlace(node_id, name, loader))
            else:
                title = spec.display_name if spec else ""
                lacking.append(f"{title} now needs {plain_name(name).lower()}, which this workflow has nothing for.")
    return places, lacking


def _unfed(spec: NodeSpec, inputs: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The links that a node needs and does not have: (input, type)."""
    for one in spec.active_inputs(inputs).values():
        if one.type == AUTOGROW and one.member and one.required:
            missing = [name for name in one.slots[: one.least] if name not in inputs]
            yield from ((name, one.member.type) for name in missing)
        elif one.required and not one.is_widget and one.type != AUTOGROW and one.name not in inputs:
            yield one.name, one.type


def _after_combos(prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> Iterator[tuple[str, str]]:
    for node_id, node in prompt.items():
        spec = catalogue.get(node["class_type"])
        for name, combo in combos_of(spec, node["inputs"]).items() if spec else ():
            yield f"{node_id}.{name}", f"{node_id}.{combo}"


def _file_inputs(node_id: str, prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> Iterator[str]:
    """The keys of a loader's fields that name a file."""
    node = prompt[node_id]
    spec = catalogue.get(node["class_type"])
    for one in spec.inputs if spec else ():
        if one.upload and one.name in node["inputs"] and not is_link(node["inputs"][one.name]):
            yield f"{node_id}.{one.name}"
