"""Legacy group nodes, which become subgraphs. The expected prompts come from the editor (front
end 1.58.1)."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from tests.support.samples.graphs import converted, graph, graph_node, inputs


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
        graph_node(5, "workflow>G", "b.safetensors", 0.5, 7, "fixed", 30, "heun"),
        extra=grouping(sample, inner("Load", "a.safetensors")),
    )
    assert inputs(data, "8:7") == {"name": 0.5}
    assert inputs(data, "8:6") == {
        "seed": 7,
        "steps": 30,
        "sampler_name": "heun",
        "denoise": "b.safetensors",
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
    """A group node without its definition, or with unknown nodes inside, counts as missing like any
    other class."""
    data = pair("mine")
    data["extra"]["groupNodes"]["G"]["nodes"][1] = inner("Mystery")
    assert [one.class_type for one in converted(data).missing] == ["workflow/G"]
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
