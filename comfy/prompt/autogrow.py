"""Files that a prompt has no loader for yet: "add another image" where a node takes many, and
what an option needs.

An autogrow group (docs/comfyui.md#26: `images.image0`, `images.image1` …) takes as many links as
its template allows. Each further file is a loader node of its own, linked to the group's next free
place, just as a person would do it in the editor. The loader's id is that place
("12.images.image2"), so the field's key is "12.images.image2.image".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.comfyui.object_info import AUTOGROW, InputSpec, NodeSpec
from comfy.prompt.model import InputRef, Node, Prompt, links, with_inputs


@dataclass(frozen=True, slots=True)
class Loader:
    """The node that reads one kind of file: its class, the input that names the file, the output
    that gives it."""

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
    """An input that a loader could feed. `beside` is the last loader, in the prompt's order, that
    feeds its group."""

    node: str
    input: str
    loader: Loader
    beside: str | None = None

    @property
    def loader_id(self) -> str:
        """The id of the loader that would be added."""
        return InputRef(self.node, self.input).key

    @property
    def key(self) -> str:
        """The key of the field that the file would be asked with."""
        return InputRef(self.loader_id, self.loader.input).key


def room_to_grow(prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> Iterator[FreePlace]:
    """The next free place of every autogrow group that takes files and is fed by at least one
    loader directly."""
    for group in _groups(prompt, catalogue):
        yield from group[:1]


def further_keys(prompt: Prompt, catalogue: Mapping[str, NodeSpec], key: str) -> tuple[str, ...]:
    """The keys of all fields that could be added one after the other, from this one on (see
    `Field.grows`)."""
    groups = (tuple(one.key for one in group) for group in _groups(prompt, catalogue))
    return next((keys for keys in groups if keys[:1] == (key,)), ())


def add_loaders(
    prompt: Prompt, catalogue: Mapping[str, NodeSpec], keys: Collection[str]
) -> tuple[Prompt, dict[str, str]]:
    """A new prompt with a loader for each of these field keys that names a free place.

    Second: for each loader added, the loader beside which its field stands. Keys that name no free
    place are ignored.
    """
    beside: dict[str, str] = {}
    wanted = [one for group in _groups(prompt, catalogue) for one in group if one.key in keys]
    for place in wanted:
        prompt = add_loader(prompt, place)
        if place.beside:
            beside[place.loader_id] = place.beside
    return prompt, beside


def add_loader(prompt: Prompt, place: FreePlace) -> Prompt:
    """A new prompt with one loader more, without a file yet, linked to this place."""
    node = prompt[place.node]
    link = [place.loader_id, place.loader.slot]
    linked = with_inputs(node, node["inputs"] | {place.input: link})
    loader: Node = {
        "class_type": place.loader.class_type,
        "inputs": {place.loader.input: None},
    }
    return prompt | {place.node: linked, place.loader_id: loader}


def loader_for(type_: str, catalogue: Mapping[str, NodeSpec]) -> Loader | None:
    """The loader whose file can go into an input of this type, if the server has it."""
    found = (LOADERS[one] for one in type_.split(",") if one in LOADERS)
    return next((loader for loader in found if loader.class_type in catalogue), None)


def _groups(prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> Iterator[list[FreePlace]]:
    """The free places of each autogrow group that a loader feeds, in order."""
    for node_id, node in prompt.items():
        spec = catalogue.get(node["class_type"])
        for group in spec.active_inputs(node["inputs"]).values() if spec else ():
            if group.type == AUTOGROW:
                yield _places(node_id, group, prompt, catalogue)


def _places(
    node_id: str, group: InputSpec, prompt: Prompt, catalogue: Mapping[str, NodeSpec]
) -> list[FreePlace]:
    loader = loader_for(group.member.type, catalogue) if group.member else None
    sources = {link.node for name, link in links(prompt[node_id]) if group.grown(name)}
    feeding = [one for one in prompt if one in sources and _loads(one, prompt, catalogue)]
    if loader is None or not feeding:
        return []
    taken = prompt[node_id]["inputs"]
    return [
        FreePlace(node_id, name, loader, feeding[-1]) for name in group.slots if name not in taken
    ]


def _loads(node_id: str, prompt: Prompt, catalogue: Mapping[str, NodeSpec]) -> bool:
    spec = catalogue.get(prompt[node_id]["class_type"]) if node_id in prompt else None
    return spec is not None and any(one.upload for one in spec.inputs)
