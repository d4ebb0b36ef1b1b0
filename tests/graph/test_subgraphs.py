"""Subgraphs, also nested and promoted, and the older group nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.form.build import build_form
from comfy.form.missing_items import MissingClass
from comfy.prompt.model import MissingNode
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server
from tests.support.samples.graphs import (
    CATALOG,
    converted,
    graph,
    graph_node,
    inputs,
    subgraph,
)


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


def inner(kind: str, *values: Any, sockets: str = "", turned: str = "", **more: Any) -> Any:
    """Return an inner node. `sockets` are written `clip:CLIP`, and `turned` names widgets that have
    sockets, such as `seed:INT`."""
    pure = [slot.split(":") for slot in sockets.split()]
    widgets = [slot.split(":") for slot in turned.split()]
    return {
        "type": kind,
        "inputs": [
            *({"name": name, "type": type_} for name, type_ in pure),
            *({"name": name, "type": type_, "widget": {"name": name}} for name, type_ in widgets),
        ],
        "widgets_values": list(values),
        **more,
    }


TEXT = inner("Text", "inside", sockets="clip:CLIP")
SAMPLE = inner(
    "Sample",
    *(1, "fixed", 20, "euler", 1.0),
    sockets="model:MODEL positive:CONDITIONING latent:LATENT",
)
REROUTE = inner("Reroute", sockets=":*", outputs=[{"name": "", "type": "*"}])


def grouping(*nodes: Any, links: Any = (), **more: Any) -> dict[str, Any]:
    """Return the definition of one group for `extra`."""
    return {"groupNodes": {"G": {"nodes": list(nodes), "links": list(links), **more}}}


def pair(*values: Any, config: object = None, kind: str = "workflow/G") -> dict[str, Any]:
    """Return a graph with a group node around a text and a primitive that sets the size of a
    canvas."""
    primitive = inner("PrimitiveNode", 64, "fixed", title="Side")
    canvas = inner("Empty", 1, 2, turned="width:INT height:INT")
    return graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(5, kind, *values),
        graph_node(6, "Sample", 1, "fixed"),
        links="1.1 CLIP > 5.clip\n5.0 CONDITIONING > 6.positive\n5.1 LATENT > 6.latent",
        extra=grouping(
            *(TEXT, primitive, canvas),
            links=[[1, 0, 2, 0, 9, "INT"], [1, 0, 2, 1, 9, "INT"]],
            config=config,
        ),
    )


@pytest.mark.parametrize("kind", ["workflow/G", "workflow>G"])
def test_group_node(kind: str) -> None:
    """A group node becomes a subgraph with fresh ids. Its widgets set the inner widgets, and its
    sockets lead to the inner nodes."""
    data = pair("mine", 256, "fixed", kind=kind)
    assert set(converted(data).prompt) == {"1", "6", "10:7", "10:9"}
    assert inputs(data, "10:7") == {"text": "mine", "clip": ["1", 1]}
    assert inputs(data, "6")["positive"] == ["10:7", 0]
    assert inputs(data, "6")["latent"] == ["10:9", 0]


def test_a_number_of_an_inner_primitive_is_lost() -> None:
    """An inner primitive takes the value of the first widget it feeds instead of the group node's
    value."""
    assert inputs(pair("mine", 256, "fixed"), "10:9") == {"width": 1, "height": 1}


def test_an_inner_primitive_passes_a_multiline_text_on() -> None:
    text = inner("Text", "inside", turned="text:STRING", sockets="clip:CLIP")
    data = graph(
        graph_node(5, "workflow/G", "mine"),
        extra=grouping(inner("PrimitiveNode", "own"), text, links=[[0, 0, 1, 1, 9, "STRING"]]),
    )
    assert inputs(data, "8:7") == {"text": "mine"}


def test_group_node_sets_choices() -> None:
    """Choices have a position among the group node's values, also in the old format, a bare
    list."""
    data = graph(
        graph_node(5, "workflow/G", "b.safetensors", 7, "fixed", 30, "heun", 0.5),
        extra=grouping(
            inner("Load", "a.safetensors"), SAMPLE, links=[[0, 0, 1, 0, 9, "MODEL"]], external=[]
        ),
    )
    assert inputs(data, "8:6") == {"name": "b.safetensors"}
    sample = {"seed": 7, "steps": 30, "sampler_name": "heun", "denoise": 0.5}
    assert inputs(data, "8:7") == {**sample, "model": ["8:6", 0]}


def test_widgets_with_sockets_come_last() -> None:
    """Editors since 1.16 saved a socket for each widget. The group node shows such a widget after
    those without a socket."""
    turned = "seed:INT steps:INT sampler_name:COMBO"
    sample = inner("Sample", 1, "fixed", 20, "euler", 1.0, sockets="model:MODEL", turned=turned)
    data = graph(
        graph_node(5, "workflow>G", 0.5, "b.safetensors", 7, "fixed", 30, "heun"),
        extra=grouping(sample, inner("Load", "a.safetensors")),
    )
    assert inputs(data, "8:7") == {"name": "b.safetensors"}
    assert inputs(data, "8:6") == {
        "seed": 7,
        "steps": 30,
        "sampler_name": "heun",
        "denoise": 0.5,
    }


def test_group_node_with_a_hidden_output() -> None:
    """Outputs hidden in the group's settings don't count in the slot numbers. The editor drops a
    link that then joins two types."""
    data = pair("mine", 256, "fixed", config={"0": {"output": {"0": {"visible": False}}}})
    assert "positive" not in inputs(data, "6")
    data["nodes"][2]["inputs"][0] |= {"name": "latent", "type": "LATENT"}
    data["nodes"][2]["inputs"].pop()
    data["links"].pop()
    data["links"][1][5] = "LATENT"
    assert inputs(data, "6")["latent"] == ["10:9", 0]


def test_group_node_without_a_usable_definition() -> None:
    """A group node without its definition counts as missing. With unknown nodes inside, these are
    missing: no pack has the group node itself."""
    data = pair("mine")
    mystery = inner("Mystery", properties={"cnr_id": "mystery-pack"})
    data["extra"]["groupNodes"]["G"]["nodes"][1] = mystery
    missing = MissingNode("Mystery", ("5",), "mystery-pack", "workflow/G")
    assert converted(data).missing == (missing,)
    workflow = open_workflow("old.json", json.dumps(data).encode())
    form = build_form(on_server(workflow, CATALOG), CATALOG)
    (sentence,) = [one.sentence for one in form.missing if isinstance(one, MissingClass)]
    assert sentence.startswith("Missing node: Mystery.")
    assert "mystery-pack" in sentence
    data["extra"] = {}
    assert [one.class_type for one in converted(data).missing] == ["workflow/G"]


def test_a_group_may_contain_nodes_of_the_editor() -> None:
    data = graph(
        graph_node(5, "workflow/G", "b.safetensors"),
        extra=grouping(inner("Note", "Remember."), inner("Load", "a.safetensors")),
    )
    assert inputs(data, "8:7") == {"name": "b.safetensors"}


def test_a_muted_group_node_runs() -> None:
    """The conversion loses the mode of the group node."""
    data = pair("mine", 256, "fixed")
    data["nodes"][1]["mode"] = 2
    assert inputs(data, "6")["positive"] == ["10:7", 0]


def test_too_many_group_nodes() -> None:
    """The app refuses hundreds of group nodes instead of unfolding them."""
    data = pair("mine")
    data["nodes"] += [graph_node(100 + n, "workflow/G") for n in range(300)]
    with pytest.raises(WorkflowError, match="group nodes"):
        converted(data)


def test_reroutes_inside_a_group() -> None:
    """A reroute between two inner nodes shows nothing. A link from outside into a reroute is
    lost, as is what follows."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Empty"),
        graph_node(5, "workflow/G", "b.safetensors", "mine", 7, "fixed", 30, "heun", 0.5),
        links="2.0 LATENT > 5.LATENT\n1.0 MODEL > 5.model",
        extra=grouping(
            *(inner("Load", "a.safetensors"), REROUTE, TEXT, REROUTE, SAMPLE),
            links=[
                [0, 1, 1, 0, 9, "CLIP"],
                [1, 0, 2, 0, 9, "CLIP"],
                [None, 0, 3, 0, 9, "LATENT"],
                [3, 0, 4, 2, 9, "LATENT"],
                [2, 0, 4, 1, 9, "CONDITIONING"],
                ["x"],
            ],
            external=[[2, 0, "CONDITIONING"], [[], 0]],
        ),
    )
    assert inputs(data, "11:8") == {"text": "mine", "clip": ["11:6", 1]}
    sample = {"seed": 7, "steps": 30, "sampler_name": "heun", "denoise": 0.5}
    links = {"model": ["1", 0], "positive": ["11:8", 0]}
    assert inputs(data, "11:10") == {**sample, **links}


