"""Parameter nodes of krita-ai-diffusion: fields with a name, a type, a default and limits as
inputs. The name may have a group and numbers that order it: "1. Style/2. Strength"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from comfy.form.conventions.layers import Layer, NodeView, Statement, hidden, number_of, text_of
from comfy.prompt.model import InputRef
from comfy.workflow.config import FieldConfig

_NUMBER = re.compile(r"(\d{1,9})\. *")
_UNLIMITED = 1e9  # in size. Without limits, nodes have a larger one, or 0 twice.


def krita(nodes: Sequence[NodeView]) -> Layer:
    """Read parameter nodes. Krita shows no other inputs, so those are advanced."""
    fields = [n for n in nodes if n.class_type == "ETN_Parameter" and "default" in n.inputs]
    fields.sort(key=_order)
    statements = [one for node in fields for one in _field(node)]
    return Layer(tuple(statements), "advanced") if statements else Layer()


def _order(node: NodeView) -> list[int]:
    numbers = map(_NUMBER.match, text_of(node, "name").rpartition("/"))
    return [int(number[1]) if number else 0 for number in numbers]


def _field(node: NodeView) -> list[Statement]:
    low, high = number_of(node, "min"), number_of(node, "max")
    if low is None or high is None or low >= high or high - low > _UNLIMITED:
        low = high = None
    name = _NUMBER.sub("", text_of(node, "name").rpartition("/")[2], count=1)
    long = "textarea" if text_of(node, "type").startswith("prompt") else None
    settings = FieldConfig("", name or None, min=low, max=high, widget=long)
    field = Statement("krita", (InputRef(node.id, "default"),), settings)
    return [field, *hidden("krita", node, "default")]
