"""Predict ComfyUI's cache: nodes that are unchanged, together with all nodes that feed them."""

from __future__ import annotations

import json
from graphlib import CycleError, TopologicalSorter

from comfy.prompt.model import Prompt, is_link, links


def cache_keys(prompt: Prompt) -> frozenset[int]:
    """Return one number per distinct node. Nodes share a number if their class, values and feeding
    nodes are equal, which is how ComfyUI identifies cached results (docs/comfyui.md#6). Empty for a
    prompt with circular links. Valid within this process."""
    feeds = {node_id: {link.node for _, link in links(node)} for node_id, node in prompt.items()}
    hashes: dict[str, int] = {}
    try:
        for node_id in TopologicalSorter(feeds).static_order():
            if node_id in prompt:  # a link may name a missing node
                node = prompt[node_id]
                inputs = {
                    name: [hashes.get(str(value[0])), value[1]] if is_link(value) else value
                    for name, value in node["inputs"].items()
                }
                hashes[node_id] = hash(json.dumps([node["class_type"], inputs], sort_keys=True))
    except CycleError:
        return frozenset()
    return frozenset(hashes.values())
