"""Nodes that exist only in the editor: legacy group nodes, Set and Get, and "Anything
Everywhere"."""

from __future__ import annotations

import time
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
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


def everywhere(sender: dict[str, Any], *more: dict[str, Any], links: str = "") -> dict[str, Any]:
    """Return a graph with two texts that lack a CLIP and a broadcast of the loader's CLIP."""
    return graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Load", "b.safetensors"),
        sender,
        graph_node(4, "Text", "one", title="Positive"),
        graph_node(5, "Text", "two", title="Negative"),
        *more,
        links="1.1 CLIP > 3.anything\n4.0 CONDITIONING > 6.positive\n" + links,
    )


def sampler() -> dict[str, Any]:
    return graph_node(6, "Sample", 1, "fixed")


def test_anything_everywhere() -> None:
    """A broadcast reaches every open input of its type and leaves wired inputs alone. The app
    doesn't report it as missing on the server."""
    data = everywhere(graph_node(3, "Anything Everywhere"), sampler(), links="2.1 CLIP > 5.clip")
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert inputs(data, "5")["clip"] == ["2", 1]
    assert converted(data).missing == ()


@pytest.mark.parametrize(
    "sender",
    [
        graph_node(3, "Anything Everywhere?", "^Pos", ".*"),
        graph_node(3, "Anything Everywhere", properties={"ue_properties": {"title_regex": "^Pos"}}),
        graph_node(
            3,
            "Anything Everywhere",
            properties={"ue_properties": {"title_regex": "Neg", "title_regex_invert": True}},
        ),
        graph_node(3, "Anything Everywhere", color="#232", properties={"color_restricted": 2}),
    ],
    ids=["old pattern", "pattern", "inverted", "colour"],
)
def test_restricted_broadcast(sender: dict[str, Any]) -> None:
    """Title patterns and colors decide which nodes a broadcast reaches. Files have kept the
    patterns in three places over time."""
    data = everywhere(sender, sampler())
    data["nodes"][4]["color"] = "#232"
    assert "clip" in inputs(data, "4")
    assert "clip" not in inputs(data, "5")


def test_broadcast_within_a_group() -> None:
    """A broadcast restricted to its group reaches the nodes inside the same frame."""
    sender = graph_node(
        3, "Anything Everywhere", pos=[10, 40], size=[100, 50], properties={"group_restricted": 1}
    )
    data = everywhere(sender, sampler())
    data["nodes"][3] |= {"pos": {"0": 50, "1": 120}, "size": {"0": 80, "1": 40}}
    data["nodes"][4] |= {"pos": [900, 900], "size": [80, 40]}
    data["groups"] = [{"title": "g", "bounding": [0, 0, 300, 300]}]
    assert "clip" in inputs(data, "4")
    assert "clip" not in inputs(data, "5")


def test_equal_broadcasts_cancel_out() -> None:
    """Two broadcasts with the same type and rank reach no node. A more specific broadcast wins."""
    data = everywhere(
        graph_node(3, "Anything Everywhere"),
        sampler(),
        graph_node(7, "Anything Everywhere"),
        links="2.1 CLIP > 7.x",
    )
    assert "clip" not in inputs(data, "4")
    data["nodes"][-1]["properties"] = {"ue_properties": {"title_regex": "Pos"}}
    assert inputs(data, "4")["clip"] == ["2", 1]
    assert inputs(data, "5")["clip"] == ["1", 1]


def test_seed_everywhere() -> None:
    """A seed broadcast reaches only seed widgets that were turned into inputs."""
    data = graph(
        graph_node(1, "Seed Everywhere", 99, "fixed"),
        graph_node(2, "Sample", 1, "fixed", 20, sockets="seed"),
        graph_node(3, "Sample", 2, "fixed", 20),
    )
    assert inputs(data, "2")["seed"] == ["1", 0]
    assert inputs(data, "3")["seed"] == 2


def test_only_marked_widgets_accept_broadcasts() -> None:
    """In the current editor's files every widget has a socket, so a node must say which widgets
    accept a broadcast."""
    data = graph(
        graph_node(1, "Seed Everywhere", 99, "fixed"),
        graph_node(
            2,
            "Sample",
            1,
            "fixed",
            20,
            sockets="seed",
            properties={"ue_properties": {"widget_ue_connectable": {"seed": True}}},
        ),
        graph_node(3, "Sample", 2, "fixed", 20, sockets="seed"),
        extra={"frontendVersion": "1.30.2"},
    )
    assert inputs(data, "2")["seed"] == ["1", 0]
    assert inputs(data, "3")["seed"] == 2


