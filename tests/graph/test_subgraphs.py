"""Subgraphs: ids, promoted widgets and which value wins, reuse, nesting, and older file formats."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from tests.support.samples.graphs import converted, graph, graph_node, inputs, subgraph


def text_box(**more: Any) -> dict[str, Any]:
    """Return a subgraph that encodes a text with a CLIP from outside."""
    return subgraph(
        "box",
        graph_node(39, "Text", "inside", sockets="text", **more),
        inputs="clip:CLIP text:STRING",
        outputs="out:CONDITIONING",
        links="in.clip CLIP > 39.clip\nin.text STRING > 39.text\n39.0 CONDITIONING > out.out",
    )


def with_box(
    *nodes: dict[str, Any], links: str = "", definitions: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return graph(
        graph_node(1, "Load", "a.safetensors"),
        *nodes,
        links=links,
        definitions={"subgraphs": definitions or [text_box()]},
    )


def test_an_output_with_a_stale_link_has_the_one_that_ends_there() -> None:
    """Some published subgraphs name a link at their output that doesn't exist."""
    data = with_box(
        graph_node(70, "box"),
        graph_node(3, "Sample", 1, "fixed"),
        links="1.1 CLIP > 70.clip\n70.0 CONDITIONING > 3.positive",
    )
    (box,) = data["definitions"]["subgraphs"]
    box["outputs"][0]["linkIds"] = [342]
    assert inputs(data, "3")["positive"] == ["70:39", 0]


def test_ids_and_links_through_the_border() -> None:
    """Inner nodes get ids of the form host:node. Links cross the border in both directions."""
    data = with_box(
        graph_node(70, "box"),
        graph_node(3, "Sample", 1, "fixed"),
        links="1.1 CLIP > 70.clip\n70.0 CONDITIONING > 3.positive",
    )
    assert set(converted(data).prompt) == {"1", "3", "70:39"}
    assert inputs(data, "70:39") == {"text": "inside", "clip": ["1", 1]}
    assert inputs(data, "3")["positive"] == ["70:39", 0]


def test_host_value_wins() -> None:
    """The converter sends the value saved on a subgraph node instead of the inner value. Each use
    has its own value."""
    data = with_box(
        graph_node(70, "box", "first", sockets="text"),
        graph_node(71, "box", "second", sockets="text"),
    )
    assert inputs(data, "70:39")["text"] == "first"
    assert inputs(data, "71:39")["text"] == "second"
    shown = converted(data).widget("71", "text")
    assert shown is not None
    assert (shown.value, shown.targets, shown.inside) == (
        "second",
        (("71:39", "text"),),
        ("39", "text"),
    )
    within = converted(data).widget("71:39", "text")
    assert within is not None
    assert within.targets == ()


def test_host_values_beside_a_missing_class() -> None:
    """Inputs of a class that the server lacks have no widget, so positions are off. Then the names
    count."""
    box = subgraph(
        "box",
        graph_node(39, "Text", "inside", sockets="text"),
        graph_node(40, "Gone", sockets="amount"),
        inputs="amount:INT text:STRING",
        links="in.amount INT > 40.amount\nin.text STRING > 39.text",
    )
    host = graph_node(70, "box", 7, "a cat", sockets="amount text")
    host["widgets_values_named"] = {"amount": 7, "text": "a cat"}
    assert inputs(with_box(host, definitions=[box]), "70:39")["text"] == "a cat"


def test_link_into_a_promoted_widget() -> None:
    """A link from outside overrides every value. The host then shows no widget for it."""
    data = with_box(
        graph_node(2, "Palette", []), graph_node(70, "box", "first"), links="2.0 STRING > 70.text"
    )
    assert inputs(data, "70:39")["text"] == ["2", 0]
    assert converted(data).widget("70", "text") is None


def test_one_promoted_widget_for_several_inputs() -> None:
    """An input that leads to several widgets sets them all."""
    twice = subgraph(
        "twice",
        graph_node(5, "Number", 1, sockets="value"),
        graph_node(6, "Number", 2, sockets="value"),
        inputs="n:INT",
        links="in.n INT > 5.value\nin.n INT > 6.value",
    )
    data = graph(graph_node(9, "twice", 8), definitions={"subgraphs": [twice]})
    assert inputs(data, "9:5") == inputs(data, "9:6") == {"value": 8}
    shown = converted(data).widget("9", "n")
    assert shown is not None
    assert shown.targets == (("9:5", "value"), ("9:6", "value"))


