"""Files that a prompt has no loader for yet: another image for a node that takes many, and files
that an option needs.

An autogrow group (docs/comfyui.md#26: `images.image0`, `images.image1` …) takes as many links as
its template allows. Each additional file gets its own loader node, linked to the group's next free
input, as a user would do in the editor. The loader's id is that input (`12.images.image2`), so the
field's key is `12.images.image2.image`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.comfyui.input_spec import AUTOGROW, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import InputRef, Node, Prompt, links, with_inputs


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
        """Return the id of the loader to add."""
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
        prompt = add_loader(prompt, free_input)
        if free_input.beside:
            beside[free_input.loader_id] = free_input.beside
    return prompt, beside


def add_loader(prompt: Prompt, place: FreePlace) -> Prompt:
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