RUNAWAYS = {
    "nested repeats": "(a+)+$",
    "repeats in a row": "a*a*a*a*a*b",
    "alternatives": "(?:a|a)?" * 22 + "b",
    "optional parts": "a?" * 33 + "a" * 33 + "b",
    "lazy repeats": "(a??)*?(a|aa)+?b",
    "large counts": "((a{1,9}){1,9}){1,9}b",
    "more memory than is allowed": ".{1,999}b",
    "a back reference": r"(a)\1*b",
    "look-ahead": "(?=(a+))a*b",
    "no pattern": "(",
    "too long": "x" * 500,
    "half a character": "\ud800",
}


@pytest.mark.parametrize("pattern", RUNAWAYS.values(), ids=RUNAWAYS)
@pytest.mark.parametrize("setting", ["title_regex", "input_regex", "group_regex"])
def test_a_hostile_pattern_matches_nothing_at_once(pattern: str, setting: str) -> None:
    """The time to match a file's pattern never grows faster than the text."""
    sender = graph_node(3, "Anything Everywhere", properties={"ue_properties": {setting: pattern}})
    data = everywhere(sender, sampler())
    data["nodes"][3]["title"] = "a" * 90 + "!" * 100_000
    data["groups"] = [{"title": "a" * 90 + "!", "bounding": [0, 0, 900, 900]}]
    begun = time.process_time()
    assert "clip" not in inputs(data, "4")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "pattern", ["^Pos", "(?i)^pos(itive)?$", "Neg|Pos", r"\bPositive\b", "a?b?P"]
)
def test_patterns_match_as_in_the_editor(pattern: str) -> None:
    data = everywhere(graph_node(3, "Anything Everywhere?", pattern, ".*"), sampler())
    assert inputs(data, "4")["clip"] == ["1", 1]


def test_a_crowd_of_senders_and_inputs_is_refused() -> None:
    """The work grows with the number of senders times the number of inputs. After a second's worth
    of work, the app refuses the graph with a sentence."""
    costly = {"ue_properties": {"title_regex": "(?:a?){900}$"}}
    senders = [graph_node(10 + n, "Anything Everywhere", properties=costly) for n in range(150)]
    texts = [graph_node(1000 + n, "Text", "a", title="a" * 99) for n in range(2000)]
    links = "\n".join(f"1.1 CLIP > {sender['id']}.anything" for sender in senders)
    data = everywhere(senders[0] | {"id": 3}, sampler(), *senders, *texts, links=links)
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 10


def grouped(*values: Any, config: object = None, kind: str = "workflow/Pair") -> dict[str, Any]:
    """Return a graph with a group node around a text and a primitive that sets the size of a
    canvas."""
    inside = {
        "nodes": [
            {
                "type": "Text",
                "index": 0,
                "inputs": [{"name": "clip", "type": "CLIP"}],
                "widgets_values": ["inside"],
            },
            {"type": "PrimitiveNode", "index": 1, "title": "Side", "widgets_values": [64, "fixed"]},
            {
                "type": "Empty",
                "index": 2,
                "inputs": [
                    {"name": "width", "type": "INT", "widget": {"name": "width"}},
                    {"name": "height", "type": "INT", "widget": {"name": "height"}},
                ],
                "widgets_values": [1, 2],
            },
        ],
        "links": [[1, 0, 2, 0, 9, "INT"], [1, 0, 2, 1, 9, "INT"]],
        "config": config,
    }
    return graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(5, kind, *values),
        graph_node(6, "Sample", 1, "fixed"),
        links="1.1 CLIP > 5.clip\n5.0 CONDITIONING > 6.positive\n5.1 LATENT > 6.latent",
        extra={"groupNodes": {"Pair": inside}},
    )


