"""Adapt a prompt to a user's values before the form is built: chosen options, added files.

The page draws the form of the adapted prompt, and repeats both when a user chooses another option
or adds a file. New fields follow the field that added them.

Options: in a combo that adds inputs, the chosen option's inputs replace the previous option's. A
dynamic combo (`COMFY_DYNAMICCOMBO_V3`, docs/comfyui.md#26) has inputs under dotted names
(`model.resolution`), which may be dynamic combos, too. The server requires the chosen option's
inputs, and refuses or ignores others. A combo with `formats` (docs/comfyui.md#48) has inputs under
plain names.

Files: another image for a node that takes many, and files that an option needs, have no loader
in the prompt yet. An autogrow group (docs/comfyui.md#26: `images.image0`, `images.image1` …) takes
as many links as its template allows. Each additional file gets its own loader node, linked to the
group's next free input, as a user would do in the editor. The loader's id is that input
(`12.images.image2`), so the field's key is `12.images.image2.image`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.comfyui.input_spec import AUTOGROW, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import InputRef, Node, Prompt, is_link, links, with_inputs
from comfy.prompt.rows import first_row, write_rows
from comfy.prompt.value_types import BadValue, match_choice, read_value


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
    for free_input in needed:
        chosen = _add_loader(chosen, free_input)
    grown, beside = add_loaders(chosen, catalog, values.keys())
    after = _leaders(grown, catalog, needed, beside)
    new = {
        InputRef(node_id, name).key
        for node_id in (grown.keys() - prompt.keys()) | changed
        for name in grown[node_id]["inputs"]
        if node_id not in prompt or name not in prompt[node_id]["inputs"]
    }
    return Arranged(grown, after, frozenset(new), tuple(lacking))


def choose_options(
    prompt: Prompt, catalog: Mapping[str, NodeSpec], values: Mapping[str, object]
) -> tuple[Prompt, frozenset[str]]:
    """Return a prompt in which each combo that adds inputs has the option that `values` gives by
    field key, with that option's inputs.

    Inputs that the old and new options share, by name, keep their value or link if it fits; other
    inputs start with the server's defaults. So do all values of a new format, as in the editor: the
    same number means another quality there. Values that no combo offers are ignored. Second result:
    the nodes that changed.
    """
    changed: Prompt = {}
    for node_id, node in prompt.items():
        spec = catalog.get(node["class_type"])
        inputs = node["inputs"]
        combos = _combos(spec, inputs) if spec else []
        if spec is None or not any(_differs(node_id, combo, inputs, values) for combo in combos):
            continue
        chosen = _Choice(node_id, spec.active_inputs(inputs), inputs, values).inputs_of(spec.inputs)
        others = {
            name: value
            for name, value in inputs.items()
            if name not in chosen and not any(combo.adds(name) for combo in combos)
        }
        changed[node_id] = with_inputs(node, chosen | others)
    return prompt | changed, frozenset(changed)


def _combos(spec: NodeSpec, inputs: Mapping[str, Any]) -> list[InputSpec]:
    return [one for one in spec.active_inputs(inputs).values() if one.adds_inputs]


def _differs(
    node_id: str, combo: InputSpec, inputs: Mapping[str, Any], values: Mapping[str, object]
) -> bool:
    wanted = values.get(InputRef(node_id, combo.name).key)
    return (
        isinstance(wanted, str)
        and wanted in (combo.choices or ())
        and inputs.get(combo.name) != wanted
    )


class _Choice:
    """A node's inputs while its options change."""

    def __init__(
        self,
        node_id: str,
        before: Mapping[str, InputSpec],
        inputs: Mapping[str, Any],
        values: Mapping[str, object],
    ) -> None:
        self.node_id = node_id
        self.before = before
        self.inputs = inputs
        self.values = values

    def inputs_of(self, specs: tuple[InputSpec, ...], *, new: bool = False) -> dict[str, Any]:
        """Return the inputs for these specs. `new`: they belong to an option that wasn't chosen
        before, so they get a value."""
        settled: dict[str, Any] = {}
        for spec in specs:
            if spec.is_group:
                settled |= self._members(spec)
                continue
            if spec.name in self.inputs and (not new or self._stays(spec)):
                settled[spec.name] = self.inputs[spec.name]
            elif new and spec.start is not None:
                settled[spec.name] = spec.start
            if spec.adds_inputs and not is_link(settled.get(spec.name)):
                settled |= self._branch(spec, settled, new=new)
        return settled

    def _members(self, group: InputSpec) -> dict[str, Any]:
        kept = {
            name: value
            for name, value in self.inputs.items()
            if name == group.name or group.grown(name)
        }
        if group.rows is None or kept:
            return kept
        return write_rows(group.rows, {}, [first_row(group.rows)] * group.rows.least)

    def _branch(self, combo: InputSpec, settled: dict[str, Any], *, new: bool) -> dict[str, Any]:
        if _differs(self.node_id, combo, self.inputs, self.values):
            settled[combo.name] = self.values[InputRef(self.node_id, combo.name).key]
        if combo.name not in settled:
            return {}
        chosen = settled[combo.name]
        return self.inputs_of(
            combo.branch(chosen), new=new or chosen != self.inputs.get(combo.name)
        )

    def _stays(self, spec: InputSpec) -> bool:
        """Return whether the value of another option's input with the same name can stay. Inputs of
        formats, which have plain names, only keep links."""
        before, value = self.before.get(spec.name), self.inputs[spec.name]
        return (
            before is not None
            and before.type == spec.type
            and (is_link(value) or ("." in spec.name and _fits(spec, value)))
        )