def test_nested_subgraphs() -> None:
    """A widget promoted twice gets the outermost host's value. Definitions may come in any
    order."""
    outer = subgraph(
        "outer",
        graph_node(8, "box", "middle"),
        inputs="prompt:STRING",
        links="in.prompt STRING > 8.text",
    )
    data = graph(
        graph_node(70, "outer", "outermost"), definitions={"subgraphs": [outer, text_box()]}
    )
    assert inputs(data, "70:8:39")["text"] == "outermost"
    shown = converted(data).widget("70", "prompt")
    assert shown is not None
    assert shown.inside == ("8", "text")


def test_nested_host_keeps_its_own_value() -> None:
    """If the widget isn't promoted further out, the value on the inner host counts."""
    outer = subgraph("outer", graph_node(8, "box", "middle"))
    data = graph(graph_node(70, "outer"), definitions={"subgraphs": [text_box(), outer]})
    assert inputs(data, "70:8:39")["text"] == "middle"


@pytest.mark.parametrize("mode", [2, 4])
def test_muted_or_bypassed_host(mode: int) -> None:
    """The converter sends nothing from inside a muted or bypassed subgraph node."""
    data = with_box(
        graph_node(70, "box", mode=mode),
        graph_node(3, "Sample", 1, "fixed"),
        links="1.1 CLIP > 70.clip\n70.0 CONDITIONING > 3.positive",
    )
    assert set(converted(data).prompt) == {"1", "3"}
    assert "positive" not in inputs(data, "3")


def test_input_passed_straight_through() -> None:
    """Links lead through a subgraph that passes an input on unchanged."""
    through = subgraph("through", inputs="x:CLIP", outputs="x:CLIP", links="in.x CLIP > out.x")
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(70, "through"),
        graph_node(3, "Text", "t"),
        links="1.1 CLIP > 70.x\n70.0 CLIP > 3.clip",
        definitions={"subgraphs": [through]},
    )
    assert inputs(data, "3")["clip"] == ["1", 1]


def test_ids_used_twice() -> None:
    """If an inner node has the same id as an outer node, the converter renumbers it, including its
    links and promotions."""
    data = with_box(graph_node(39, "Number", 4), graph_node(70, "box"), links="1.1 CLIP > 70.clip")
    data["nodes"][-1]["properties"] = {"proxyWidgets": [["39", "text"]]}
    data["nodes"][-1]["widgets_values"] = ["mine"]
    assert set(converted(data).prompt) == {"1", "39", "70:71"}
    assert inputs(data, "70:71") == {"text": "mine", "clip": ["1", 1]}