@pytest.mark.parametrize("kind", ["workflow/Pair", "workflow>Pair"])
def test_group_node(kind: str) -> None:
    """A group node becomes a subgraph with fresh ids. Its widgets set the inner widgets, and its
    sockets lead to the inner nodes."""
    data = grouped("mine", 256, "fixed", kind=kind)
    assert set(converted(data).prompt) == {"1", "6", "10:7", "10:9"}
    assert inputs(data, "10:7") == {"text": "mine", "clip": ["1", 1]}
    assert inputs(data, "10:9") == {"width": 256, "height": 256}
    assert inputs(data, "6")["positive"] == ["10:7", 0]
    assert inputs(data, "6")["latent"] == ["10:9", 0]


def test_group_node_with_a_hidden_output() -> None:
    """Outputs hidden in the group's settings don't count in the slot numbers."""
    data = grouped("mine", 256, "fixed", config={"0": {"output": {"0": {"visible": False}}}})
    assert inputs(data, "6")["positive"] == ["10:9", 0]


def test_group_node_without_a_usable_definition() -> None:
    """A group node without its definition, or with unknown nodes inside, counts as missing like any
    other class."""
    data = grouped("mine")
    data["extra"]["groupNodes"]["Pair"]["nodes"][0]["type"] = "Mystery"
    assert [one.class_type for one in converted(data).missing] == ["workflow/Pair"]
    data["extra"] = {}
    assert [one.class_type for one in converted(data).missing] == ["workflow/Pair"]


def test_too_many_group_nodes() -> None:
    """The app refuses hundreds of group nodes instead of unfolding them."""
    data = grouped("mine")
    data["nodes"] += [graph_node(100 + n, "workflow/Pair") for n in range(300)]
    with pytest.raises(WorkflowError, match="group nodes"):
        converted(data)


def test_group_node_with_reroutes_and_converted_widgets() -> None:
    """A reroute between two inner nodes shows nothing. A converted widget shows as a socket, after
    the other sockets."""
    inside = {
        "nodes": [
            {"type": "Load", "widgets_values": ["a.safetensors"]},
            {"type": "Reroute", "inputs": [{"name": "", "type": "*"}]},
            {
                "type": "Text",
                "inputs": [
                    {"name": "clip", "type": "CLIP"},
                    {"name": "text", "type": "STRING", "widget": {"name": "text"}},
                ],
                "widgets_values": ["inside"],
            },
        ],
        "links": [
            [0, 1, 1, 0, 9, "CLIP"],
            [1, 0, 2, 0, 9, "CLIP"],
            [None, 0, 2, 0, 9, "CLIP"],
            ["x"],
        ],
        "external": [[2, 0, "CONDITIONING"], [[], 0]],
    }
    data = graph(
        graph_node(1, "Palette", []),
        graph_node(5, "workflow/G"),
        graph_node(6, "Sample", 1, "fixed"),
        links="1.0 STRING > 5.text\n5.2 CONDITIONING > 6.positive",
        extra={"groupNodes": {"G": inside}},
    )
    data["nodes"][1]["inputs"][0]["widget"] = {"name": "text"}
    assert set(converted(data).prompt) == {"1", "6", "10:7", "10:9"}
    assert inputs(data, "10:9") == {"text": ["1", 0], "clip": ["10:7", 1]}
    assert inputs(data, "6")["positive"] == ["10:9", 0]


def test_group_widgets_with_one_name() -> None:
    """Widgets with the same name are distinguished by their nodes, in node order."""
    inside = {
        "nodes": [{"type": "Number", "title": "A", "widgets_values": [n]} for n in range(3)],
        "links": [],
    }
    data = graph(graph_node(5, "workflow/G", 10, 20, 30), extra={"groupNodes": {"G": inside}})
    prompt = converted(data).prompt
    assert [prompt[f"9:{n}"]["inputs"]["value"] for n in (6, 7, 8)] == [10, 20, 30]


def test_a_crowd_of_groups_is_refused() -> None:
    """The app checks a sender's pattern against the title of each group."""
    costly = {"ue_properties": {"group_regex": "(a|ab|abc|.){30}" + "b?" * 30 + "[a-c]{20}$"}}
    data = everywhere(graph_node(3, "Anything Everywhere", properties=costly), sampler())
    group = {"title": "ab" * 50, "bounding": [0, 0, 9, 9]}
    data["groups"] = [group] * 100
    assert converted(data)
    data["groups"] = [group] * 20_000
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 1
