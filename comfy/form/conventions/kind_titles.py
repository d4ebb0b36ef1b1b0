"""Titles of the WebSocket guide: `TEXT_positive`, `SWITCH_1`, `MODEL_base`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.form.conventions.layers import Layer, NodeView, Statement, first_named
from comfy.form.conventions.mcww_titles import MAX_TITLE
from comfy.workflow.config import FieldConfig

TitleKind = Literal["TEXT", "SWITCH", "MODEL"]
_KIND = re.compile(r"(?P<kind>TEXT|SWITCH|MODEL)_(?P<name>\S.*)")
_PROMPTS = {"positive": message("Prompt"), "negative": message("Negative prompt")}


@dataclass(frozen=True, slots=True)
class KindTitle:
    """A title in the WebSocket guide's notation: TEXT, SWITCH or MODEL, and a name."""

    kind: TitleKind
    name: str


def read_kind_title(title: str) -> KindTitle | None:
    """Parse `TEXT_positive`, `SWITCH_1` or `MODEL_base`: the prefix is the kind of input, the rest
    its name."""
    match = _KIND.fullmatch(" ".join(title.split())) if len(title) <= MAX_TITLE else None
    return KindTitle(cast(TitleKind, match["kind"]), match["name"]) if match else None


def kinds(nodes: Sequence[NodeView]) -> Layer:
    """Read the WebSocket guide's `TEXT_…`, `SWITCH_…` and `MODEL_…` titles. Sampling values keep
    their placement."""
    statements = []
    titles: dict[str, str] = {}
    for node in nodes:
        title = read_kind_title(node.title)
        candidate = _KIND_INPUTS[title.kind](node) if title else None
        if title and candidate:
            titles[node.id] = _kind_label(title)
            settings = FieldConfig("", titles[node.id])
            statements.append(Statement("kind_titles", (candidate.ref,), settings))
    return Layer(tuple(statements), titles=titles)


def _kind_label(title: KindTitle) -> str:
    words = plain_words(title.name)
    match title.kind:
        case "TEXT":
            return _PROMPTS.get(words.lower(), words)
        case "MODEL":
            return message("{label} ({detail})", label=message("Model"), detail=words)
        case _:
            number = title.name if title.name.isdecimal() else ""
            return message("Switch {number}", number=number) if number else words


def _text_input(node: NodeView) -> Candidate | None:
    named = first_named(node, ("text", "value", "prompt", "string", "text_g"), "STRING")
    return named or next((one for one in node.inputs.values() if one.type == "STRING"), None)


def _switch_input(node: NodeView) -> Candidate | None:
    return first_named(node, ("select", "switch", "index", "input", "value"))


def _model_input(node: NodeView) -> Candidate | None:
    named = (one for name, one in node.inputs.items() if name.endswith("_name") or "model" in name)
    return next(named, None) or next(
        (one for one in node.inputs.values() if one.type == "COMBO"), None
    )


_KIND_INPUTS: Mapping[TitleKind, Callable[[NodeView], Candidate | None]] = {
    "TEXT": _text_input,
    "SWITCH": _switch_input,
    "MODEL": _model_input,
}
