"""Limit the length of names inside a workflow: of classes, nodes and inputs.

Otherwise a name of any length would reach every rule that matches nodes by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_dicts, as_mapping
from comfy.comfyui.input_spec import LONGEST_NAME
from comfy.workflow.documents import is_node


def check_names(prompt: Mapping[str, Any], graph: Mapping[str, Any]) -> None:
    """Raise WorkflowError for the first node with a name that is too long, in a prompt or in a
    graph as saved, with its subgraphs and legacy group nodes."""
    for node_id, node in prompt.items():
        if is_node(node):
            _check(node_id, node_id, node["class_type"], *as_mapping(node.get("inputs")))
    for part in _parts(graph):
        _check(part.get("name"), *_slots(part))  # names in the graph, such as a subgraph's ports
        for node in as_dicts(part.get("nodes")):
            values = as_mapping(node.get("widgets_values"))
            _check(node.get("id"), node.get("id"), node.get("type"), *_slots(node), *values)


def _check(node: object, *names: object) -> None:
    if any(isinstance(name, str) and len(name) > LONGEST_NAME for name in names):
        raise WorkflowError(
            (f"Node “{str(node)[:40]}” has a name or input longer than {LONGEST_NAME} characters."),
            "Remove this node in ComfyUI, or shorten the name, and save the workflow again.",
        )


def _parts(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the graph and, at any depth, the definitions of its subgraphs and group nodes."""
    waiting = [graph]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += as_dicts(as_mapping(part.get("definitions")).get("subgraphs"))
        groups = as_mapping(as_mapping(part.get("extra")).get("groupNodes"))
        for name, group in groups.items():
            _check(name, name)
            if isinstance(group, dict):
                waiting.append(group)


def _slots(part: Mapping[str, Any]) -> Iterator[object]:
    for slot in as_dicts(part.get("inputs")):
        yield slot.get("name")
        yield as_mapping(slot.get("widget")).get("name")