def proxied(entries: object, *values: Any, inner: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a graph whose host lists its promotions in its properties, over a subgraph without
    inputs."""
    box = inner or subgraph(
        "box", graph_node(39, "Text", "inside"), graph_node(40, "Sample", 5, "fixed", 20)
    )
    host = graph_node(70, "box", *values, properties={"proxyWidgets": entries})
    return graph(host, definitions={"subgraphs": [box]})


def test_proxy_widgets() -> None:
    """Promotions in the old format give the host's values to the inner widgets, by their position
    in the list."""
    data = proxied([["40", "steps"], ["39", "text"]], 33, "mine")
    assert inputs(data, "70:39")["text"] == "mine"
    assert inputs(data, "70:40")["steps"] == 33
    shown = converted(data).widget("70", "steps")
    assert shown is not None
    assert shown.targets == (("70:40", "steps"),)


def test_proxy_widgets_without_values() -> None:
    """A promotion without a saved value on the host shows the inner value."""
    data = proxied([["39", "text"], ["40", "steps"]], None)
    assert inputs(data, "70:39")["text"] == "inside"
    assert inputs(data, "70:40")["steps"] == 20


def test_proxy_widgets_that_lead_nowhere() -> None:
    """Companions, previews and vanished nodes don't count as promotions. They don't shift the
    positions of the other promotions."""
    entries = [
        ["40", "control_after_generate"],
        ["39", "$$canvas-image-preview"],
        ["99", "x"],
        ["39", "text"],
    ]
    data = proxied(entries, "randomize", None, 1, "mine")
    assert inputs(data, "70:39")["text"] == "mine"
    assert inputs(data, "70:40")["seed"] == 5


def test_proxy_widget_with_a_prefixed_name() -> None:
    """Early versions wrote an inner subgraph's widget `text` as “39: text”."""
    outer = subgraph("outer", graph_node(8, "box"))
    box = text_box()
    data = graph(
        graph_node(70, "outer", "mine", properties={"proxyWidgets": [["8", "39: text"]]}),
        definitions={"subgraphs": [outer, box]},
    )
    assert inputs(data, "70:8:39")["text"] == "mine"


def test_proxy_widget_of_a_primitive() -> None:
    """A promoted PrimitiveNode disappears. All inputs that it fed get the host's value."""
    box = subgraph(
        "box",
        graph_node(5, "PrimitiveNode", 1, "fixed"),
        graph_node(6, "Number", 2, sockets="value"),
        graph_node(7, "Number", 3, sockets="value"),
        links="5.0 INT > 6.value\n5.0 INT > 7.value",
    )
    data = proxied([["5", "value"]], 42, inner=box)
    assert inputs(data, "70:6") == inputs(data, "70:7") == {"value": 42}


@pytest.mark.parametrize(
    "entries", [3, [3], [["39"]], [[39, "text"]], "junk", '[["39"', [["39", "text", "x", "y"]]]
)
def test_garbled_proxy_widgets(entries: object) -> None:
    """The converter ignores a malformed list as a whole."""
    assert inputs(proxied(entries, "mine"), "70:39")["text"] == "inside"


def test_values_put_aside() -> None:
    """A host value that an earlier migration put aside under an input's name is used again. A value
    that JSON can't carry is ignored."""
    aside: list[dict[str, Any]] = [
        {"originalEntry": ["-1", "text"], "hostValue": "kept", "reason": "missingSourceNode"}
    ]
    data = with_box(
        graph_node(70, "box", "positional", properties={"proxyWidgetErrorQuarantine": aside})
    )
    assert inputs(data, "70:39")["text"] == "kept"
    aside[0]["hostValue"] = float("nan")
    assert inputs(data, "70:39")["text"] == "positional"


def test_subgraph_that_contains_itself() -> None:
    """The app refuses a subgraph that contains itself, at any depth, with a sentence."""
    one, two = subgraph("one", graph_node(2, "two")), subgraph("two", graph_node(3, "one"))
    with pytest.raises(WorkflowError, match="contains itself"):
        converted(graph(graph_node(1, "one"), definitions={"subgraphs": [one, two]}))


def test_subgraphs_that_multiply() -> None:
    """The app refuses a small file that would unfold into millions of nodes."""
    layers = [
        subgraph(f"layer{n}", *(graph_node(10 * n + k, f"layer{n + 1}") for k in range(10)))
        for n in range(9)
    ]
    with pytest.raises(WorkflowError, match="more than"):
        converted(
            graph(
                graph_node(1, "layer0"),
                definitions={"subgraphs": [*layers, subgraph("layer9", graph_node(990, "Number"))]},
            )
        )


def test_proxy_widget_on_the_host_itself() -> None:
    """Node -1 in a promotion is the host. Its input of that name gets the value."""
    data = with_box(graph_node(70, "box", "mine", properties={"proxyWidgets": [["-1", "text"]]}))
    assert inputs(data, "70:39")["text"] == "mine"


def test_proxies_of_widgets_with_one_name() -> None:
    """Two promoted widgets with the same name become two inputs with numbered names."""
    box = subgraph("box", graph_node(5, "Number", 1), graph_node(6, "Number", 2))
    data = proxied([["5", "value"], ["6", "value"]], 10, 20, inner=box)
    assert inputs(data, "70:5")["value"] == 10
    assert inputs(data, "70:6")["value"] == 20
    shown = [
        (widget.name, widget.inside) for widget in converted(data).widgets if widget.node == "70"
    ]
    assert shown == [("value", ("5", "value")), ("value_1", ("6", "value"))]


def test_proxy_of_a_widget_already_fed_from_outside() -> None:
    """A widget that shares its input with another widget is promoted alone. The other widget
    doesn't change."""
    twice = subgraph(
        "box",
        graph_node(5, "Number", 1, sockets="value"),
        graph_node(6, "Number", 2, sockets="value"),
        inputs="n:INT",
        links="in.n INT > 5.value\nin.n INT > 6.value",
    )
    data = proxied([["5", "value"], ["6", "value"]], 10, 20, inner=twice)
    assert inputs(data, "70:5")["value"] == 10
    assert inputs(data, "70:6")["value"] == 20


def test_a_proxy_primitive_of_the_wrong_type_keeps_its_value() -> None:
    """A primitive whose type doesn't match its target keeps its own value."""
    box = subgraph(
        "box",
        graph_node(5, "PrimitiveNode", 1, "fixed"),
        graph_node(6, "Number", 2, sockets="value"),
        links="5.0 FLOAT > 6.value",
    )
    assert inputs(proxied([["5", "value"]], 42, inner=box), "70:6") == {"value": 1}
