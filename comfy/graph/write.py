"""Editor graph of a prompt, for ComfyUI's editor."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from comfy.comfyui.object_info import NodeSpec
from comfy.graph.saved_values import restored
from comfy.prompt.model import Node, Prompt, links, own_title
from comfy.prompt.shapes import unwrapped

_WIDTH, _ROW = 340, 40  # pixels


def graph_of(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> dict[str, Any]:
    """Return a graph that sends this prompt. Nodes get numbers as ids, and seeds stay fixed."""
    nodes = {key: _node(node, catalog.get(node["class_type"])) for key, node in prompt.items()}
    columns = dict.fromkeys(prompt, 0)
    for _ in prompt:  # the longest path has at most this many nodes
        columns = {key: _column(node, columns) for key, node in prompt.items()}
    ends = dict.fromkeys(columns.values(), 0)
    drawn: list[list[Any]] = []
    for number, (key, node) in enumerate(nodes.items(), 1):
        column = columns[key]
        node |= {"id": number, "order": number - 1, "pos": [column * (_WIDTH + 60), ends[column]]}
        ends[column] += node["size"][1] + 60
    for key, node in nodes.items():
        for at, (_, (source, slot)) in enumerate(links(prompt[key])):
            origin, number = nodes[source], len(drawn) + 1
            missing = slot + 1 - len(origin["outputs"])
            origin["outputs"] += [{"name": "*", "type": "*", "links": []} for _ in range(missing)]
            output = origin["outputs"][slot]
            output["links"].append(number)
            node["inputs"][at]["link"] = number
            drawn.append([number, origin["id"], slot, node["id"], at, output["type"]])
    ids = {"last_node_id": len(nodes), "last_link_id": len(drawn)}
    return {**ids, "nodes": [*nodes.values()], "links": drawn, "version": 0.4}


def _column(node: Node, columns: Mapping[str, int]) -> int:
    return max((columns.get(link.node, 0) + 1 for _, link in links(node)), default=0)


def _node(node: Node, spec: NodeSpec | None) -> dict[str, Any]:
    linked = dict(links(node))
    values = {key: unwrapped(one) for key, one in node["inputs"].items() if key not in linked}
    widgets = restored(spec, values, {}).widgets if spec else []
    names = {widget.name for widget in widgets}
    types = {key: one.type for key, one in spec.active_inputs(values).items()} if spec else {}
    outputs = zip_longest(spec.output_names, spec.output_types) if spec else ()
    return {
        "type": node["class_type"],
        "title": own_title(node) or (spec.display_name if spec else node["class_type"]),
        "size": [_WIDTH, _ROW * (2 + len(linked) + len(widgets))],
        "flags": {},
        "mode": 0,
        "inputs": [
            {"name": key, "type": types.get(key, "*")}
            | ({"widget": {"name": key}} if key in names else {})
            for key in linked
        ],
        "outputs": [{"name": name, "type": kind, "links": []} for name, kind in outputs],
        "properties": {"Node name for S&R": node["class_type"]},
        "widgets_values": [
            "fixed" if widget.name == "control_after_generate" else widget.value
            for widget in widgets
            if widget.stored
        ],
    }
