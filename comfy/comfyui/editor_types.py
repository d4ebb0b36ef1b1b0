"""Types of widgets with an editor or a view of their own. Their values aren't typed
(docs/comfyui.md#49)."""

from __future__ import annotations

from comfy.comfyui.file_inputs import FILE_WIDGETS

EDITOR_TYPES = FILE_WIDGETS | {
    "BOUNDING_BOX",
    "BOUNDING_BOXES",
    "CAMERA_ANGLE_VIEW",
    "CAMERA_INFO_STATE",
    "CHART",
    "COLORS",
    "COMPOSITOR",
    "CURVE",
    "GALLERIA",
    "IMAGECOMPARE",
    "LIGHT_INFO_PREVIEW",
    "LOAD_3D_ADVANCED",
    "MARKDOWN",
    "PAINTER",
    "PREVIEW_3D",
    "RANGE",
    "RESOLUTION_PREVIEW",
    "TEXTAREA",
    "VIDEO_EDIT",
    "COMFY_AUTOGROW_V3",
}


def type_of_value(value: object) -> str:
    """Return the built-in type of such values, "" for others."""
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
            return ""
