"""Fields as Gradio components: one table from widget to control, and the only dictionary between
the two worlds.

A control is one field on the page; `show` turns the field's value into what its components show,
and the page's script turns that into browser JSON (`ui.documents.browser_values`). Limits are said
in words and checked by `comfy`'s form, all at once, so the components refuse nothing by themselves.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from comfy.base.messages import message
from comfy.form.model import Field
from comfy.prompt.shapes import read_box, read_points
from comfy.prompt.value_types import BadValue
from ui.documents.browser_values import (
    COUNTING,
    FIXED,
    RANDOM,
    ValueKind,
    color_text,
    has_long_numbers,
    seed_parts,
)
from ui.files.components import Audio, File, Image, Video
from ui.gradio.internals import without_preprocess
from ui.languages.current import current_language, translated
from ui.page.mask_painter import MaskPainter

_LINES = 3
SEED_MODES = [
    (message("Random"), RANDOM),
    (message("Fixed"), FIXED),
    (message("Increment"), COUNTING),
]
_ROWS = 5  # of a table, at least
_BOX = ("X", "Y", message("Width"), message("Height"))
_ELEMENT = "field-"
_SECTION = "section-"


@dataclass(frozen=True, slots=True)
class Control:
    """One field on the page: its components, and what they show for a value of the field."""

    field: Field
    components: tuple[Component, ...]
    show: Callable[[Any], tuple[Any, ...]] = lambda value: (value,)

    @property
    def kind(self) -> ValueKind:
        """How the browser reads the components' values: see `ui.documents.browser_values`."""
        match self.field.widget:
            case "mask":
                return "painted"
            case "seed":
                return "seed"
            case "box":
                return "box"
            case "curve":
                return "table"
        return "file" if self.field.is_media else "plain"


Builder = Callable[[Field, Any, str], Control]


def build_control(field: Field, value: object, scope: str = "") -> Control:
    """The control of a field, showing `value`; must be called inside the layout it belongs to.

    Drawn again with the same `scope`, the name of its workflow, it keeps what the person has put
    in.
    """
    return BUILDERS[field.widget](field, value, scope)


def element_id(field: Field) -> str:
    """The id of a field's element in the page, where its error is shown."""
    return _ELEMENT + _in_id(field.key)


def section_id(section: str | None) -> str:
    """The id of the element of an author's section, or of what stands in none: the page says by it
    which are unfolded."""
    return _SECTION + _in_id(section or "")


def _in_id(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text)


def help_text(field: Field) -> str | None:
    """The line under a label: the server's help and the limits of a number."""
    tooltip = translated(field.tooltip).strip()
    parts = [_ended(tooltip)] if tooltip else []
    if field.type in ("INT", "FLOAT") and field.widget == "number":
        match field.min, field.max:
            case (low, high) if (
                low is not None and high is not None and abs(high) < 1e6 and abs(low) < 1e6
            ):
                parts.append(translated(_between(low, high)))
            case (low, _) if low is not None and abs(low) < 1e6:
                parts.append(translated(message("{low} or more.", low=_shown(low))))
    if field.differs:
        parts.append(
            translated(message("Some choices are on different servers and can't be combined."))
        )
    # Gradio makes links of Markdown's here, which are a server's or a stranger's words: a word
    # joiner keeps them text.
    return " ".join(parts).replace("](", "]\u2060(") or None


def _between(low: float, high: float) -> str:
    ends = {"low": _shown(low), "high": _shown(high)}
    return message("{low} to {high}.", **ends) if low < 0 else message("{low}–{high}.", **ends)


