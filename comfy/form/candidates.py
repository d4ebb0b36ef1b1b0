"""First stage of a form: every literal input of a prompt, with what the server says about it. No
judgement yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from comfy.comfyui.file_inputs import is_media_file, is_no_file
from comfy.comfyui.object_info import COMBO, Catalogue, InputSpec, NodeSpec
from comfy.form.labels import is_notation
from comfy.prompt.model import InputRef, Node, Prompt, is_link, own_title

_OPTION = re.compile(r"option(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One literal input. `node_spec` is None for a class the server lacks, `spec` also for an
    unknown input.

    `siblings` are all inputs of the node.
    """

    node: str
    input: str
    class_type: str
    title: str
    value: Any
    spec: InputSpec | None
    node_spec: NodeSpec | None
    siblings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ref(self) -> InputRef:
        """Where in the prompt it stands."""
        return InputRef(self.node, self.input)

    @property
    def key(self) -> str:
        """The name of the field: "6.text"."""
        return self.ref.key

    @property
    def node_title(self) -> str:
        """What a person may read as the node's title. Notation of other programs is not for
        people."""
        display = self.node_spec.display_name if self.node_spec else self.class_type
        if self.title and self.title != display and not is_notation(self.title):
            return self.title
        return display.partition(" (")[0]

    @property
    def type(self) -> str:
        """The server's type, or a guess from the JSON where the server knows nothing."""
        return self.spec.value_type if self.spec else guess_type(self.value)

    @property
    def takes(self) -> tuple[str | None, bool]:
        """The kind of file it takes, and whether it names one at all. What was judged for one kind
        goes to no other."""
        return (self.spec.upload, self.spec.names_files) if self.spec else (None, False)

    @property
    def multiline(self) -> bool:
        """True for a text of several lines."""
        if self.spec:
            return self.type == "STRING" and bool(self.spec.options.get("multiline"))
        return isinstance(self.value, str) and "\n" in self.value


def find_candidates(prompt: Prompt, catalogue: Catalogue) -> tuple[Candidate, ...]:
    """All literal inputs, node by node in the prompt's order, within a node in the server's
    order."""
    return tuple(
        candidate
        for node_id, node in prompt.items()
        for candidate in _of_node(
            node_id, node, catalogue.get(node["class_type"]), catalogue.uploads
        )
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


def _of_node(
    node_id: str, node: Node, node_spec: NodeSpec | None, uploads: frozenset[str]
) -> Iterator[Candidate]:
    title = own_title(node)
    literals = {name: value for name, value in node["inputs"].items() if not is_link(value)}
    specs = node_spec.active_inputs(node["inputs"]) if node_spec else {}
    declared = [name for name in specs if name in literals]
    for name in dict.fromkeys([*declared, *literals]):
        spec = _without_uploads(
            _with_own_choices(specs.get(name), node["inputs"]), uploads, literals[name]
        )
        yield Candidate(
            node_id,
            name,
            node["class_type"],
            title,
            literals[name],
            spec,
            node_spec,
            node["inputs"],
        )


def _with_own_choices(spec: InputSpec | None, inputs: Mapping[str, Any]) -> InputSpec | None:
    """A list that is empty on the server and written in the node itself, as option1, option2 …
    (CustomCombo)."""
    if spec is None or spec.type != COMBO or spec.choices != ():
        return spec
    numbered = sorted(
        (int(found[1]), name) for name in inputs if (found := _OPTION.fullmatch(name))
    )
    own = [inputs[name] for _, name in numbered if isinstance(inputs[name], str) and inputs[name]]
    return replace(spec, choices=tuple(dict.fromkeys(own))) if own else spec


def _without_uploads(
    spec: InputSpec | None, uploads: frozenset[str], own: object
) -> InputSpec | None:
    """A list of everybody's files or folders, as nodes offer that know of no uploading, without any
    but the author's.

    What is no file stays where the list is told to be one by its files: "none", "all".
    """
    if spec is None or spec.upload or not spec.choices:
        return spec
    by_name = spec.names_files and not any(map(is_media_file, spec.choices))

    def others(one: object) -> bool:
        return isinstance(one, str) and (
            one in uploads or (spec.names_files and (by_name or is_media_file(one)))
        )

    return replace(
        spec,
        choices=tuple(
            one for one in spec.choices if one == own or is_no_file(one) or not others(one)
        ),
    )
