"""Inputs that node packs read without declaring them, in the notation of `/object_info`.

`comfy.comfyui.object_info.Catalog` adds them to the server's declarations, so the rest of the app
reads them like any other input (docs/comfyui.md#51, docs/comfyui.md#52).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_list, as_mapping
from comfy.base.messages import message
from comfy.comfyui.input_spec import FOLLOWS, ROWS, RowNotation

_POWER_LORA_LOADER = "Power Lora Loader (rgthree)"
_LORAS = "LORAS"  # the type of Lora-Manager's lists
_TEXT = "text"  # beside such a list
_MOST_LORAS = 100
_NO_LORA = "None"  # rgthree's choice for a row without effect
_STRENGTH = MappingProxyType({"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.05})
_LORA = "LoRA"


def with_pack_inputs(class_type: str, catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a class's entry of `/object_info` with the inputs that its pack doesn't declare.
    `catalog` is the whole body, which has the choices."""
    info: Mapping[str, Any] = catalog[class_type]
    sections = as_mapping(info.get("input"))
    if class_type == _POWER_LORA_LOADER:
        optional = {**as_mapping(sections.get("optional")), "loras": _power_loras(catalog)}
        return {**info, "input": {**sections, "optional": optional}}
    rows = {
        (section, name): [_LORAS, {**options, **_listed_loras(catalog)}]
        for section, name, options in _lora_lists(sections)
    }
    if not rows:
        return info
    added = {
        section: {
            name: _unused(spec) if name == _TEXT else rows.get((section, name), spec)
            for name, spec in as_mapping(sections.get(section)).items()
        }
        for section in sections
    }
    return {**info, "input": added}


def _unused(spec: object) -> list[Any]:
    """Return the declaration of an input that only the pack's editor reads, without a field."""
    head, options = (*as_list(spec), {})[:2]
    return [head, {**as_mapping(options), "hidden": True}]


def _lora_lists(sections: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield section, name and options of each of Lora-Manager's lists."""
    for section in ("required", "optional"):
        for name, spec in as_mapping(sections.get(section)).items():
            if isinstance(spec, list) and spec[:1] == [_LORAS]:
                yield section, name, as_mapping(spec[1]) if len(spec) > 1 else {}


def _power_loras(catalog: Mapping[str, Any]) -> list[Any]:
    """Return rgthree's rows: `lora_1`, `lora_2` …, each an object. Without `strengthTwo`, the text
    encoder gets `strength`, too."""
    template = {
        "required": {
            "on": ["BOOLEAN", {"default": True, "display_name": message("On")}],
            "lora": [_lora_files(catalog), {"display_name": _LORA}],
            "strength": ["FLOAT", {**_STRENGTH, "display_name": message("Strength")}],
        },
        "optional": {"strengthTwo": _clip_strength()},
    }
    notation = {"notation": RowNotation.NUMBERED, "prefix": "lora_", "switch": "on"}
    return [ROWS, {"group_name": _LORA, "max": _MOST_LORAS, "template": template, ROWS: notation}]


def _listed_loras(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of Lora-Manager's rows: one wrapped list. A LoRA's name has no folder and
    no extension. The nodes ignore the text beside the list."""
    names = [name.replace("\\", "/").rpartition("/")[2] for name in _lora_files(catalog)]
    stems = dict.fromkeys(name.rpartition(".")[0] or name for name in names)
    template = {
        "required": {
            "active": ["BOOLEAN", {"default": True, "display_name": message("On")}],
            "name": [[*stems], {"display_name": _LORA}],
            "strength": ["FLOAT", {**_STRENGTH, "display_name": message("Strength")}],
        },
        "optional": {"clipStrength": _clip_strength()},
    }
    notation = {"notation": RowNotation.WRAPPED, "switch": "active"}
    return {"group_name": _LORA, "max": _MOST_LORAS, "template": template, ROWS: notation}


def _clip_strength() -> list[Any]:
    options = {"display_name": message("CLIP strength"), FOLLOWS: True}
    return ["FLOAT", {**_STRENGTH, **options}]


def _lora_files(catalog: Mapping[str, Any]) -> list[str]:
    """Return the LoRA files that ComfyUI's own loader offers."""
    sections = as_mapping(as_mapping(catalog.get("LoraLoader")).get("input"))
    spec = as_list(as_mapping(sections.get("required")).get("lora_name"))
    head, options = (*spec, None, None)[:2]
    offered = head if isinstance(head, list) else as_mapping(options).get("options")
    return [name for name in as_list(offered) if isinstance(name, str)]
