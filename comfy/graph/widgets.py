"""Widget layout: which widgets the editor gives a node, and in which order.

Saved values have positions but no names, and not every position is an input.
`control_after_generate` companions, upload buttons and preview helpers have positions, too. So the
layout must be rebuilt from `/object_info` exactly as in the editor. See docs/comfyui.md#35.

Types of widgets in the editor: which inputs have one, its initial value, and whether the editor
saves and sends it. See docs/comfyui.md#35.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import (
    AUTOGROW,
    COMBO,
    DYNAMIC_COMBO,
    DYNAMIC_GROUP,
    InputSpec,
    parse_input,
)
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.text_replacements import as_js_text

# Type of a node pack's own widget for an input of none of the known types.
_PACK_WIDGET = "pack widget"
# Inputs that get a `control_after_generate` unless they opt out.
SEEDS = frozenset({"seed", "noise_seed"})
_UPLOADS = ("image_upload", "animated_image_upload", "video_upload", "audio_upload")
# Nodes with a viewer widget that the server doesn't declare.
_VIEWERS: Mapping[str, str] = {"Preview3D": "image", "SaveGLB": "image"}
# Buttons of the 3D loader, which the editor sends like inputs.
_LOAD_3D_BUTTONS = (
    ("upload 3d model", "upload3dmodel"),
    ("upload extra resources", "uploadExtraResources"),
    ("clear", "clear"),
)
# Nodes whose properties contain the author's limits for the first widget.
_OWN_LIMITS: Mapping[str, tuple[str, ...]] = {
    "PrimitiveInt": ("min", "max", "step"),
    "PrimitiveFloat": ("min", "max", "step", "precision", "display"),
}
# A combo whose choices are other widgets of the node.
_CUSTOM_COMBO = "CustomCombo"
_MOST_GROWN = 200


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


@dataclass(slots=True)
class NodeWidget:
    """One widget of a node during conversion. `value` changes while the graph is opened.

    `stored` widgets have a position in `widgets_values`, and `sent` ones become prompt inputs.
    Neither implies the other. The last option of a custom combo `grows`: once it has a value,
    another option follows.
    """

    name: str
    value: Any
    spec: InputSpec | None = None
    stored: bool = True
    sent: bool = True
    grows: bool = False


def layout(node: NodeSpec) -> list[NodeWidget]:
    """Return the widgets of a new node of this class, with their initial values."""
    widgets = [widget for spec in node.inputs for widget in _made(spec)]
    names = {widget.name for widget in widgets}
    if (
        any(spec.required and any(map(spec.options.get, _UPLOADS)) for spec in node.inputs)
        and "upload" not in names
    ):
        widgets.append(NodeWidget("upload", "image", sent=False))
    viewer = _VIEWERS.get(node.class_type)
    if viewer and viewer not in names:
        widgets.append(NodeWidget(viewer, ""))
    if node.class_type == _CUSTOM_COMBO:
        widgets += [NodeWidget("index", -1), NodeWidget("option1", "", grows=True)]
    return widgets


def _made(spec: InputSpec) -> Iterator[NodeWidget]:
    """Yield an input's own widget and the companions that the editor places after it."""
    kind = widget_type(spec)
    if spec.type == AUTOGROW:
        yield from _grown(spec)
    if kind is None:
        return
    if kind == "LOAD_3D" and spec.name == "image":
        yield from (NodeWidget(label, press) for label, press in _LOAD_3D_BUTTONS)
    editor = KINDS[kind]
    value = editor.default(spec)
    name = editor.name or spec.name
    yield NodeWidget(name, value, spec, stored=editor.stored, sent=editor.sent)
    yield from (NodeWidget(name, None, stored=True, sent=False) for name in _companions(spec, kind))
    yield from _following(spec, value)


def _following(spec: InputSpec, value: object) -> Iterator[NodeWidget]:
    """Yield the widgets that exist because of an input's value: a choice's own widgets, or the rows
    of a dynamic group."""
    if spec.type == DYNAMIC_GROUP:
        yield from _rows(spec, value)
    elif isinstance(value, str):
        yield from (widget for branch in spec.branch(value) for widget in _made(branch))


def _follows(spec: InputSpec, name: str) -> bool:
    """Tell if a widget of this name exists only because of another input's value."""
    if spec.type == DYNAMIC_GROUP:
        return name.startswith(f"{spec.name}.")
    return spec.adds(name)


def _rows(spec: InputSpec, count: object) -> Iterator[NodeWidget]:
    group = spec.rows
    if group is None:
        return
    wanted = [n for n in (count, group.least) if isinstance(n, int | float)]
    for row in range(int(max((n for n in wanted if 0 <= n <= _MOST_GROWN), default=0))):
        for column in group.columns:
            name = group.cell_name(row, column.name)
            for number, widget in enumerate(_made(replace(column, name=name))):
                yield replace(widget, name=f"{name}.{number - 1}") if number else widget


