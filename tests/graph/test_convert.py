"""Conversion of editor graphs to prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from comfy.prompt.server_names import with_server_names
from comfy.prompt.text_replacements import replace_prefixes
from comfy.workflow.extract import documents
from tests.support.samples.graphs import CATALOG, converted, graph, graph_node, inputs, subgraph

GRAPHS = Path(__file__).parents[1] / "data" / "graphs"


@pytest.mark.parametrize(
    "path", sorted(GRAPHS.glob("*.graph.json")), ids=lambda path: path.name.split(".")[0]
)
def test_whole_graph(path: Path) -> None:
    """Each small graph in tests/data/graphs converts to exactly the prompt beside it."""
    expected = json.loads(path.with_name(path.name.replace(".graph.", ".prompt.")).read_text())
    result = convert(json.loads(path.read_text()), CATALOG)
    assert replace_prefixes(result.prompt, result.names)[0] == expected


def test_plain_nodes_and_links() -> None:
    """Widgets become inputs, and links become [node, slot]. A node without its own title gets its
    class's name."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat", title="Subject"),
        links="1.1 CLIP > 2.clip",
    )
    assert converted(data).prompt == {
        "1": {
            "inputs": {"name": "a.safetensors"},
            "class_type": "Load",
            "_meta": {"title": "Load Model"},
        },
        "2": {
            "inputs": {"text": "a cat", "clip": ["1", 1]},
            "class_type": "Text",
            "_meta": {"title": "Subject"},
        },
    }


@pytest.mark.parametrize(
    ("properties", "meta"),
    [
        ({"cnr_id": "some-pack", "ver": "v1.2.0"}, {"cnr_id": "some-pack", "ver": "1.2.0"}),
        ({"aux_id": "me/pack", "ver": "0a1b2c3d"}, {"aux_id": "me/pack", "ver": "0a1b2c3d"}),
        ({"cnr_id": "comfy-core", "ver": "nightly"}, {"cnr_id": "comfy-core"}),
        ({"cnr_id": "-odd-", "aux_id": "a/b/c", "ver": 3}, {}),
    ],
)
def test_a_prompt_names_its_node_packs(properties: dict[str, Any], meta: dict[str, str]) -> None:
    """The packs are beside the title, as in the editor's exports, if their names are valid."""
    data = graph(graph_node(1, "Load", "a.safetensors", properties=properties))
    assert converted(data).prompt["1"]["_meta"] == {"title": "Load Model", **meta}


def test_hidden_and_labeled_links_are_links() -> None:
    """`extra.linkPresentation` only says how the editor draws a link."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat"),
        links="1.1 CLIP > 2.clip",
    )
    drawn = {**data, "extra": {"linkPresentation": {"1": {"hidden": True, "label": "clip"}}}}
    assert converted(drawn).prompt == converted(data).prompt


def test_schema_one() -> None:
    """Schema 1, with links as objects, gives the same prompt as schema 0.4."""
    old = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat"),
        links="1.1 CLIP > 2.clip",
    )
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    new = {
        **old,
        "version": 1,
        "links": [dict(zip(keys, row, strict=True)) for row in old["links"]],
    }
    assert converted(new).prompt == converted(old).prompt


def test_native_reroutes_change_nothing() -> None:
    """A native reroute is a point on a link, not an end."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat"),
        links="1.1 CLIP > 2.clip",
    )
    data["extra"] = {
        "reroutes": [{"id": 1, "pos": [0, 0], "linkIds": [1]}],
        "linkExtensions": [{"id": 1, "parentId": 1}],
    }
    assert inputs(data, "2")["clip"] == ["1", 1]


def test_reroute_nodes_disappear() -> None:
    """The converter follows a chain of Reroute nodes to the node at its start."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Reroute"),
        graph_node(3, "Reroute"),
        graph_node(4, "Text", "a cat"),
        links="1.1 CLIP > 2.in\n2.0 CLIP > 3.in\n3.0 CLIP > 4.clip",
    )
    assert set(converted(data).prompt) == {"1", "4"}
    assert inputs(data, "4")["clip"] == ["1", 1]


def test_notes_disappear() -> None:
    """Notes belong to the editor, so the converter doesn't send them."""
    data = graph(
        graph_node(1, "Note", "read me"),
        graph_node(2, "MarkdownNote", "# me"),
        graph_node(3, "Number", 4),
    )
    assert set(converted(data).prompt) == {"3"}
    assert converted(data).missing == ()


