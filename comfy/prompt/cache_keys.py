"""What ComfyUI need not do again: nodes that are as they were, with all that feeds them."""

from __future__ import annotations

import json
from graphlib import CycleError, TopologicalSorter

from comfy.prompt.model import Prompt, is_link, links


def cache_keys(prompt: Prompt) -> frozenset[int]:
    """A number for each node, the same for two whose classes and values are the same, and whatever
    feeds them: so ComfyUI tells what it has a result of (docs/comfyui.md#6). None for a prompt
    whose links run in a circle. Good for as long as this program runs."""
    feeds = {node_id: {link.node for _, link in links(node)} for node_id, node in prompt.items()}
    found: dict[str, int] = {}
    try:
        for node_id in TopologicalSorter(feeds).static_order():
            if node_id in prompt:  # a link may lead nowhere
                node = prompt[node_id]
                inputs = {
                    name: [found.get(str(value[0])), value[1]] if is_link(value) else value
                    for name, value in node["inputs"].items()
                }
                found[node_id] = hash(json.dumps([node["class_type"], inputs], sort_keys=True))
    except CycleError:
        return frozenset()
    return frozenset(found.values())