def _fits(spec: InputSpec, value: object) -> bool:
    if not spec.is_widget:
        return False
    try:
        read = read_value(spec.value_type, value)
        if spec.choices is not None:
            match_choice(read, spec.choices)
    except BadValue:
        return False
    low, high = spec.options.get("min"), spec.options.get("max")
    if not isinstance(read, int | float):
        return True
    return not (isinstance(low, int | float) and read < low) and not (
        isinstance(high, int | float) and read > high
    )


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


@dataclass(frozen=True, slots=True)
class Loader:
    """Node that loads one kind of file: its class, the input that names the file, and the slot of
    its output."""

    class_type: str
    input: str
    slot: int


LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "IMAGE": Loader("LoadImage", "image", 0),
        "MASK": Loader("LoadImage", "image", 1),
        "AUDIO": Loader("LoadAudio", "audio", 0),
        "VIDEO": Loader("LoadVideo", "file", 0),
    }
)


@dataclass(frozen=True, slots=True)
class FreePlace:
    """A free input that a loader could feed. `beside`: the last loader, in the prompt's order, that
    feeds its group."""

    node: str
    input: str
    loader: Loader
    beside: str | None = None

    @property
    def loader_id(self) -> str:
        return InputRef(self.node, self.input).key

    @property
    def key(self) -> str:
        """Return the key of the field for the file."""
        return InputRef(self.loader_id, self.loader.input).key