def test_mute_cuts_the_link() -> None:
    """The converter sends neither a muted node nor its outgoing links. The nodes behind it keep
    their other inputs."""
    data = graph(
        graph_node(1, "Load", "a.safetensors", mode=2),
        graph_node(2, "Text", "a cat"),
        graph_node(3, "Reroute"),
        graph_node(4, "Text", "a dog"),
        links="1.1 CLIP > 2.clip\n1.1 CLIP > 3.in\n3.0 CLIP > 4.clip",
    )
    assert set(converted(data).prompt) == {"2", "4"}
    assert inputs(data, "2") == {"text": "a cat"}
    assert inputs(data, "4") == {"text": "a dog"}


def test_bypass_goes_by_type() -> None:
    """A bypassed node passes on the first input of the required type, not the input in the same
    position."""
    data = graph(
        graph_node(1, "Image", "x.png", "image"),
        graph_node(2, "Image", "y.png", "image"),
        graph_node(3, "Blend", mode=4),
        graph_node(4, "SaveImage", "out"),
        links="1.1 MASK > 3.mask\n1.0 IMAGE > 3.one\n2.0 IMAGE > 3.two\n3.0 IMAGE > 4.images",
    )
    assert inputs(data, "4")["images"] == ["1", 0]


def test_bypass_without_a_fitting_input() -> None:
    """A bypassed node without an input of the required type passes nothing on."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat", mode=4),
        graph_node(3, "Sample", 1, "fixed", 20, "euler", 1),
        links="1.1 CLIP > 2.clip\n2.0 CONDITIONING > 3.positive",
    )
    assert "positive" not in inputs(data, "3")


def test_primitive_fills_widgets() -> None:
    """The app doesn't send a PrimitiveNode. The widgets that it feeds take its value instead of
    their saved one."""
    data = graph(
        graph_node(1, "PrimitiveNode", 768, "fixed", title="Size"),
        graph_node(2, "Empty", 512, 512, sockets="width height"),
        links="1.0 INT > 2.width\n1.0 INT > 2.height",
    )
    result = converted(data)
    assert result.prompt["2"]["inputs"] == {"width": 768, "height": 768}
    shown = result.widget("1", "value")
    assert shown is not None
    assert (shown.label, shown.value, shown.targets) == (
        "Size",
        768,
        (("2", "width"), ("2", "height")),
    )


def test_primitive_keeps_to_the_limits_of_all_it_feeds() -> None:
    """If one of several fed widgets can't take the value, all of them get the limit that they
    share."""
    data = graph(
        graph_node(1, "PrimitiveNode", 5000, "fixed"),
        graph_node(2, "Empty", 512, 512, sockets="width"),
        graph_node(3, "Sample", 1, "fixed", 20, "euler", 1, sockets="steps"),
        links="1.0 INT > 2.width\n1.0 INT > 3.steps",
    )
    assert inputs(data, "2")["width"] == 100
    assert inputs(data, "3")["steps"] == 100


def test_converted_widget_takes_the_link() -> None:
    """A widget turned into an input sends its link instead of the stale value that the file still
    has."""
    data = graph(
        graph_node(1, "Number", 9),
        graph_node(2, "Sample", 1, "fixed", 33, "heun", 0.5, sockets="steps"),
        links="1.0 INT > 2.steps",
    )
    assert inputs(data, "2") == {
        "seed": 1,
        "steps": ["1", 0],
        "sampler_name": "heun",
        "denoise": 0.5,
    }


def test_vanished_converted_widget_is_forgotten() -> None:
    """The converter drops a socket and its link if the node no longer has the widget."""
    data = graph(
        graph_node(1, "Number", 9),
        graph_node(2, "Empty", 64, 64, sockets="depth"),
        links="1.0 INT > 2.depth",
    )
    assert inputs(data, "2") == {"width": 64, "height": 64}


def test_lists_are_wrapped() -> None:
    """The server reads a bare list as a link, so the converter wraps lists of values."""
    data = graph(graph_node(1, "Palette", ["#000", "#fff"]))
    assert inputs(data, "1") == {"colors": {"__value__": ["#000", "#fff"]}}


def test_order_of_nodes() -> None:
    """Whole-number ids come first and in order, as in the JSON that JavaScript writes."""
    inner = subgraph("inner", graph_node(5, "Number", 1))
    data = graph(
        graph_node(30, "Number", 1),
        graph_node(7, "inner"),
        graph_node(4, "Number", 2),
        definitions={"subgraphs": [inner]},
    )
    assert list(converted(data).prompt) == ["4", "30", "7:5"]


def test_missing_nodes_are_named_and_nothing_is_guessed() -> None:
    """The result reports an unknown class with its nodes and pack. Its links stay, but its nameless
    values don't become inputs."""
    data = graph(
        graph_node(1, "Number", 9),
        graph_node(2, "Mystery", 1, 2, properties={"cnr_id": "mystery-pack"}),
        graph_node(3, "Mystery", mode=4),
        links="1.0 INT > 2.count",
    )
    result = converted(data)
    assert [(one.class_type, one.nodes, one.pack) for one in result.missing] == [
        ("Mystery", ("2",), "mystery-pack")
    ]
    assert result.prompt["2"]["inputs"] == {"count": ["1", 0]}
    assert result.prompt["1"]["inputs"] == {"value": 9}


