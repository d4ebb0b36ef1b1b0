"""The nodes of a prompt that use paid credits (docs/comfyui.md#62)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.base.json_values import as_list, as_mapping
from comfy.paid.price import price_of
from comfy.prompt.model import Prompt

_KEY_TYPES = frozenset({"API_KEY_COMFY_ORG", "AUTH_TOKEN_COMFY_ORG"})


@dataclass(frozen=True, slots=True)
class PaidNode:
    """A paid node of a prompt, with its definition and its inputs."""

    node: str
    class_type: str
    info: Mapping[str, Any] = field(repr=False)
    inputs: Mapping[str, object] = field(repr=False)

    @property
    def takes_key(self) -> bool:
        """Return whether it needs a comfy.org API key."""
        return takes_key(self.info)

    @property
    def price(self) -> str:
        """Return the price with these inputs as text, "" if the server states none."""
        return price_of(self.info.get("price_badge"), self.inputs)


def takes_key(info: Mapping[str, Any]) -> bool:
    """Return whether a node definition of `/object_info` has a hidden input for an account at
    comfy.org."""
    hidden = as_mapping(as_mapping(info.get("input")).get("hidden"))
    types = (
        one if isinstance(one, str) else next(iter(as_list(one)), "") for one in hidden.values()
    )
    return any(isinstance(one, str) and one in _KEY_TYPES for one in types)


def paid_nodes(
    prompt: Prompt, definitions: Mapping[str, Mapping[str, Any]]
) -> tuple[PaidNode, ...]:
    """Return the paid nodes of a prompt. `definitions`: raw definitions by class."""
    return tuple(_found(prompt, definitions))


def _found(prompt: Prompt, definitions: Mapping[str, Mapping[str, Any]]) -> Iterator[PaidNode]:
    for node, content in prompt.items():
        info = as_mapping(definitions.get(content["class_type"]))
        if takes_key(info) or info.get("api_node") is True:
            yield PaidNode(node, content["class_type"], info, content["inputs"])
