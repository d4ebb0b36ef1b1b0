"""Widgets as Gradio components: one row for each kind of field, and the builders' shared
helpers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from gradio.components import Component

from comfy.base.messages import message
from comfy.comfyui.protocol.result_types import RESULT_TYPES
from comfy.form.model import Field, FieldKind
from ui.languages.current import current_language, translated

_ELEMENT = "field-"

# Row of `ui/page/script/form/values.js` that reads the components' values.
Browser = Literal["plain", "seed", "box", "table", "rows", "file", "painted"]


@dataclass(frozen=True, slots=True)
class Control:
    """Field on the page: its components, and a function that converts the field's value to
    theirs."""

    field: Field
    components: tuple[Component, ...]
    show: Callable[[Any], tuple[Any, ...]] = lambda value: (value,)


@dataclass(frozen=True, slots=True)
class FieldView:
    """Everything the page knows about a widget.

    `build(field, value, scope)` draws the field's components inside the open layout. Redrawn in the
    same `scope`, they keep what the user entered. `browser`: how the page's script reads their
    values; `component`: the Gradio component by which Gradio's own clients describe a value.
    """

    kind: FieldKind
    build: Callable[[Field, Any, str], Control]
    browser: Browser = "plain"
    component: str = "JSON"


def element_id(field: Field) -> str:
    """Return the ID of a field's element, which shows its error."""
    return _ELEMENT + id_part(field.key)


def id_part(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text)


def help_text(field: Field) -> str | None:
    """Return the line under a label: the server's help and the limits of a number."""
    tooltip = translated(field.tooltip).strip()
    parts = [_ended(tooltip)] if tooltip else []
    if field.type in ("INT", "FLOAT") and field.widget == "number":
        match field.min, field.max:
            case (low, high) if (
                low is not None and high is not None and abs(high) < 1e6 and abs(low) < 1e6
            ):
                ends = {"low": _shown(low), "high": _shown(high)}
                parts.append(translated(message("{low} to {high}.", **ends)))
            case (low, _) if low is not None and abs(low) < 1e6:
                parts.append(translated(message("Minimum {number}.", number=_shown(low))))
    if field.differs:
        parts.append(
            translated(message("Some choices are on different servers and can't be combined."))
        )
    # Gradio renders Markdown links here, but these texts come from a server or a stranger. A word
    # joiner keeps them plain text.
    return " ".join(parts).replace("](", "]\u2060(") or None


def _ended(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?…:。！？：" else f"{sentence}."


def _shown(number: float) -> str:
    return current_language().number(number).replace("-", "−")


def options_of(field: Field, scope: str) -> dict[str, Any]:
    """Return the options that every field's component has."""
    return {
        "label": message("{field} (optional)", field=field.label)
        if field.optional and not field.required
        else field.label,
        "elem_id": element_id(field),
        "elem_classes": _file_classes(field) if field.is_media else None,
        "key": f"{scope}/{field.key}/{field.widget}",
        "interactive": True,
    }


def _file_classes(field: Field) -> list[str]:
    """Return the classes by which the script and the styles know which files a field takes."""
    painted = ["painted"] if field.is_painted else []
    guides = ["guide"] if field.role == "guide" else []
    optional = ["optional"] if field.optional else []
    return ["takes-files", f"of-{field.media or 'file'}", *painted, *guides, *optional]


def accepted_files(field: Field) -> str:
    """Return the files that a dialog offers for a field, as in HTML; "" for all."""
    if field.is_media and field.input == "model_file":  # ComfyUI's loaders of 3D models
        return ",".join(f".{ending}" for ending in RESULT_TYPES["3d"].endings.split())
    return f"{field.media}/*" if field.media else ""


def box_text(value: object) -> str:
    return "" if value is None else str(value)
