"""ComfyUI-Lora-Manager, whose text fields complete names of LoRAs as the author types."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from comfy.graph.packs.rule import PackRule, SavedValues
from comfy.graph.schema import GraphNode
from comfy.graph.widgets import NodeWidget

_NAMES = "__lm_widget_ids"  # a property: the names of the saved values
_DECLARED_BY_TOGGLE = 3
_ADDED_BY_TOGGLE = ("toggle_trigger_words", "orinalMessage")  # the node's own spelling


def _values(node: GraphNode) -> SavedValues:
    """Return the values by name if the node knows the names, otherwise without the helper that
    precedes a text field."""
    saved, names = node.widgets_values, node.properties.get(_NAMES)
    if not isinstance(saved, tuple):
        return saved
    if isinstance(names, list) and len(names) == len(saved):
        return {str(name): value for name, value in zip(names, saved, strict=True)}
    return tuple(value for value in saved if not _is_helper(value))


def _is_helper(value: object) -> bool:
    return isinstance(value, Mapping) and "textWidgetName" in value


def _trigger_words(node: GraphNode) -> Iterator[NodeWidget]:
    """Yield the trigger words with their switches, and the text they come from."""
    saved = node.widgets_values if isinstance(node.widgets_values, tuple) else ()
    added = saved[_DECLARED_BY_TOGGLE:]
    for name, value in itertools.zip_longest(_ADDED_BY_TOGGLE, added[: len(_ADDED_BY_TOGGLE)]):
        yield NodeWidget(name, value, stored=False)


LORA_MANAGER_RULES: Mapping[str, PackRule] = {
    **{
        f"{name} (LoraManager)": PackRule(values=_values)
        for name in (
            "Create Hook LoRA",
            "Lora Loader",
            "Lora Stacker",
            "Prompt",
            "Text",
            "WanVideo Lora Select",
        )
    },
    "TriggerWord Toggle (LoraManager)": PackRule(added=_trigger_words),
}
