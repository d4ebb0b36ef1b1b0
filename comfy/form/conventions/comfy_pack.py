"""The CPackInput and CPackOutput nodes of comfy-pack, as described in its README."""

from __future__ import annotations

from collections.abc import Sequence

from comfy.base.wording import plain_words
from comfy.form.conventions.layers import Layer, NodeView, Statement, first_named, hidden, number_of
from comfy.form.labels import telling_part
from comfy.workflow.config import FieldConfig

_PACK_VALUES = ("value", "image", "file", "file_path", "audio", "video", "any", "text", "string")


def comfy_pack(nodes: Sequence[NodeView]) -> Layer:
    """Read comfy-pack's nodes: CPackInput nodes are the fields, named by their titles, and
    CPackOutput nodes the outputs that count."""
    statements = []
    outputs = tuple(node.id for node in nodes if node.class_type.startswith("CPackOutput"))
    for node in nodes:
        if not node.class_type.startswith("CPackInput"):
            continue
        candidate = first_named(node, _PACK_VALUES)
        if candidate is None:
            continue
        display = candidate.node_spec.display_name if candidate.node_spec else ""
        label = telling_part(node.title, node.class_type, display) or None
        low, high = number_of(node, "min"), number_of(node, "max")
        settings = FieldConfig("", plain_words(label) if label else None, min=low, max=high)
        statements += [Statement("comfy_pack", (candidate.ref,), settings)]
        statements += hidden("comfy_pack", node, candidate.input)
    return Layer(tuple(statements), "advanced", outputs) if statements or outputs else Layer()
