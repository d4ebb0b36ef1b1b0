"""Definitions of the classes that a workflow uses and the stand-in lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.comfyui.object_info import Catalog
from comfy.graph.live import VIRTUAL
from comfyui_standin.anything.definitions import Definitions, definitions
from comfyui_standin.anything.facts import entries
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage
from tests.support.distribution import examples
from tests.support.samples.graphs import graph, graph_node


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    storage = Storage()
    try:
        return {name: one.describe(storage) for name, one in NODES.items()}
    finally:
        storage.close()


def inputs_of(found: Definitions, class_type: str) -> dict[str, str]:
    """Return the types of a class's inputs by name."""
    return {one.name: one.type for one in Catalog(found.entries)[class_type].inputs}


def positional(*values: object, **node: Any) -> dict[str, Any]:
    return graph(graph_node(1, "Mystery", widgets_values=list(values), **node))


def test_sockets_name_and_type_a_class(known: dict[str, Any]) -> None:
    slots = [
        {"name": "pixels", "type": "IMAGE", "link": 3},
        {"name": "amount", "type": "FLOAT", "widget": {"name": "amount"}},
        {"name": "mode", "type": "COMBO", "widget": {"name": "mode"}},
    ]
    outputs = [{"name": "sharp", "type": "IMAGE", "links": [4]}, {"name": "MASK", "type": "MASK"}]
    node = graph_node(1, "Mystery", inputs=slots, outputs=outputs, widgets_values=[1, "soft"])

    found = definitions(graph(node), known)

    spec = Catalog(found.entries)["Mystery"]
    assert inputs_of(found, "Mystery") == {"pixels": "IMAGE", "amount": "FLOAT", "mode": "COMBO"}
    assert spec.by_name["mode"].choices == ("soft",)
    assert (spec.output_types, spec.output_names) == (("IMAGE", "MASK"), ("sharp", "MASK"))
    assert found.guessed == ("Mystery",)
    assert not spec.output_node


def test_older_graphs_get_names_by_the_values_types(known: dict[str, Any]) -> None:
    found = definitions(
        positional(7, "randomize", "a cat", True, 0.5, 2, "x.safetensors", "bilinear"), known
    )

    spec = Catalog(found.entries)["Mystery"]
    assert [*spec.by_name] == ["seed", "text", "switch", "number", "number_2", "model", "option"]
    assert spec.by_name["seed"].options == {"control_after_generate": True}
    assert spec.by_name["text"].options["multiline"]


@pytest.mark.parametrize(
    "told",
    [
        {"inputs": [{"name": n, "widget": {"name": n}} for n in ("first", "second")]},
        {"widgets_values_named": {"first": 7, "second": "b"}},
    ],
)
def test_the_graphs_own_names_come_first(told: dict[str, Any], known: dict[str, Any]) -> None:
    found = definitions(positional(7, "b", **told), known)

    assert [*inputs_of(found, "Mystery")] == ["first", "second"]


def test_control_words_anywhere_are_no_values(known: dict[str, Any]) -> None:
    """The editor numbers the names of several."""
    control = "control_after_generate"
    named = {"seed": 7, f"{control}#1": "fixed", "own": True, control: "fixed"}

    found = definitions(positional(*named.values(), widgets_values_named=named), known)

    inputs = Catalog(found.entries)["Mystery"].inputs
    assert [(one.name, one.options) for one in inputs] == [("seed", {control: True}), ("own", {})]


def test_a_text_has_the_choices_of_the_most_similar_known_class(known: dict[str, Any]) -> None:
    """Without a class that has an input of this name and this value, it stays a text."""
    known = known | {
        "Paint2ImageToVideo": {"input": {"required": {"ratio": [["auto", "9:16"]]}}},
        "ShapeTool": {"input": {"required": {"ratio": ["COMBO", {"options": ["auto", "21:9"]}]}}},
    }
    named = {"model.ratio": "auto", "mood": "calm"}
    node = graph_node(1, "Paint3ImageToVideo", "auto", "calm", widgets_values_named=named)

    spec = Catalog(definitions(graph(node), known).entries)["Paint3ImageToVideo"]

    assert spec.by_name["model.ratio"].choices == ("auto", "9:16")
    assert spec.by_name["mood"].type == "STRING"


