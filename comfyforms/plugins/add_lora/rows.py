"""The rows of a form: a node of the app's own beside the graph, with a list of LoRAs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.base.messages import message
from comfy.comfyui.input_spec import ADDED, COMBO, ROWS, RowNotation
from comfy.comfyui.object_info import Catalog
from comfy.prompt.model import Prompt
from comfy.prompt.shapes import wrap
from comfy.prompt.trace import Trace
from comfyforms.plugins.add_lora.places import is_lora_loader, loader_names, places_of

CLASS = "ComfyFormsLoras"
WITH_CLIP, MODEL_ONLY = "LoraLoader", "LoraLoaderModelOnly"  # ComfyUI's own
NODE, LIST = "loras", "rows"  # the field's key is "loras.rows"
ALL = "all"  # a row for every model
_MOST = 20
_STRENGTH = {"default": 1.0, "min": -10.0, "max": 10.0, "step": 0.05}


def rows_for(prompt: Prompt, catalog: Catalog) -> tuple[Prompt, Mapping[str, Any]]:
    """Return the node and its class. None if the author made such rows, if no model reaches a
    sampler, or if the server has no LoRA."""
    loader, files = catalog.get(WITH_CLIP), None
    if loader and "lora_name" in loader.by_name:
        files = loader.by_name["lora_name"].choices
    if not files or NODE in prompt:
        return {}, {}
    trace = Trace(prompt, catalog)
    places = places_of(trace)
    if not places or any(_has_rows(trace, node) for node in trace.alive):
        return {}, {}
    names = loader_names(trace, [one.loader for one in places])
    node = {"class_type": CLASS, "inputs": {LIST: wrap([])}, "_meta": {"title": "LoRAs"}}
    return {NODE: node}, {CLASS: _entry(files, [*dict.fromkeys(names.values())])}  # type: ignore[dict-item]


def _has_rows(trace: Trace, node: str) -> bool:
    spec = trace.spec(node)
    return spec is not None and is_lora_loader(spec) and any(one.rows for one in spec.inputs)


def _entry(files: tuple[object, ...], models: list[str]) -> Mapping[str, Any]:
    """Return the class as in `/object_info`. With several models, a row says for which it is."""
    template = {
        "on": ["BOOLEAN", {"default": True, "display_name": message("On")}],
        "lora": [[*files], {"display_name": "LoRA"}],
        "strength": ["FLOAT", {**_STRENGTH, "display_name": message("Strength")}],
    }
    if len(models) > 1:
        template["model"] = [COMBO, {"options": [ALL, *models], "display_name": message("Model")}]
    rows = {
        "group_name": "LoRA",
        "display_name": "LoRAs",
        "max": _MOST,
        "template": {"required": template},
        ROWS: {"notation": RowNotation.WRAPPED, "switch": "on"},
    }
    return {"input": {"required": {LIST: [ROWS, rows]}}, "display_name": "LoRAs", ADDED: True}
