"""Width and height of one node, which users think of as one size: two numbers, a swap button, and
the usual aspect ratios."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import gradio as gr

from comfy.base.messages import Message, message
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.documents.browser_values import number_rules
from ui.languages.current import html_of, translated
from ui.page.form.controls import build_control
from ui.page.form.kinds.view import Control, element_id
from ui.page.script_files import calls

_SWAP = message("Swap width and height")
_ASPECT_RATIO = message("Aspect ratio")


def size_pairs(fields: Iterable[Field]) -> list[tuple[Field, Field]]:
    """Return the pairs of width and height that belong to one node."""
    by_place = {(field.node, field.input): field for field in fields if field.type == "INT"}
    return [
        (width, by_place[node, "height"])
        for (node, name), width in by_place.items()
        if name == "width" and (node, "height") in by_place
    ]


def draw_size(
    scope: str, width: Field, height: Field, values: dict[str, Any]
) -> tuple[Control, Control]:
    """Draw both controls with their aspect ratio above, which the script handles."""
    rules = number_rules((width, height))
    title, labels = size_name(width, height)
    given = {
        "title": translated(title),
        "width": width.key,
        "height": height.key,
        "rules": [rules.get(width.key), rules.get(height.key)],
        "author": [width.default, height.default],
    }
    with gr.Column(elem_classes="size-field"):
        if len(rules) == 2:
            gr.HTML(
                elem_classes="ratios",
                js_on_load=calls("components/size.js", f"mountSize(element, {json.dumps(given)})"),
            )
        with gr.Row(elem_classes="size"):
            wide = build_control(_bare(width, labels[0]), values[width.key], scope)
            swap = html_of(_SWAP)
            gr.HTML(
                f'<button type="button" class="quiet" title="{swap}" aria-label="{swap}">⇄'
                "</button>",
                elem_classes="swap",
                js_on_load=calls(
                    "components/size.js",
                    f"mountSwap(element, {json.dumps([element_id(width), element_id(height)])})",
                ),
            )
            high = build_control(_bare(height, labels[1]), values[height.key], scope)
    return wide, high


def size_name(width: Field, height: Field) -> tuple[str, tuple[str, str]]:
    """Return the title of a size, and the labels of its numbers. Words that tell the size from
    another one, such as "(Upscale Image)", are in the title, so that the labels stay short."""
    match width.label, height.label:
        case (
            Message(sentence=sentence, values={"label": str(wide), **more}),
            Message(sentence=other, values={"label": str(high), **same}),
        ) if sentence == other and more == same:
            return Message(sentence, "", {**more, "label": _ASPECT_RATIO}), (wide, high)
    return _ASPECT_RATIO, (width.label, height.label)


def _bare(field: Field, label: str) -> Field:
    """Return a field as one half of a size: a number box without a slider or help text."""
    field = replace(field, label=label)
    return replace(field, kind=KINDS["number"], tooltip="", min=None, max=None, slide=None)