def _companions(spec: InputSpec, kind: str) -> tuple[str, ...]:
    """Return the names of the helper widgets after an input. They are saved with the graph but
    never sent."""
    control = spec.options.get("control_after_generate")
    match kind:
        case "INT" if control or (control is None and spec.name in SEEDS):
            return ("control_after_generate",)
        case "FLOAT" if control:
            return ("control_after_generate",)
        case "COMBO" if control:
            return ("control_after_generate", "control_filter_list")
        case "BOUNDING_BOX":
            return ("x", "y", "width", "height")
        case "AUDIO_RECORD":
            return ("record",)
        case _:
            return ()


def _grown(spec: InputSpec) -> Iterator[NodeWidget]:
    """Yield the first members of an autogrow group if it consists of widgets rather than
    sockets."""
    for name, raw, required in grown_inputs(spec):
        yield from _made(parse_input(name, raw, required=required))


def grown_inputs(spec: InputSpec) -> Iterator[tuple[str, object, bool]]:
    """Yield the name, raw spec and required flag of each initial input of a new node's autogrow
    group."""
    template = spec.options.get("template")
    template = template if isinstance(template, dict) else {}
    sections = template.get("input")
    members = [
        (name, raw, section == "required")
        for section in ("required", "optional")
        for name, raw in as_mapping(as_mapping(sections).get(section)).items()
    ]
    names = template.get("names")
    least, most = (
        n if isinstance(n := template.get(key), int) else usual
        for key, usual in (("min", 1), ("max", 100))
    )
    if isinstance(names, list):
        most = len(names)
    for ordinal in range(min(max(1, least + 1), most, _MOST_GROWN)):
        for member, raw, required in members:
            prefix = template.get("prefix", "") if len(members) == 1 else member
            label = names[ordinal] if isinstance(names, list) else f"{prefix}{ordinal}"
            yield f"{spec.name}.{label}", raw, required and ordinal < least


def assign(widgets: list[NodeWidget], widget: NodeWidget, value: object) -> None:
    """Set a widget's value like the editor's setter, including effects on neighboring widgets."""
    widget.value, spec = value, widget.spec
    if spec is not None and (spec.adds_inputs or spec.type == DYNAMIC_GROUP):
        widgets[:] = [other for other in widgets if not _follows(spec, other.name)]
        index = widgets.index(widget) + 1
        widgets[index:index] = _following(spec, value)
    elif widget.grows and value:
        widget.grows = False
        widgets.append(NodeWidget(f"option{len(widgets) - 1}", "", grows=True))


def personalise(node: NodeSpec, widgets: list[NodeWidget], properties: Mapping[str, Any]) -> None:
    """Put the author's limits and choices, which some nodes allow, into the specs of their first
    widgets."""
    first = widgets[0] if widgets else None
    if first is None or first.spec is None:
        return
    if node.class_type in _OWN_LIMITS:
        own = {
            key: value
            for key in _OWN_LIMITS[node.class_type]
            if (value := properties.get(key)) is not None
        }
        first.spec = replace(first.spec, options={**first.spec.options, **own})
    if node.class_type == _CUSTOM_COMBO:
        options = [
            widget.value for widget in widgets if widget.name.startswith("option") and widget.value
        ]
        first.spec = replace(first.spec, choices=tuple(options))


def complete(class_type: str, widgets: Iterable[NodeWidget]) -> None:
    """Apply the editor's clean-up after opening: combos without a value take their first choice,
    and multiline fields turn numbers into text."""
    for widget in widgets:
        spec = widget.spec
        is_number = isinstance(widget.value, int | float) and not isinstance(widget.value, bool)
        if is_number and spec and spec.type == "STRING" and spec.options.get("multiline"):
            widget.value = as_js_text(widget.value)
        if widget.value is None and spec is not None and spec.choices and not spec.upload:
            widget.value = spec.choices[0]
        if (
            widget.name == "sampler_name"
            and isinstance(widget.value, str)
            and class_type.startswith("KSampler")
        ):
            widget.value = widget.value.removeprefix("sample_")
    if class_type == _CUSTOM_COMBO:
        _number_choice(list(widgets))


def _number_choice(widgets: list[NodeWidget]) -> None:
    """Compute a custom combo's hidden index from its choice, ignoring the saved one."""
    options = [widget.value for widget in widgets if widget.name.startswith("option")]
    for widget in widgets:
        if widget.name == "index":
            widget.value = options.index(widgets[0].value) if widgets[0].value in options else -1
