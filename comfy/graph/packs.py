"""Rules for node packs whose own script changes how the editor reads or sends a node, by node
class. Plugins add theirs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import parse_input
from comfy.graph.schema import GraphNode
from comfy.graph.widgets import NodeWidget
from comfyforms.plugin_manager import PluginTable, contributed_rows

SavedValues = Sequence[Any] | Mapping[str, Any] | None
_NAMES = "__lm_widget_ids"  # a property: the names of the saved values
_DECLARED_BY_TOGGLE = 3
_ADDED_BY_TOGGLE = ("toggle_trigger_words", "orinalMessage")  # the node's own spelling
_BEFORE_CONTROL = 5  # values up to the seed
_SEPARATE = ("Show Strengths", "Separate Model & Clip")
# The names of the values that its first versions saved as a list. None: a button.
_LISTED: Mapping[str, tuple[str | None, ...]] = {
    "VHS_LoadImages": (
        "directory",
        None,
        "image_load_cap",
        "skip_first_images",
        "select_every_nth",
    ),
    "VHS_LoadImagesPath": (
        "directory",
        "image_load_cap",
        "skip_first_images",
        "select_every_nth",
    ),
    "VHS_VideoCombine": (
        "frame_rate",
        "loop_count",
        "filename_prefix",
        "format",
        "pingpong",
        "save_image",
    ),
    **dict.fromkeys(
        ("VHS_LoadVideo", "VHS_LoadVideoPath"),
        (
            "video",
            "force_rate",
            "force_size",
            "frame_load_cap",
            "skip_first_frames",
            "select_every_nth",
        ),
    ),
}
_RENAMED = {"save_image": "save_output"}
# Images become latents as soon as a VAE is connected.
_WITH_VAE = frozenset({"vae"})
# The position of `viewport_state` among the saved values.
_PLACES = MappingProxyType({"Preview3DAdvanced": 0, "Save3DAdvanced": 1})
# The widgets of the class before 2.1. Its files don't always name them by sockets; the last one is
# newer than others, and a button follows.
_PAINTED = tuple(
    f"LanPaint_{name}"
    for name in (
        *("NumSteps", "Lambda", "StepSize", "Beta", "Friction", "PromptMode", "EarlyStop"),
        *("Info", "InnerThreshold", "InnerPatience", "MinStepFrac"),
    )
)


def _as_saved(node: GraphNode) -> SavedValues:
    return node.widgets_values


def _none_added(_node: GraphNode) -> Iterable[NodeWidget]:
    return ()


@dataclass(frozen=True, slots=True)
class PackRule:
    """Changes that a pack's script makes to the nodes of a class.

    `values`: returns the saved values as the class's current widgets expect them. `added`: returns
    widgets that the server doesn't declare, with their values. `unconnected`: inputs that receive
    no broadcast of "Anything Everywhere".
    """

    values: Callable[[GraphNode], SavedValues] = _as_saved
    added: Callable[[GraphNode], Iterable[NodeWidget]] = _none_added
    unconnected: frozenset[str] = frozenset()


def _preview_values(node: GraphNode) -> SavedValues:
    """Return the values with an empty picture. The saved one was in the temporary folder of the
    author's server."""
    saved = node.widgets_values
    return (f"${node.id}-0", *saved[1:]) if isinstance(saved, tuple) and saved else saved


_IMPACT_RULES: Mapping[str, PackRule] = dict.fromkeys(
    ("PreviewBridge", "PreviewBridgeLatent"), PackRule(values=_preview_values)
)


def _lora_values(node: GraphNode) -> SavedValues:
    """Return the values by name if the node knows the names, otherwise without the helper that
    precedes a text field."""
    saved, names = node.widgets_values, node.properties.get(_NAMES)
    if not isinstance(saved, tuple):
        return saved
    if isinstance(names, list) and len(names) == len(saved):
        return {str(name): value for name, value in zip(names, saved, strict=True)}
    return tuple(value for value in saved if not _is_helper(value))


def _is_helper(value: object) -> bool:
    return isinstance(value, Mapping) and "textWidgetName" in value