def test_classes_of_public_packs_have_their_names(known: dict[str, Any]) -> None:
    node = graph_node(1, "ApplyInstantID", widgets_values=[1, 0, 0.9])

    found = definitions(graph(node), known)

    assert [*inputs_of(found, "ApplyInstantID")] == ["weight", "start_at", "end_at"]


def test_an_api_prompt_types_links_by_their_other_ends(known: dict[str, Any]) -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
        "2": {"class_type": "Mystery", "inputs": {"a": ["1", 0], "strength": 1, "how": "soft"}},
        "3": {"class_type": "Other", "inputs": {"mask": ["2", 1]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }

    found = definitions({"prompt": prompt}, known)

    types = {"a": "IMAGE", "strength": "FLOAT", "how": "STRING"}
    assert inputs_of(found, "Mystery") == types
    catalog = Catalog(found.entries)
    assert catalog["Mystery"].output_types == ("IMAGE", "MASK")
    assert inputs_of(found, "Other") == {"mask": "MASK"}
    assert found.guessed == ("Mystery", "Other")
    assert "cat.png" in (catalog["LoadImage"].by_name["image"].choices or ())


def test_a_dynamic_combo_has_the_choice_of_the_workflow() -> None:
    """Another version of the class may have had it."""
    node = graph_node(1, "RemeshMesh", 768, "solid", 20, False, 1, 0, False, 20, 0.01, 20000000)

    found = definitions(graph(node), entries())

    (combo,) = (one for one in Catalog(found.entries)["RemeshMesh"].inputs if one.adds_inputs)
    assert combo.choices == ("udf", "sdf", "solid")


def test_a_new_choice_has_the_inputs_of_the_closest_known_one() -> None:
    node = graph_node(1, "ByteDance2ReferenceNodeV2", "Seedance 9.9 Draft")

    found = definitions(graph(node), entries())

    spec = found.entries[node["type"]]["input"]["required"]["model"]
    options = {one["key"]: one["inputs"] for one in spec[1]["options"]}
    assert options.pop("Seedance 9.9 Draft") in options.values()


def test_a_node_that_has_a_result_of_its_own_is_an_output(known: dict[str, Any]) -> None:
    made = {"outputs": [{"name": "image", "type": "IMAGE", "links": []}]}
    sampler = graph_node(2, "Pack Sampler", "Preview", sockets="image_output") | made
    adjusted = graph_node(3, "Pack Filter", "soft", sockets="mode") | made

    found = definitions({"nodes": [graph_node(1, "PreviewImage"), sampler, adjusted]}, known)

    saves = {name: one["output_node"] for name, one in found.entries.items()}
    assert saves == {"Pack Sampler": True, "Pack Filter": False}


def test_a_workflow_without_outputs_ends_at_unknown_nodes(known: dict[str, Any]) -> None:
    prompt = {
        "1": {"class_type": "Mystery", "inputs": {"text": "a cat"}},
        "2": {"class_type": "Other", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "Other", "inputs": {"image": ["2", 0]}},
    }

    catalog = Catalog(definitions(prompt, known).entries)

    assert [name for name in catalog if catalog[name].output_node] == ["Other"]


def test_nodes_of_subgraphs_and_group_nodes_count(known: dict[str, Any]) -> None:
    inner = {"id": "sub", "nodes": [graph_node(1, "Inner")]}
    nested = {"id": "outer", "nodes": [], "definitions": {"subgraphs": [inner]}}
    data = graph(graph_node(1, "sub"), graph_node(2, "workflow/G"))
    data["definitions"] = {"subgraphs": [nested]}
    data["extra"] = {"groupNodes": {"G": {"nodes": [{"type": "Grouped"}]}}}

    assert set(definitions(data, known).guessed) == {"Inner", "Grouped"}


def test_nodes_of_the_editor_get_no_definition(known: dict[str, Any]) -> None:
    nodes = [graph_node(at, name) for at, name in enumerate(sorted(VIRTUAL))]

    assert definitions(graph(*nodes), known) == Definitions({}, ())


def test_known_lists_of_files_get_the_names_of_the_workflow(known: dict[str, Any]) -> None:
    data = graph(
        graph_node(1, "CheckpointLoaderSimple", widgets_values=["mine.safetensors"]),
        graph_node(2, "LoadImage", widgets_values=["cat.png", "image"]),
        graph_node(3, "KSampler", widgets_values=[1, "fixed", 20, 8, "new_sampler", "normal", 1]),
    )

    found = definitions(data, known)

    catalog = Catalog(found.entries)
    models = catalog["CheckpointLoaderSimple"].by_name["ckpt_name"].choices or ()
    assert models[-1] == "mine.safetensors"
    assert "cat.png" in (catalog["LoadImage"].by_name["image"].choices or ())
    assert (found.guessed, "KSampler" in catalog) == ((), False)


@given(st.text(alphabet="äöü", min_size=3), st.integers(10**9))
def test_no_text_or_number_of_a_workflow_gets_into_a_definition(text: str, number: int) -> None:
    prompt = {"1": {"class_type": "Mystery", "inputs": {"text": text, "n": number}}}
    for workflow in (positional(text, number, {"deep": text}), prompt):
        told = json.dumps(definitions(workflow, {}).entries, ensure_ascii=False)
        assert text not in told
        assert str(number) not in told


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3),
    max_leaves=6,
)
KEYS = ("nodes", "type", "inputs", "outputs", "widgets_values", "properties", "class_type", "name")
KEYS += ("widget", "links", "extra", "groupNodes", "definitions", "subgraphs", "id", "prompt", "1")
TREES = st.recursive(
    JUNK | st.sampled_from(["Mystery", "LoadImage", "IMAGE", ["1", 0], "a.png"]),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(KEYS), one, max_size=5),
    max_leaves=25,
)