def room_to_grow(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[FreePlace]:
    """Yield the next free input of each autogrow group that takes files and that at least one
    loader feeds directly."""
    for group in _groups(prompt, catalog):
        yield from group[:1]


def further_keys(prompt: Prompt, catalog: Mapping[str, NodeSpec], key: str) -> tuple[str, ...]:
    """Return the keys of all fields that could be added in turn, starting with this one (see
    `Field.grows`)."""
    groups = (tuple(one.key for one in group) for group in _groups(prompt, catalog))
    return next((keys for keys in groups if keys[:1] == (key,)), ())


def add_loaders(
    prompt: Prompt, catalog: Mapping[str, NodeSpec], keys: Collection[str]
) -> tuple[Prompt, dict[str, str]]:
    """Return a prompt with a loader for each of these field keys that names a free input.

    Second result: for each added loader, the loader whose field its field follows. Keys that don't
    name a free input are ignored.
    """
    beside: dict[str, str] = {}
    wanted = [one for group in _groups(prompt, catalog) for one in group if one.key in keys]
    for free_input in wanted:
        prompt = _add_loader(prompt, free_input)
        if free_input.beside:
            beside[free_input.loader_id] = free_input.beside
    return prompt, beside


def _add_loader(prompt: Prompt, place: FreePlace) -> Prompt:
    """Return a prompt with one more loader, without a file yet, linked to this input."""
    node = prompt[place.node]
    link = [place.loader_id, place.loader.slot]
    linked = with_inputs(node, node["inputs"] | {place.input: link})
    loader: Node = {
        "class_type": place.loader.class_type,
        "inputs": {place.loader.input: None},
    }
    return prompt | {place.node: linked, place.loader_id: loader}


def loader_for(type_: str, catalog: Mapping[str, NodeSpec]) -> Loader | None:
    """Return the loader whose file fits an input of this type, if the server has it."""
    loaders = (LOADERS[one] for one in type_.split(",") if one in LOADERS)
    return next((loader for loader in loaders if loader.class_type in catalog), None)


def _groups(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[list[FreePlace]]:
    """Yield the free inputs, in order, of each autogrow group that a loader feeds."""
    for node_id, node in prompt.items():
        spec = catalog.get(node["class_type"])
        for group in spec.active_inputs(node["inputs"]).values() if spec else ():
            if group.type == AUTOGROW:
                yield _places(node_id, group, prompt, catalog)


def _places(
    node_id: str, group: InputSpec, prompt: Prompt, catalog: Mapping[str, NodeSpec]
) -> list[FreePlace]:
    loader = loader_for(group.member.type, catalog) if group.member else None
    sources = {link.node for name, link in links(prompt[node_id]) if group.grown(name)}
    feeding = [one for one in prompt if one in sources and _loads(one, prompt, catalog)]
    if loader is None or not feeding:
        return []
    taken = prompt[node_id]["inputs"]
    return [
        FreePlace(node_id, name, loader, feeding[-1]) for name in group.slots if name not in taken
    ]


def _loads(node_id: str, prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> bool:
    spec = catalog.get(prompt[node_id]["class_type"]) if node_id in prompt else None
    return spec is not None and any(one.upload for one in spec.inputs)


def _leaders(
    prompt: Prompt,
    catalog: Mapping[str, NodeSpec],
    needed: list[FreePlace],
    beside: Mapping[str, str],
) -> dict[str, str]:
    """Return the field that each other field follows: an option's inputs and files follow its
    combo, and an added file (`beside`) the last one of its group."""
    after = dict(_after_combos(prompt, catalog))
    for free_input in needed:
        combo = InputRef(free_input.node, free_input.input.rpartition(".")[0])
        after[free_input.key] = after.get(free_input.loader_id) or combo.key
    for loader_id, leader in beside.items():
        (name,) = prompt[loader_id]["inputs"]
        first = next(_file_inputs(leader, prompt, catalog), leader)
        after[InputRef(loader_id, name).key] = first
    return after


def _after_combos(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[tuple[str, str]]:
    for node_id, node in prompt.items():
        spec = catalog.get(node["class_type"])
        for name, combo in _combo_by_input(spec, node["inputs"]).items() if spec else ():
            yield InputRef(node_id, name).key, InputRef(node_id, combo).key


def _combo_by_input(spec: NodeSpec, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Map each input of a chosen option to the combo that adds it."""
    brought: dict[str, str] = {}
    for combo in _combos(spec, inputs):  # outer combos first, so the innermost one wins
        brought |= {
            name: combo.name for name in inputs if combo.adds(name) and name not in spec.by_name
        }
    return brought


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