def _trigger_words(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the trigger words with their switches, and the text they come from."""
    saved = node.widgets_values if isinstance(node.widgets_values, tuple) else ()
    added = saved[_DECLARED_BY_TOGGLE:]
    for name, value in itertools.zip_longest(_ADDED_BY_TOGGLE, added[: len(_ADDED_BY_TOGGLE)]):
        yield NodeWidget(name, value, stored=False)


_LORA_MANAGER_RULES: Mapping[str, PackRule] = {
    **{
        f"{name} (LoraManager)": PackRule(values=_lora_values)
        for name in (
            "Create Hook LoRA",
            "Lora Loader",
            "Lora Stacker",
            "Prompt",
            "Text",
            "WanVideo Lora Select",
        )
    },
    "TriggerWord Toggle (LoraManager)": PackRule(added=_trigger_words),
}


def _seed_values(node: GraphNode) -> SavedValues:
    """Return the values with a place for the control that the server declares."""
    saved = node.widgets_values
    if not isinstance(saved, tuple):
        return saved
    return (*saved[:_BEFORE_CONTROL], None, *saved[_BEFORE_CONTROL:])


_PROMPT_READER_RULES: Mapping[str, PackRule] = {
    "SDParameterGenerator": PackRule(values=_seed_values)
}


def _lora_rows(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield one widget for each saved row. The node reads every input whose name starts with
    `lora_`. The editor also sends the header and the button, which no node reads."""
    separate = node.properties.get(_SEPARATE[0]) == _SEPARATE[1]
    rows = [row for row in _listed(node) if isinstance(row, dict) and "lora" in row]
    for number, row in enumerate(rows, start=1):
        yield NodeWidget(f"lora_{number}", _row(row, separate=separate), stored=False)


def _listed(node: GraphNode) -> Iterable[Any]:
    saved = node.widgets_values
    return saved if isinstance(saved, tuple) else (saved or {}).values()


def _row(row: Mapping[str, Any], *, separate: bool) -> dict[str, Any]:
    sent = {key: value for key, value in row.items() if key != "strengthTwo"}
    if separate:
        second = row.get("strengthTwo")
        sent["strengthTwo"] = 1 if second is None else second
    return sent


def _typed_value(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the type and the value of a Power Primitive, with a spec that lets users edit it."""
    kind, value = (*_listed(node), None, None)[:2]
    kind = "BOOLEAN" if kind == "BOOL" else kind
    if kind not in ("STRING", "INT", "FLOAT", "BOOLEAN"):
        kind = "STRING"
    yield NodeWidget("type", kind, stored=False)
    spec = parse_input("value", [kind, {"multiline": kind == "STRING"}], required=True)
    yield NodeWidget("value", value, spec, stored=False)


def _outputs_and_code(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the output types and the program of a Power Puter."""
    outputs, code = (*_listed(node), None, None)[:2]
    yield NodeWidget("outputs", outputs or {"outputs": ["STRING"]}, stored=False)
    spec = parse_input("code", ["STRING", {"multiline": True}], required=True)
    yield NodeWidget("code", code or "", spec, stored=False)


_RGTHREE_RULES: Mapping[str, PackRule] = {
    "Power Lora Loader (rgthree)": PackRule(added=_lora_rows),
    "Power Primitive (rgthree)": PackRule(added=_typed_value),
    "Power Puter (rgthree)": PackRule(added=_outputs_and_code),
}


def _video_values(node: GraphNode) -> SavedValues:
    saved = node.widgets_values
    names = _LISTED.get(node.type, ())
    if isinstance(saved, tuple):
        if not names or len(saved) < len(names):
            return saved
        values = {name: value for name, value in zip(names, saved, strict=False) if name}
    elif isinstance(saved, Mapping):
        values = dict(saved)
    else:
        return saved
    if node.type == "VHS_VideoCombine":
        for old, new in _RENAMED.items():
            values.setdefault(new, values.get(old))
    return {**values, **_custom_size(values.get("force_size"))}


def _custom_size(force_size: object) -> dict[str, Any]:
    """Return the width and height of a `force_size` that files before 2025 have, such as "512x?".
    0 keeps the video's own."""
    if not isinstance(force_size, str):
        return {}
    width, cross, height = force_size.partition("x")
    if cross:
        return {"custom_width": _size(width), "custom_height": _size(height)}
    sizes = {}
    if force_size in ("Disabled", "Custom Height"):
        sizes["custom_width"] = 0
    if force_size in ("Disabled", "Custom Width"):
        sizes["custom_height"] = 0
    return sizes


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


_VHS_RULES: Mapping[str, PackRule] = {
    name: PackRule(values=_video_values, unconnected=_WITH_VAE)
    for name in (*_LISTED, "VHS_LoadVideoFFmpeg", "VHS_LoadVideoFFmpegPath")
}


def _camera_values(node: GraphNode) -> SavedValues:
    saved, place = node.widgets_values, _PLACES[node.type]
    if not isinstance(saved, tuple) or len(saved) <= place or saved[place]:
        return saved
    state = as_mapping(as_mapping(node.properties.get("Camera Config")).get("state"))
    viewport = {
        "image": "",
        "mask": "",
        "normal": "",
        "camera_info": dict(state) or _default_camera(),
        "recording": "",
        "model_3d_info": [],
    }
    return (*saved[:place], viewport, *saved[place + 1 :])


def _default_camera() -> dict[str, Any]:
    """Return the camera of a new view: outside the scene's corner, looking at its center."""
    return {
        "position": {"x": 10, "y": 10, "z": 10.000000000000002},
        "target": {"x": 0, "y": 0, "z": 0},
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": {
            "x": -0.2798481423331213,
            "y": 0.3647051996310008,
            "z": 0.11591689595929511,
            "w": 0.8804762392171493,
        },
        "fov": 35,
        "aspect": 1,
        "near": 0.01,
        "far": 10000,
        "frustum": {"left": -5, "right": 5, "top": 5, "bottom": -5},
    }


_VIEWPORT_RULES: Mapping[str, PackRule] = dict.fromkeys(_PLACES, PackRule(values=_camera_values))


def _painted_values(node: GraphNode) -> SavedValues:
    saved = node.widgets_values
    if not isinstance(saved, tuple) or len(saved) < len(_PAINTED) - 1:
        return saved
    return dict(zip(_PAINTED, saved[:-1] if isinstance(saved[-1], str) else saved, strict=False))


def _code_values(node: GraphNode) -> SavedValues:
    """Return the first and the last value. The script's own widgets between them changed."""
    saved = node.widgets_values
    if not isinstance(saved, tuple) or len(saved) < 2:
        return saved
    return {"language": saved[0], "pycode": saved[-1]}


_NO_RULE = PackRule()
_OWN: Mapping[str, PackRule] = {
    **_IMPACT_RULES,
    **_LORA_MANAGER_RULES,
    **_PROMPT_READER_RULES,
    **_RGTHREE_RULES,
    **_VHS_RULES,
    **_VIEWPORT_RULES,
    "IDENode": PackRule(values=_code_values),
    "LanPaint_SamplerCustomAdvanced": PackRule(values=_painted_values),
}
_RULES = PluginTable(_OWN, partial(contributed_rows, "pack_rules"))


def rule_of(class_type: str) -> PackRule:
    """Return the rule of a node class. For most classes it changes nothing."""
    return _RULES.get(class_type, _NO_RULE)