def test_named_values_of_unknown_nodes_are_kept() -> None:
    """If a pack saves its values by name, the converter can read them without a definition."""
    data = graph({**graph_node(1, "Mystery"), "widgets_values": {"rate": 24, "loop": False}})
    assert inputs(data, "1") == {"rate": 24, "loop": False}


def test_names_in_file_prefixes() -> None:
    """The app replaces `%Node.widget%` in a file prefix when it sends or writes the prompt. It
    leaves dates to the run."""
    data = graph(
        graph_node(1, "Text", "cat/dog: 1", title="Subject"),
        graph_node(2, "SaveImage", "%Subject.text%/%date:yyyy%/%Nobody.x%"),
    )
    result = converted(data)
    assert (
        result.prompt["2"]["inputs"]["filename_prefix"] == "%Subject.text%/%date:yyyy%/%Nobody.x%"
    )
    replaced, _ = replace_prefixes(result.prompt, result.names)
    assert replaced["2"]["inputs"]["filename_prefix"] == "cat_dog_ 1/%date:yyyy%/%Nobody.x%"


def test_names_in_primitives() -> None:
    """A primitive with that setting also replaces names in its value. The converter looks first for
    a node's name for search and replace."""
    data = graph(
        graph_node(1, "Number", 3, title="N", properties={"Node name for S&R": "Count"}),
        graph_node(
            2,
            "PrimitiveNode",
            "%Count.value% of %N.value%",
            properties={"Run widget replace on values": True},
        ),
        graph_node(3, "Text", "", sockets="text"),
        links="2.0 STRING > 3.text",
    )
    assert inputs(data, "3")["text"] == "3 of 3"


def test_each_widget_lists_the_inputs_that_it_sets() -> None:
    """Each widget names the prompt inputs that it sets. A widget that a link overrides names
    none."""
    data = graph(
        graph_node(1, "Number", 9),
        graph_node(2, "Empty", 64, 32, sockets="width height", title="Canvas"),
        links="1.0 INT > 2.width",
    )
    data["nodes"][1]["inputs"][1]["label"] = "how high"
    result = converted(data)
    width, height = result.widget("2", "width"), result.widget("2", "height")
    assert width is not None
    assert height is not None
    assert (width.targets, height.targets) == ((), (("2", "height"),))
    assert (height.label, height.title, height.value) == ("how high", "Canvas", 32)
    assert height.spec is CATALOG["Empty"].by_name["height"]


@pytest.mark.parametrize(
    "data", [None, [], {}, {"nodes": 3}, {"1": {"class_type": "Number", "inputs": {}}}]
)
def test_no_graph(data: object) -> None:
    """The app refuses input that isn't a graph. The error says what to do."""
    with pytest.raises(WorkflowError, match="not a graph") as caught:
        convert(data, CATALOG)
    assert "Save the workflow" in caught.value.hint


def test_wrapped_graph() -> None:
    """`documents` finds a graph inside `{"workflow": …}`. It doesn't take a prompt for a graph."""
    data = graph(graph_node(1, "Number", 9))
    (found,) = documents({"extra_data": {"extra_pnginfo": {"workflow": data}}})
    assert found.data is data
    assert {one.kind for one in documents(converted(data).prompt)} == {"prompt"}


