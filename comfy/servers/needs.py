"""What a prompt needs of a server: node classes, and the choices of their lists, models among
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from comfy.object_info import COMBO, Catalogue
from comfy.prompt.model import InputRef, Prompt

_MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


class Lack(NamedTuple):
    """What a server does not have: a node class, or a choice at `place`, where it has `offered`."""

    name: str
    place: InputRef | None = None
    offered: tuple[str, ...] = ()


class Needs:
    """What one prompt needs. Judged once for each catalogue of a server; any thread may ask, for
    two that judge at once come to the same."""

    def __init__(self, prompt: Prompt, given: Iterable[InputRef] = ()) -> None:
        """`given`: the inputs that get a file of the person's, which is brought to the server."""
        self._prompt = prompt
        self._given = frozenset(given)
        self._judged: dict[int, tuple[Catalogue, tuple[Lack, ...]]] = {}
        self.models = frozenset(
            value
            for node in prompt.values()
            for value in node["inputs"].values()
            if isinstance(value, str) and value.lower().endswith(_MODEL_FILES)
        )

    def met_by(self, nodes: Catalogue) -> bool:
        """Whether a server with these nodes has all of it."""
        return not self.lacking(nodes)

    def lacking(self, nodes: Catalogue) -> tuple[Lack, ...]:
        """What a server with these nodes does not have of it."""
        known = self._judged.get(id(nodes))
        if known is None or known[0] is not nodes:
            known = nodes, tuple(self._missing(nodes))
            self._judged[id(nodes)] = known
        return known[1]

    def _missing(self, nodes: Catalogue) -> Iterator[Lack]:
        for node_id, node in self._prompt.items():
            spec = nodes.get(node["class_type"])
            if spec is None:
                yield Lack(node["class_type"])
                continue
            declared = spec.active_inputs(node["inputs"])
            for name, value in node["inputs"].items():
                one, place = declared.get(name), InputRef(node_id, name)
                choices = one.choices if one is not None and one.type == COMBO else None
                lacks = choices and isinstance(value, str) and value not in choices
                if lacks and place not in self._given:
                    yield Lack(value, place, tuple(map(str, choices or ())))
