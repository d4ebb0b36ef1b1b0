"""First stage of a form: every literal input of a prompt, with what the server says about it. No judgement yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from comfy.object_info import Catalogue, InputSpec, NodeSpec
from comfy.workflow import Prompt, is_link, own_title


@dataclass(frozen=True)
class Candidate:
    """One literal input. `node_spec` is None for a class the server lacks, `spec` also for an unknown input."""

    node: str
    input: str
    class_type: str
    title: str
    value: Any
    spec: InputSpec | None
    node_spec: NodeSpec | None

    @property
    def key(self) -> str:
        """The name of the field: "6.text"."""
        return f"{self.node}.{self.input}"

    @property
    def node_title(self) -> str:
        """What a person may read as the node's title. Titles with a `$` are notation of other programs, not words."""
        return (
            self.title
            if self.title and not self.title.startswith("$")
            else (self.node_spec.display_name if self.node_spec else self.class_type)
        )

    @property
    def type(self) -> str:
        """The server's type, or a guess from the JSON where the server knows nothing."""
        return self.spec.value_type if self.spec else guess_type(self.value)

    @property
    def multiline(self) -> bool:
        """True for a text of several lines."""
        if self.spec:
            return self.type == "STRING" and bool(self.spec.options.get("multiline"))
        return isinstance(self.value, str) and "\n" in self.value


def find_candidates(prompt: Prompt, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """All literal inputs, node by node in the prompt's order, within a node in the server's order."""
    return tuple(
        candidate
        for node_id, node in prompt.items()
        for candidate in _of_node(node_id, node, catalogue.get(node["class_type"]))
    )


def guess_type(value: object) -> str:
    """The type of a value nobody declared."""
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INT"
        case float():
            return "FLOAT"
        case str():
            return "STRING"
        case _:
            return "*"


def _of_node(node_id: str, node: dict[str, Any], node_spec: NodeSpec | None) -> Iterator[Candidate]:
    literals = {name: value for name, value in node["inputs"].items() if not is_link(value)}
    specs = node_spec.active_inputs(node["inputs"]) if node_spec else {}
    declared = [name for name in specs if name in literals]
    for name in dict.fromkeys([*declared, *literals]):
        yield Candidate(node_id, name, node["class_type"], own_title(node), literals[name], specs.get(name), node_spec)