def test_empty_catalog() -> None:
    """The converter reads a graph without any known node and reports every class as missing."""
    data = graph(graph_node(1, "Load", "a"), graph_node(2, "Text", "b"), links="1.1 CLIP > 2.clip")
    result = convert(data, Catalog({}))
    assert [one.class_type for one in result.missing] == ["Load", "Text"]
    assert result.prompt["2"]["inputs"] == {"clip": ["1", 1]}


def test_nodes_without_a_list_of_inputs_keep_their_links() -> None:
    """Files written by hand or by a language model have the links only in their list."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Text", "a cat"),
        graph_node(3, "Empty", 64, 64),
        graph_node(4, "Sample", 5, "fixed", 2, "euler", 1.0),
        links="""
            1.1 CLIP > 2.clip
            1.0 MODEL > 4.model
            2.0 CONDITIONING > 4.positive
            3.0 LATENT > 4.latent
        """,
    )
    expected = converted(data).prompt
    assert expected["4"]["inputs"]["positive"] == ["2", 0]
    for node in data["nodes"]:
        del node["inputs"], node["outputs"]
    assert converted(data).prompt == expected


def test_of_links_with_one_id_the_one_that_ends_here_counts() -> None:
    """A copy of the id ends at a node that is gone, and another socket names it, too."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Decode"),
        graph_node(3, "SaveImage", "first"),
        graph_node(4, "SaveImage", "second"),
        links="""
            1.2 VAE > 2.vae
            2.0 IMAGE > 3.images
        """,
    )
    (link,) = [one for one in data["links"] if one[3] == 3]
    saved = next(node for node in data["nodes"] if node["id"] == 4)
    saved["inputs"].append({"name": "images", "type": "IMAGE", "link": link[0]})
    data["links"].append([link[0], 1, 0, 31, 0, "MODEL"])
    prompt = converted(data).prompt
    assert prompt["3"]["inputs"]["images"] == ["2", 0]
    assert "images" not in prompt["4"]["inputs"]


SHARED = Path(__file__).parents[3] / "shared"


@pytest.mark.parametrize(
    "name",
    [
        "f1_no_inputs_arrays",
        "f2_dup_link_ids",
        "lanpaint_ideogram",
        "r1_forceinput_small",
        "r2_no_dummy",
        "r3_hidden_widget",
        "f4_action_buttons",
    ],
)
def test_reported_graphs(name: str) -> None:
    """Each converts to the prompt beside it. A button that a script adds has no saved name."""
    reports = SHARED / "reports"
    if not reports.exists():
        pytest.skip("the reported graphs are not here")
    raw = dict(Catalog.read(SHARED / "comfyui" / "object_info-0.33.0.json.gz").raw)
    for definitions in reports.glob("*object_info.json"):
        raw |= json.loads(definitions.read_text())
    graph = json.loads((reports / f"{name}.json").read_text())
    own = reports / f"{name}.expected.json"
    beside = own if own.exists() else reports / f"{name.partition('_')[0]}_expected.json"
    expected = json.loads(beside.read_text())
    for node in expected.values():
        node["inputs"].pop("More Info, Bug Report, Star on GitHub ⭐", None)
    prompt = convert(graph, Catalog(raw)).prompt
    assert {node_id: node["inputs"] for node_id, node in prompt.items()} == {
        node_id: node["inputs"] for node_id, node in expected.items()
    }


def test_a_reported_path_of_windows_is_the_servers() -> None:
    """A name that differs only in slashes is the server's file."""
    reported = SHARED / "reports" / "windows_path.json"
    if not reported.exists():
        pytest.skip("the reported graphs are not here")
    file = "sub/tiny lora.safetensors"
    raw = Catalog.read(SHARED / "comfyui" / "object_info-0.33.0.json.gz").raw
    loader = {"model": ["MODEL"], "lora_name": [[file]], "strength_model": ["FLOAT", {}]}
    declared = {"input": {"required": loader}, "output": ["MODEL"]}
    catalog = Catalog({**raw, "LoraLoaderModelOnly": declared})
    prompt = with_server_names(convert(json.loads(reported.read_text()), catalog).prompt, catalog)
    assert file in [node["inputs"].get("lora_name") for node in prompt.values()]


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
