"""Set and Get nodes, which exist only in the editor."""

from __future__ import annotations

from tests.support.samples.graphs import converted, graph, graph_node, inputs, subgraph


def test_set_and_get() -> None:
    """A GetNode gives the input of the SetNode with the same name, without a wire."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "SetNode", "CLIP"),
        graph_node(3, "GetNode", "CLIP"),
        graph_node(4, "Text", "a cat"),
        links="1.1 CLIP > 2.CLIP\n3.0 CLIP > 4.clip",
    )
    assert set(converted(data).prompt) == {"1", "4"}
    assert inputs(data, "4")["clip"] == ["1", 1]


def test_get_prefers_its_own_graph() -> None:
    """A GetNode uses the SetNode of its name in its own subgraph. If there isn't one, the SetNode
    outside counts."""
    inner = subgraph(
        "inner",
        graph_node(11, "Number", 1),
        graph_node(12, "SetNode", "near"),
        graph_node(13, "GetNode", "near"),
        graph_node(14, "GetNode", "far"),
        graph_node(15, "Empty", 1, 1, sockets="width height"),
        links="11.0 INT > 12.INT\n13.0 INT > 15.width\n14.0 INT > 15.height",
    )
    data = graph(
        graph_node(1, "Number", 2),
        graph_node(2, "SetNode", "near"),
        graph_node(3, "SetNode", "far"),
        graph_node(70, "inner"),
        links="1.0 INT > 2.INT\n1.0 INT > 3.INT",
        definitions={"subgraphs": [inner]},
    )
    assert inputs(data, "70:15") == {"width": ["70:11", 0], "height": ["1", 0]}


def test_get_without_set() -> None:
    """A GetNode without its SetNode gives nothing."""
    data = graph(
        graph_node(3, "GetNode", "CLIP"), graph_node(4, "Text", "a cat"), links="3.0 CLIP > 4.clip"
    )
    assert inputs(data, "4") == {"text": "a cat"}
