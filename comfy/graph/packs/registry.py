"""The rules of all packs by node class. A new pack is a module with its rules, listed here.
Plugins add theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from comfy.graph.packs.impact import IMPACT_RULES
from comfy.graph.packs.lora_manager import LORA_MANAGER_RULES
from comfy.graph.packs.prompt_reader import PROMPT_READER_RULES
from comfy.graph.packs.rgthree import RGTHREE_RULES
from comfy.graph.packs.rule import PackRule
from comfy.graph.packs.vhs import VHS_RULES
from comfy.graph.packs.viewport import VIEWPORT_RULES
from comfyforms.plugin_manager import PluginTable, contributed_rows

_NO_RULE = PackRule()
_OWN: Mapping[str, PackRule] = {
    **IMPACT_RULES,
    **LORA_MANAGER_RULES,
    **PROMPT_READER_RULES,
    **RGTHREE_RULES,
    **VHS_RULES,
    **VIEWPORT_RULES,
}
_RULES = PluginTable(_OWN, partial(contributed_rows, "pack_rules"))


def rule_of(class_type: str) -> PackRule:
    """Return the rule of a node class. For most classes it changes nothing."""
    return _RULES.get(class_type, _NO_RULE)
