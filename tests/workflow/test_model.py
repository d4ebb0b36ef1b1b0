"""Workflow files, and nodes that save models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.library.folder import WorkflowFolder
from comfy.prompt.model import is_link, own_title
from comfy.workflow.model import open_workflow, read_workflow
from comfy.workflow.sanitize import model_savers
from comfyui_standin.nodes.base import node_info, spec
from tests.support.distribution import examples
from tests.support.samples.forms import form_of, node, parse_workflow, text_to_image

KEYS = st.sampled_from(
    ["prompt", "workflow", "output", "nodes", "links", "class_type", "inputs", "_meta", "1", "2"]
)
WORDS = st.sampled_from(
    ["KSampler", "CLIPTextEncode", "LoadImage", "Nobody", "<b>title</b>", "1", "", "\x00"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
HOSTILE = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)
VALUES = HOSTILE | st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(-1, 3)).map(list)
INPUTS = st.dictionaries(
    st.sampled_from(
        [
            "text",
            "seed",
            "steps",
            "image",
            "model",
            "positive",
            "negative",
            "latent_image",
            "value",
            "?",
        ]
    ),
    VALUES,
    max_size=6,
)
CLASSES = st.sampled_from(
    [
        "KSampler",
        "CLIPTextEncode",
        "LoadImage",
        "SaveImage",
        "PrimitiveInt",
        "ConditioningCombine",
        "Nobody",
    ]
)
NODES = st.fixed_dictionaries(
    {"class_type": CLASSES, "inputs": INPUTS}, optional={"_meta": HOSTILE}
)
PROMPTS = st.dictionaries(st.sampled_from(["1", "2", "3", "70:39"]), NODES, min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("name", "subgraph", "title"),
    [
        ("image_z_image_turbo", "Text to Image (Z-Image-Turbo)", "Text to Image (Z-Image-Turbo)"),
        ("image_z_image_turbo", "Prompt Helper", "Z-Image turbo"),
        ("my portrait", "Text to Image (Z-Image-Turbo)", "My portrait"),
        ("turbo", "Text to Image (Z-Image-Turbo)", "Turbo"),
    ],
)
def test_a_subgraph_that_says_more_names_the_form(
    tmp_path: Path, name: str, subgraph: str, title: str
) -> None:
    """Its name counts if it has all words of the file's name, without the kind of template."""
    made = {"id": "a", "name": subgraph, "nodes": [], "links": []}
    saved = {"nodes": [], "links": [], "definitions": {"subgraphs": [made]}}
    (tmp_path / f"{name}.json").write_text(json.dumps(saved))
    (entry,) = WorkflowFolder(tmp_path).entries()
    assert entry.title == title
    opened = open_workflow(f"{name}.json", json.dumps(saved).encode())
    assert build_form(opened, Catalog({})).title == title


@pytest.mark.parametrize("key", ["prompt", "output", "workflow"])
def test_a_wrapped_prompt_is_unwrapped(key: str) -> None:
    """The body of a POST and files from other programs contain the same prompt."""
    assert parse_workflow("x", {key: text_to_image(), "client_id": "me"}).prompt == text_to_image()


@pytest.mark.parametrize(
    "graph",
    [
        {"nodes": [], "links": []},
        {"workflow": {"nodes": [], "links": []}},
        {"prompt": {}, "workflow": {"nodes": [{"id": 1, "type": "A"}]}},
    ],
)
def test_an_editor_graph_is_recognized(graph: dict[str, Any]) -> None:
    """The app keeps an editor graph until a server's catalog can turn it into a prompt."""
    workflow = parse_workflow("portrait", graph)
    assert workflow.prompt == {}
    assert workflow.graph == graph.get("workflow", graph)


@pytest.mark.parametrize(
    "data", [None, 7, "text", [], {}, {"a": {"inputs": {}}}, {"prompt": {"prompt": {"prompt": {}}}}]
)
def test_a_file_that_is_not_a_workflow_is_refused(data: object) -> None:
    """The app refuses other JSON with an error that contains the name."""
    with pytest.raises(WorkflowError, match="portrait"):
        parse_workflow("portrait", data)


