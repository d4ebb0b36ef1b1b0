"""Nodes that two prompts share, so that ComfyUI doesn't run them twice."""

from __future__ import annotations

from comfy.comfyui.servers.needs import cache_keys
from comfy.prompt.model import Prompt
from tests.support.sampler import prompt


def shared(one: Prompt, other: Prompt) -> int:
    return len(cache_keys(one) & cache_keys(other))


def test_a_changed_node_changes_its_downstream_nodes() -> None:
    """Nodes before the changed one stay the same. For example, a new seed doesn't change the model,
    the text or the size."""
    first, same, seed, text = prompt(1), prompt(1), prompt(2), prompt(1)
    text["2"]["inputs"]["text"] = "a fox"
    assert shared(first, same) == len(first)
    assert shared(first, seed) == 3
    assert shared(first, text) == 2


def test_ids_and_titles_do_not_matter() -> None:
    """Nodes with other ids and titles, but the same inputs, have the same results."""
    nodes = prompt(1)
    named: Prompt = {
        f"a{node_id}": {
            "class_type": node["class_type"],
            "inputs": {
                name: [f"a{value[0]}", value[1]] if isinstance(value, list) else value
                for name, value in reversed(node["inputs"].items())
            },
            "_meta": {"title": "Mine"},
        }
        for node_id, node in nodes.items()
    }
    assert shared(nodes, named) == len(nodes)


def test_an_invalid_prompt_has_no_shared_nodes() -> None:
    """Links in a cycle, or to a missing node, give no shared nodes."""
    circle: Prompt = {
        "1": {"class_type": "A", "inputs": {"x": ["2", 0]}},
        "2": {"class_type": "A", "inputs": {"x": ["1", 0]}},
    }
    assert cache_keys(circle) == frozenset()
    assert len(cache_keys({"1": {"class_type": "A", "inputs": {"x": ["9", 0]}}})) == 1
