"""comfyui-prompt-reader-node, whose seed has buttons instead of a `control_after_generate`."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.graph.packs.rule import PackRule, SavedValues
from comfy.graph.schema import GraphNode

_BEFORE_CONTROL = 5  # values up to the seed


def _values(node: GraphNode) -> SavedValues:
    """Return the values with a place for the control that the server declares."""
    saved = node.widgets_values
    if not isinstance(saved, tuple):
        return saved
    return (*saved[:_BEFORE_CONTROL], None, *saved[_BEFORE_CONTROL:])


PROMPT_READER_RULES: Mapping[str, PackRule] = {"SDParameterGenerator": PackRule(values=_values)}
