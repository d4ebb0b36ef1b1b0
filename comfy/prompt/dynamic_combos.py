"""Choose in a combo that adds inputs: the chosen option's inputs replace the previous option's.

A dynamic combo (`COMFY_DYNAMICCOMBO_V3`, docs/comfyui.md#26) has inputs under dotted names
(`model.resolution`), which may be dynamic combos, too. The server requires the chosen option's
inputs, and refuses or ignores others. A combo with `formats` (docs/comfyui.md#48) has inputs under
plain names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.comfyui.input_spec import InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import InputRef, Prompt, is_link, with_inputs
from comfy.prompt.rows import first_row, write_rows
from comfy.prompt.value_types import BadValue, match_choice, read_value


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
        if spec is None or not any(
            _differs(node_id, one, inputs, values) for one in _dynamic(spec, inputs)
        ):
            continue
        chosen = _Choice(node_id, spec.active_inputs(inputs), inputs, values).inputs_of(spec.inputs)
        combos = _dynamic(spec, inputs)
        others = {
            name: value
            for name, value in inputs.items()
            if name not in chosen and not any(one.adds(name) for one in combos)
        }
        changed[node_id] = with_inputs(node, chosen | others)
    return prompt | changed, frozenset(changed)


def combos_of(spec: NodeSpec, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Map each input of a chosen option to the combo that adds it."""
    brought: dict[str, str] = {}
    for combo in _dynamic(spec, inputs):  # outer combos first, so the innermost one wins
        brought |= {
            name: combo.name for name in inputs if combo.adds(name) and name not in spec.by_name
        }
    return brought


def _dynamic(spec: NodeSpec, inputs: Mapping[str, Any]) -> list[InputSpec]:
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
