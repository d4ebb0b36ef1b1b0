"""The rule that recognizes nodes that write models or latents to disk, by ComfyUI's description of
them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.demo.nodes.base import node_info, spec
from comfy.workflow.sanitize import model_savers

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
