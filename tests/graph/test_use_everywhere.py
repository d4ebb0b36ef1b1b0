"""Broadcasts of nodes from before version 7 of cg-use-everywhere, and limits for all of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from tests.support.samples.graphs import (
    CATALOG,
    as_read,
    converted,
    graph,
    graph_node,
    inputs,
)


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


def test_an_input_that_refuses_broadcasts() -> None:
    """VideoHelperSuite's nodes turn images into latents if a VAE is connected, so a broadcast
    doesn't reach them."""
    combine = {"input": {"optional": {"vae": ["VAE"]}}, "output": [], "output_node": True}
    catalog = Catalog({**CATALOG.raw, "VHS_VideoCombine": combine})
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(3, "Anything Everywhere"),
        graph_node(4, "Decode"),
        graph_node(5, "VHS_VideoCombine"),
        links="1.2 VAE > 3.anything",
    )
    prompt = convert(as_read(data), catalog).prompt
    assert prompt["4"]["inputs"] == {"vae": ["1", 2]}
    assert prompt["5"]["inputs"] == {}


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


def test_prompts_everywhere() -> None:
    """The first input feeds positive prompts and the second one negative prompts, even though files
    gave both inputs the same name."""
    known = {"optional": {"positive": ["*"], "negative": ["*"]}}
    pack = {"Prompts Everywhere": {"input": known, "output": [], "output_name": []}}
    sender = graph_node(3, "Prompts Everywhere")
    node = graph_node(6, "Sample", 1, "fixed")
    node["inputs"] = [{"name": "positive", "type": "CONDITIONING", "link": None}]
    data = graph(
        *(graph_node(1, "Text", "a cat"), graph_node(2, "Text", "blurry"), sender, node),
        links="1.0 * > 3.CONDITIONING\n2.0 * > 3.second",
    )
    sender["inputs"][1]["name"] = "CONDITIONING"
    prompt = convert(as_read(data), Catalog({**CATALOG.raw, **pack})).prompt
    assert prompt["6"]["inputs"]["positive"] == ["1", 0]


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
        graph_node(
            3,
            "Sample",
            2,
            "fixed",
            20,
            sockets="seed",
            properties={"ue_properties": {"widget_ue_connectable": {}}},
        ),
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


def test_a_crowd_of_names_is_refused() -> None:
    """If the rule of a node makes its inputs' names patterns, the app compiles a limited number."""
    rule = {"version": "7.8", "repeated_type_rule": 4}
    sender = graph_node(3, "Anything Everywhere", properties={"ue_properties": rule})
    wide = r"[\p{L}\p{N}]{1,30}" * 8
    links = "\n".join(f"1.1 CLIP > 3.{wide}{number}" for number in range(3000))
    data = graph(graph_node(1, "Load"), sender, graph_node(4, "Text"), links=links)
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 10
