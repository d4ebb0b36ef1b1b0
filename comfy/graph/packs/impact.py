"""ComfyUI-Impact-Pack, whose preview nodes refer to pictures of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping

from comfy.graph.packs.rule import PackRule, SavedValues
from comfy.graph.schema import GraphNode


def _values(node: GraphNode) -> SavedValues:
    """Return the values with an empty picture. The saved one was in the temporary folder of the
    author's server."""
    saved = node.widgets_values
    return (f"${node.id}-0", *saved[1:]) if isinstance(saved, tuple) and saved else saved


IMPACT_RULES: Mapping[str, PackRule] = dict.fromkeys(
    ("PreviewBridge", "PreviewBridgeLatent"), PackRule(values=_values)
)
