"""Values that change which fields a form has: options of combos that add inputs, and additional
files.

Other values don't, so a form isn't rebuilt for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from comfy.comfyui.input_spec import AUTOGROW, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.arrange import loader_for
from comfy.prompt.model import InputRef, Prompt

# Values that change the fields, by field key, and the keys of additional files with None.
Structural = frozenset[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Structure:
    """Dynamic parts of one prompt, for `comfy.prompt.arrange.arrange`.

    `options`: the options of each combo that adds inputs, by field key, and the current one.
    `groups`: inputs that can take more files, as the key of an autogrow group and the loader's
    input.
    """

    options: Mapping[str, tuple[frozenset[str], object]]
    groups: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Structure:
        """Return the structure of a prompt on a server with this catalog of nodes."""
        options: dict[str, tuple[frozenset[str], object]] = {}
        groups: set[tuple[str, str]] = set()
        known: dict[str, tuple[InputSpec, ...]] = {}
        for node_id, node in prompt.items():
            class_type, inputs = node["class_type"], node["inputs"]
            if class_type not in known:
                spec = catalog.get(class_type)
                known[class_type] = tuple(_dynamic(spec.inputs)) if spec else ()
            for input_spec in known[class_type]:
                key = InputRef(node_id, input_spec.name).key
                if input_spec.adds_inputs:
                    offered, _ = options.get(key, (frozenset[str](), None))
                    choices = (
                        choice for choice in input_spec.choices or () if isinstance(choice, str)
                    )
                    options[key] = offered.union(choices), inputs.get(input_spec.name)
                elif input_spec.member and (loader := loader_for(input_spec.member.type, catalog)):
                    groups.add((key, loader.input))
        return cls(options, frozenset(groups))

    def structural(self, values: Mapping[str, object]) -> Structural:
        """Return the values, by field key, that change the fields of the form."""
        changes: set[tuple[str, str | None]] = set()
        for key, value in values.items():
            offered, current = self.options.get(key, ((), None))
            if isinstance(value, str) and value in offered and value != current:
                changes.add((key, value))
            parent, _, name = key.rpartition(".")
            if (parent.rpartition(".")[0], name) in self.groups:
                changes.add((key, None))
        return frozenset(changes)


def _dynamic(specs: tuple[InputSpec, ...]) -> Iterator[InputSpec]:
    """Yield a node's combos that add inputs and its autogrow groups, also those in options."""
    for spec in specs:
        if spec.type == AUTOGROW:
            yield spec
        elif spec.adds_inputs:
            yield spec
            for choice in spec.choices or ():
                yield from _dynamic(spec.branch(choice))
