"""Parts of a server and an editor that the app doesn't know: types of inputs, displays, messages; and
nodes that differ from the stand-in's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy.comfyui.input_spec import FILE_WIDGETS
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.parse import KNOWN_TYPES
from comfy.form.kinds.registry import KINDS
from comfy.graph.widgets import KINDS as WIDGET_KINDS
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage

_DISPLAYS = {"number", "slider", "color", "knob", "gradientslider"}
_OWN_NODES = {"LoraRows"}  # of the stand-in
_DYNAMIC = {"COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICGROUP_V3"}
# Options that texts and lists of files may have; the files differ from server to server.
_OWN_OPTIONS = {"tooltip", "options"}


def unknown_types(catalog: Catalog) -> list[str]:
    """Return the types of inputs that no node outputs and no field has. Widgets that store no value
    need no field."""
    produced = {type_ for spec in catalog.values() for type_ in spec.output_types}
    known = {type_ for kind in KINDS.values() for type_ in kind.input_types}
    known |= {name for name, kind in WIDGET_KINDS.items() if not kind.stored}
    known |= {*FILE_WIDGETS, *_DYNAMIC, "*", ""}
    return sorted(
        {
            spec.type
            for node in catalog.values()
            for spec in node.inputs
            if not spec.is_widget and not spec.options.get("forceInput")
            if not {part.strip() for part in spec.type.split(",")} & (produced | known)
        }
    )


def unknown_displays(catalog: Catalog) -> list[str]:
    """Return the values of the option `display` that the app doesn't know."""
    found = {
        str(spec.options["display"])
        for node in catalog.values()
        for spec in node.inputs
        if "display" in spec.options
    }
    return sorted(found - _DISPLAYS)


def unknown_widgets(widgets: Iterable[str], catalog: Catalog) -> list[str]:
    """Return the editor's widgets that the converter doesn't know and that no input of the server
    uses."""
    used = {spec.type for node in catalog.values() for spec in node.inputs}
    return sorted(set(widgets) - set(WIDGET_KINDS) - used - _DYNAMIC - set(FILE_WIDGETS))


def unknown_messages(types: Iterable[str]) -> list[str]:
    """Return the types of messages that are neither read nor skipped on purpose."""
    return sorted(set(types) - KNOWN_TYPES)


def differing_nodes(info: Mapping[str, Any]) -> list[str]:
    """Return the stand-in's nodes of ComfyUI that the server lacks, or whose inputs differ."""
    storage = Storage()
    try:
        return [
            name
            for name, node in NODES.items()
            if name not in _OWN_NODES and _shape(info.get(name)) != _shape(node.describe(storage))
        ]
    finally:
        storage.close()


def _shape(entry: Mapping[str, Any] | None) -> object:
    """Return the part of a node's entry that is the same on every server of a version."""
    if entry is None:
        return None
    inputs = {
        (group, name): _input_shape(raw)
        for group in ("required", "optional")
        for name, raw in (entry["input"].get(group) or {}).items()
    }
    return inputs, entry["output"], entry["output_node"]


def _input_shape(raw: Any) -> object:
    kind, options = raw[0], raw[1] if len(raw) > 1 else {}
    if not isinstance(kind, str):
        return "COMBO"
    return (kind, tuple(_options(options)))


def _options(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(options.items()):
        if name not in _OWN_OPTIONS and value is not None:
            yield name, repr(value)