def test_keys_that_are_not_nodes_are_dropped() -> None:
    """Users' notes beside the nodes cause no error."""
    data = text_to_image() | {"_comment": "mine", "version": 3, "extra": {"a": 1}}
    assert parse_workflow("x", data).prompt == text_to_image()


def test_the_workflow_is_a_copy() -> None:
    """Changing the data afterwards does not change the workflow."""
    data = text_to_image()
    workflow = parse_workflow("x", data)
    data["6"]["inputs"]["text"] = "changed"
    assert workflow.prompt["6"]["inputs"]["text"] == "a lighthouse at dusk"


def test_not_a_number_becomes_nothing() -> None:
    """JSON cannot carry NaN or infinity, and ComfyUI would refuse the whole body."""
    workflow = parse_workflow(
        "x", {"1": node("KSampler", cfg=float("nan"), seed=float("inf"), steps=4)}
    )
    assert workflow.prompt["1"]["inputs"] == {"cfg": None, "seed": None, "steps": 4}


def test_links_are_distinguished_from_lists() -> None:
    """A link is a node id and a slot."""
    assert is_link(["4", 1])
    assert is_link([4, 0])
    assert not is_link(["4"])
    assert not is_link("4")
    assert not is_link([[1], 0])


def test_titles_are_one_line_of_bounded_length() -> None:
    """A title cannot break the page's layout."""
    assert own_title(node("A", " two\nlines\x00 ")) == "two lines"
    assert len(own_title(node("A", "x" * 5000))) == 80
    assert own_title(node("A") | {"_meta": {"title": 7}}) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "isn't supported"),
        (b"[" * 200_000, "too deeply"),
        (b'{"1": ', "isn't JSON"),
        (b"[]", "No workflow found"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    """The app refuses files without a workflow with an error message, no matter how broken they
    are."""
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(WorkflowError, match=words):
        read_workflow(file)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """A missing file gives an error message, too."""
    with pytest.raises(WorkflowError, match="cannot be read"):
        read_workflow(tmp_path / "nowhere.json")


def test_deep_nesting_is_refused() -> None:
    """The app refuses values that are nested too deeply before any code walks them."""
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    with pytest.raises(WorkflowError, match="too deeply"):
        parse_workflow("x", {"1": node("KSampler", seed=deep)})


def test_the_toml_beside_it_is_read(tmp_path: Path) -> None:
    """`name.toml` belongs to `name.json`."""
    (tmp_path / "mine.json").write_text(json.dumps(text_to_image()))
    (tmp_path / "mine.toml").write_text('title = "Mine"')
    workflow = read_workflow(tmp_path / "mine.json")
    assert workflow.name == "mine"
    assert workflow.config is not None
    assert workflow.config.title == "Mine"


@given(HOSTILE)
@settings(max_examples=examples(200))
def test_any_json_is_a_workflow_or_a_sentence(data: object) -> None:
    """Random JSON gives either a form or a WorkflowError."""
    try:
        parse_workflow("x", data)
    except WorkflowError:
        return
    form_of(data)


@given(PROMPTS)
def test_any_prompt_makes_a_form(prompt: dict[str, Any]) -> None:
    """Nodes with wrong values, cycles and dangling links still give a form without duplicate
    labels."""
    form = form_of(prompt)
    labels = [field.label for field in form.fields]
    assert len(labels) == len(set(labels))
    json.dumps(form.to_json(), allow_nan=False)


PREFIX = {"filename_prefix": spec("STRING", default="x")}


def saver(name: str, required: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the description of an output node with these inputs."""
    category, output_node = more.pop("category", "pack"), more.pop("output_node", True)
    return node_info(name, name, category, required=required, output_node=output_node, **more)


def found(info: dict[str, Any], **inputs: Any) -> bool:
    prompt = {"1": {"class_type": info["name"], "inputs": inputs}}
    return bool(model_savers(prompt, Catalog({info["name"]: info})))


DYNAMIC = {
    "options": [
        {"key": "whole", "inputs": {"required": {"model": ["MODEL", {}]}}},
        {"key": "none", "inputs": {"required": {}}},
    ]
}


@pytest.mark.parametrize(
    "info",
    [
        saver("CheckpointSave", {"model": spec("MODEL"), "clip": spec("CLIP"), **PREFIX}),
        saver("ImageOnlyCheckpointSave", {"clip_vision": spec("CLIP_VISION"), **PREFIX}),
        saver("LoraSave", {**PREFIX, "rank": spec("INT")}, optional={"model_diff": spec("MODEL")}),
        saver("SaveLoRA", {"lora": spec("LORA_MODEL"), "prefix": spec("STRING")}),
        saver("SaveLatent", {"samples": spec("LATENT"), **PREFIX}),
        saver("TRT_MODEL_CONVERSION", {"model": spec("MODEL"), **PREFIX}),
        saver("WanSave", {"model": spec("WANVIDEOMODEL"), "save_name": spec("STRING")}),
        saver("QuantizeModel", {"model": spec("MODEL"), "bits": spec("INT")}, outputs=["STRING"]),
        saver("SaveConditioning", {"c": spec("CONDITIONING"), "output_name": spec("STRING")}),
        saver("SaveAny", {"anything": spec("*"), **PREFIX}),
        saver("Cache", dict(PREFIX), optional={"l": spec("LATENT"), "i": spec("IMAGE")}),
        saver("FluxTrain", {"images": spec("IMAGE"), "m": spec("MODEL")}, category="a/training"),
    ],
    ids=lambda info: str(info["name"]),
)
def test_finds_nodes_that_write_models_or_latents(info: dict[str, Any]) -> None:
    """The app recognizes such nodes from any pack by their inputs."""
    assert found(info)


def test_finds_a_saver_by_a_choice_of_its_own() -> None:
    """An input that belongs to an option of a choice counts only if that option is selected."""
    info = saver("V3Save", {"what": ["COMFY_DYNAMICCOMBO_V3", DYNAMIC], **PREFIX})
    assert found(info, what="whole")
    assert not found(info, what="none")


@pytest.mark.parametrize(
    "info",
    [
        saver("SaveImage", {"images": spec("IMAGE"), **PREFIX}),
        saver("SaveVideo", {"video": spec("VIDEO"), **PREFIX}),
        saver("SaveAudio", {"audio": spec("AUDIO"), **PREFIX}),
        saver("SaveGLB", {"mesh": spec("MESH,FILE_3D"), **PREFIX}),
        saver("SaveText", {"text": spec("STRING"), **PREFIX}),
        saver("PreviewAny", {"source": spec("*")}),
        saver("PreviewBridgeLatent", {"latent": spec("LATENT"), "image": spec("STRING")}),
        saver("Preview3D", {"model_file": spec("STRING")}),
        saver(
            "VHS_VideoCombine",
            {"images": spec("IMAGE,LATENT"), **PREFIX},
            optional={"vae": spec("VAE")},
        ),
        saver(
            "pipeKSampler",
            {"pipe": spec("PIPE_LINE"), "save_prefix": spec("STRING")},
            optional={"model": spec("MODEL")},
            outputs=["PIPE_LINE", "LATENT", "IMAGE"],
        ),
        saver("KSampler", {"model": spec("MODEL"), **PREFIX}, output_node=False),
    ],
    ids=lambda info: str(info["name"]),
)
def test_ignores_nodes_that_save_or_show_media(info: dict[str, Any]) -> None:
    """The rule ignores them even if they also take a VAE or a model."""
    assert not found(info)


@pytest.mark.parametrize("version", ["0.3.64", "0.33.0"])
def test_finds_the_savers_of_real_catalogs(shared: Path, version: str) -> None:
    """The rule finds all of them and nothing else."""
    catalog = Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz")
    prompt = {one: {"class_type": one, "inputs": {}} for one in catalog}
    common = {"CLIPSave", "CheckpointSave", "ImageOnlyCheckpointSave", "LoraSave", "ModelSave"}
    newer = {"SaveLoRA", "SaveTrainingDataset"} if version == "0.33.0" else {"SaveLoRANode"}
    assert set(model_savers(prompt, catalog)) == common | newer | {"SaveLatent", "VAESave"}