def test_links_to_turned_widgets_go_astray() -> None:
    """The editor numbers the sockets of a group node without its widgets' sockets, so a link to a
    widget that was turned into an input may be lost."""
    text = inner("Text", "inside", sockets="clip:CLIP", turned="text:STRING")
    data = graph(
        graph_node(1, "Palette", []),
        graph_node(5, "workflow/G", "b.safetensors", "mine", sockets="text"),
        links="1.0 STRING > 5.text",
        extra=grouping(inner("Load", "a.safetensors"), text, links=[[0, 1, 1, 0, 9, "CLIP"]]),
    )
    assert inputs(data, "8:7") == {"text": "mine", "clip": ["8:6", 1]}
    data["extra"] = grouping(text)
    assert inputs(data, "7:6")["text"] == ["1", 0]


def test_an_outer_primitive_sets_turned_widgets() -> None:
    """A primitive with a number sets the group node's widget even if its link goes astray, here to
    the next widget. A primitive with a text only sets the widget that its link reaches."""
    canvas = inner("Empty", 1, 2, turned="width:INT height:INT")
    text = inner("Text", "inside", turned="text:STRING")
    data = graph(
        graph_node(1, "PrimitiveNode", 99, "fixed"),
        graph_node(2, "PrimitiveNode", "outer"),
        graph_node(5, "workflow/G", "b.safetensors", 8, 16, "mine", sockets="width height text"),
        links="1.0 INT > 5.width\n2.0 STRING > 5.text",
        extra=grouping(inner("Load", "a.safetensors"), canvas, text),
    )
    assert inputs(data, "9:7") == {"width": 99, "height": 99}
    assert inputs(data, "9:8") == {"text": "mine"}
    data["extra"] = grouping(text)
    assert inputs(data, "7:6") == {"text": "outer"}


