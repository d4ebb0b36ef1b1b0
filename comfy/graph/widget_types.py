"""Types of widgets in the editor: which inputs have one, its initial value, and whether the editor
saves and sends it. See docs/comfyui.md#35.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from comfy.comfyui.input_spec import COMBO, DYNAMIC_COMBO, DYNAMIC_GROUP, InputSpec


def widget_type(spec: InputSpec) -> str | None:
    """Return the type of widget that the editor creates for an input, or None if the input is only
    a socket.

    Node packs add widget types of their own. Such a widget holds a value of the first known type of
    the input, or any value (`_PACK_WIDGET`).
    """
    hint = spec.options.get("widgetType")
    if spec.is_forced:
        return None
    if isinstance(hint, str) and hint in KINDS:
        return hint
    if spec.type in KINDS:
        return spec.type
    if not isinstance(hint, str):
        return None
    return next((part for part in spec.type.split(",") if part in KINDS), _PACK_WIDGET)


def _given(otherwise: object) -> Callable[[InputSpec], Any]:
    def default(spec: InputSpec) -> object:
        value = spec.options.get("default")
        return deepcopy(otherwise if value is None else value)

    return default


def _combo(spec: InputSpec) -> object:
    if spec.options.get("multi_select"):
        return []
    # The editor offers all users' uploads here, so no file is selected by default.
    return spec.options.get("default") or (
        spec.choices[0] if spec.choices and not spec.upload else None
    )


def _dynamic_combo(spec: InputSpec) -> object:
    return spec.choices[0] if spec.choices else None


def _color(spec: InputSpec) -> object:
    nested = spec.options.get("options")
    return (
        spec.options.get("default")
        or (nested.get("default") if isinstance(nested, dict) else None)
        or "#000000"
    )


def _row_count(spec: InputSpec) -> object:
    return spec.options.get("min") or 0


# Type of a node pack's own widget for an input of none of the known types.
_PACK_WIDGET = "pack widget"


@dataclass(frozen=True, slots=True)
class WidgetKind:
    """The behavior of a type of widget in the editor.

    `default`: returns the value of a new widget. `stored`: has a position in `widgets_values`.
    `sent`: becomes a prompt input. `name`: the widget's name if it isn't the input's.
    """

    default: Callable[[InputSpec], Any]
    stored: bool = True
    sent: bool = True
    name: str = ""


KINDS: Mapping[str, WidgetKind] = {
    "INT": WidgetKind(_given(0)),
    "FLOAT": WidgetKind(_given(0)),
    "BOOLEAN": WidgetKind(_given(otherwise=False)),
    "STRING": WidgetKind(_given("")),
    "MARKDOWN": WidgetKind(_given("")),
    "TEXTAREA": WidgetKind(_given("")),
    COMBO: WidgetKind(_combo),
    DYNAMIC_COMBO: WidgetKind(_dynamic_combo),
    DYNAMIC_GROUP: WidgetKind(_row_count, sent=False),
    "COLOR": WidgetKind(_color),
    "COLORS": WidgetKind(_given([])),
    "BOUNDING_BOX": WidgetKind(_given({"x": 0, "y": 0, "width": 512, "height": 512})),
    "BOUNDING_BOXES": WidgetKind(_given([])),
    "CURVE": WidgetKind(_given({"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"})),
    "RANGE": WidgetKind(_given({"min": 0.0, "max": 1.0})),
    "PAINTER": WidgetKind(_given("")),
    "COMPOSITOR": WidgetKind(_given({})),
    "VIDEO_EDIT": WidgetKind(_given({})),
    "IMAGECOMPARE": WidgetKind(lambda spec: ["", ""], stored=False),
    "GALLERIA": WidgetKind(_given([])),
    "CHART": WidgetKind(_given({})),
    "WEBCAM": WidgetKind(_given("")),
    "AUDIO_RECORD": WidgetKind(_given("")),
    "LOAD_3D": WidgetKind(_given("")),
    "LOAD_3D_ADVANCED": WidgetKind(_given("")),
    "PREVIEW_3D": WidgetKind(_given("")),
    "LIGHT_INFO_PREVIEW": WidgetKind(_given([])),
    "CAMERA_ANGLE_VIEW": WidgetKind(_given("camera"), sent=False, name="view"),
    "CAMERA_INFO_STATE": WidgetKind(
        _given(None), stored=False, sent=False, name="camera_info_state"
    ),
    "RESOLUTION_PREVIEW": WidgetKind(_given(None), stored=False, sent=False),
    _PACK_WIDGET: WidgetKind(_given(None)),
}