@given(TREES)
@settings(max_examples=examples(1000), suppress_health_check=[HealthCheck.too_slow])
def test_any_json_gives_a_catalog(known: dict[str, Any], workflow: object) -> None:
    found = definitions(workflow, known)

    catalog = Catalog(json.loads(json.dumps(found.entries)))
    assert all(isinstance(catalog[name].inputs, tuple) for name in catalog)


def test_a_choice_from_an_unknown_class_fits_a_list(known: dict[str, Any]) -> None:
    sampler = {"class_type": "KSampler", "inputs": {"sampler_name": ["1", 0]}}
    prompt = {"1": {"class_type": "Mystery", "inputs": {}}, "2": sampler}

    entry = definitions(prompt, known).entries["Mystery"]

    assert (entry["output"], entry["output_name"]) == (["*"], ["sampler_name"])


def test_a_known_class_gets_the_outputs_of_a_newer_version(known: dict[str, Any]) -> None:
    outputs = [
        {"name": "IMAGE", "type": "IMAGE"},
        {"name": "MASK", "type": "MASK"},
        {"name": "path", "type": "string", "links": [1]},
    ]

    found = definitions(graph(graph_node(1, "LoadImage", outputs=outputs)), known)

    assert Catalog(found.entries)["LoadImage"].output_types == ("IMAGE", "MASK", "STRING")
    assert not found.guessed


def test_names_of_a_pack_begin_a_longer_list_of_values(known: dict[str, Any]) -> None:
    values = ["a red boat", "blurry", True, "option", 1]
    node = graph_node(1, "WanVideoTextEncode", widgets_values=values)

    names = [*inputs_of(definitions(graph(node), known), "WanVideoTextEncode")]

    assert names[:3] == ["positive_prompt", "negative_prompt", "force_offload"]
    assert len(names) == len(values)