def test_an_inner_upload_has_a_position() -> None:
    """The upload button's position comes after its node's required inputs."""
    data = graph(
        graph_node(5, "workflow/G", "y.png", "image", "b.safetensors"),
        extra=grouping(inner("Image", "x.png", "image"), inner("Load", "a.safetensors")),
    )
    assert inputs(data, "8:6") == {"image": "y.png"}
    assert inputs(data, "8:7") == {"name": "b.safetensors"}


def test_one_group_feeds_another() -> None:
    """The later group node finds the nodes of the earlier one."""
    data = graph(
        graph_node(4, "workflow/G", "b.safetensors"),
        graph_node(5, "workflow/H", "mine"),
        links="4.1 CLIP > 5.clip",
        extra={
            "groupNodes": {
                "H": {"nodes": [TEXT], "links": []},
                "G": {"nodes": [inner("Load", "a.safetensors")], "links": []},
            }
        },
    )
    assert inputs(data, "7:6") == {"name": "b.safetensors"}
    assert inputs(data, "9:8") == {"text": "mine", "clip": ["7:6", 1]}


def test_a_link_of_another_type_is_dropped() -> None:
    data = pair("mine", 256, "fixed")
    data["links"][0][2] = 0
    assert inputs(data, "10:7") == {"text": "mine"}


def test_group_widgets_with_one_name() -> None:
    """Widgets with the same name are distinguished by their nodes, in node order."""
    numbers = [inner("Number", n, title="A") for n in range(3)]
    data = graph(graph_node(5, "workflow/G", 10, 20, 30), extra=grouping(*numbers))
    prompt = converted(data).prompt
    assert [prompt[f"9:{n}"]["inputs"]["value"] for n in (6, 7, 8)] == [10, 20, 30]