def _ended(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?…:。！？：" else f"{sentence}."


def _shown(number: float) -> str:
    return current_language().number(number).replace("-", "−")


def _common(field: Field, scope: str) -> dict[str, Any]:
    return {
        "label": message("{field} (optional)", field=field.label)
        if field.optional and not field.required
        else field.label,
        "elem_id": element_id(field),
        "elem_classes": ["takes-files", f"of-{field.widget}"] if field.is_media else None,
        "key": f"{scope}/{field.key}/{field.widget}",
        "interactive": True,
    }


def _text(field: Field, value: object, scope: str) -> Control:
    return Control(
        field,
        (
            gr.Textbox(
                _string(value), lines=1, max_lines=1, info=help_text(field), **_common(field, scope)
            ),
        ),
    )


def _textarea(field: Field, value: object, scope: str) -> Control:
    lines = _LINES if field.height is None else min(30, max(2, round(field.height / 24)))
    box = gr.Textbox(
        _string(value),
        lines=lines,
        max_lines=max(12, lines),
        info=help_text(field),
        **_common(field, scope) | {"elem_classes": ["takes-text"]},
    )
    return Control(field, (box,))


def _number(field: Field, value: Any, scope: str) -> Control:
    if has_long_numbers(field):
        return Control(
            field,
            (gr.Textbox(_string(value), info=help_text(field), **_common(field, scope)),),
            show=_as_text,
        )
    number = gr.Number(value, step=field.step or 1, info=help_text(field), **_common(field, scope))
    return Control(field, (number,), show=lambda shown: (shown,))


def _slider(field: Field, value: Any, scope: str) -> Control:
    low, high = field.min or 0, field.max if field.max is not None else 100
    slider = gr.Slider(
        low,
        high,
        value,
        step=field.step,
        info=help_text(field),
        buttons=[],
        **_common(field, scope),
    )
    return Control(field, (without_preprocess(slider),))


def _checkbox(field: Field, value: object, scope: str) -> Control:
    return Control(
        field, (gr.Checkbox(bool(value), info=help_text(field), **_common(field, scope)),)
    )


def _color(field: Field, value: object, scope: str) -> Control:
    picker = gr.ColorPicker(color_text(value), info=help_text(field), **_common(field, scope))
    return Control(field, (picker,), show=lambda shown: (color_text(shown),))


def _box(field: Field, value: object, scope: str) -> Control:
    common = _common(field, scope)
    title = html.escape(str(common["label"]))
    info = html.escape(help_text(field) or "")
    with gr.Column(elem_id=common["elem_id"], elem_classes="box-field"):
        gr.HTML(f"<h4>{title}</h4><p>{info}</p>" if info else f"<h4>{title}</h4>")
        with gr.Row():
            numbers = [
                gr.Number(
                    part,
                    label=label,
                    precision=0,
                    min_width=60,
                    key=f"{common['key']}/{label}",
                    interactive=True,
                )
                for label, part in zip(_BOX, _numbers(value), strict=True)
            ]
    return Control(field, tuple(numbers), show=_numbers)


def _numbers(value: object) -> tuple[int | None, ...]:
    try:
        return read_box(value)
    except BadValue:  # as it was typed: what is wrong with it is said when it is sent
        parts = value if isinstance(value, list) and len(value) == len(_BOX) else [None] * len(_BOX)
        return tuple(parts)


def _curve(field: Field, value: object, scope: str) -> Control:
    table = gr.Dataframe(
        _rows(value),
        headers=["X", "Y"],
        datatype="number",
        type="array",
        column_count=2,
        buttons=[],
        **_common(field, scope) | {"elem_classes": "curve-field"},
    )
    return Control(field, (table,), show=lambda shown: (_rows(shown),))


def _rows(value: object) -> list[Any]:
    """The points, and room for more."""
    try:
        points: list[Any] = [list(point) for point in read_points(value)]
    except BadValue:  # as it was typed
        return list(value) if isinstance(value, list) else []
    return points + [[None, None]] * max(1, _ROWS - len(points))


def _dropdown(field: Field, value: Any, scope: str) -> Control:
    dropdown = gr.Dropdown(
        choices_of(field, value),
        value=value,
        info=help_text(field),
        filterable=True,
        **_common(field, scope),
    )
    return Control(field, (without_preprocess(dropdown),))


def choices_of(field: Field, value: object) -> list[tuple[str, Any]]:
    """The choices of a dropdown; a value the server does not offer stays among them, marked."""
    choices = list(field.choices or ())
    if value is not None and all(choice != value for _, choice in choices):
        choices.append((message("Not available: {choice}", choice=value), value))
    return choices


def _seed(field: Field, value: object, scope: str) -> Control:
    text, mode = seed_parts(value)
    with gr.Row(elem_classes="seed"):
        # It stands beside the label, above the number: Tab comes to it first, too.
        modes = gr.Radio(
            SEED_MODES,
            value=mode,
            label=message("{field} mode", field=field.label),
            show_label=False,
            container=False,
            min_width=120,
            elem_classes="seed-mode",
            key=f"{scope}/{field.key}/mode",
            interactive=True,
        )
        seed = gr.Textbox(
            text, info=help_text(field), scale=3, min_width=120, **_common(field, scope)
        )

    return Control(field, (seed, modes), show=seed_parts)


def _image(field: Field, value: Any, scope: str) -> Control:
    image = Image(
        value,
        sources=["upload", "clipboard", "webcam"],
        height=220,
        buttons=["fullscreen"],
        **_common(field, scope),
    )
    return Control(field, (image,))


def _mask(field: Field, value: Any, scope: str) -> Control:
    return Control(field, (MaskPainter(value, **_common(field, scope)),))


def _audio(field: Field, value: Any, scope: str) -> Control:
    audio = Audio(
        value, sources=["upload", "microphone"], buttons=["download"], **_common(field, scope)
    )
    return Control(field, (audio,))


def _video(field: Field, value: Any, scope: str) -> Control:
    video = Video(value, sources=["upload", "webcam"], height=220, **_common(field, scope))
    return Control(field, (video,))


def _file(field: Field, value: Any, scope: str) -> Control:
    return Control(field, (File(value, **_common(field, scope)),))


def _string(value: object) -> str:
    return "" if value is None else str(value)


def _as_text(value: object) -> tuple[str]:
    return (_string(value),)


BUILDERS: dict[str, Builder] = {
    "text": _text,
    "textarea": _textarea,
    "number": _number,
    "slider": _slider,
    "checkbox": _checkbox,
    "color": _color,
    "box": _box,
    "curve": _curve,
    "dropdown": _dropdown,
    "seed": _seed,
    "image": _image,
    "mask": _mask,
    "audio": _audio,
    "video": _video,
    "file": _file,
}
