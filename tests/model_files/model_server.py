"""A stand-in with other models, and a workflow that loads one of them."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from comfyui_standin import DemoModel, DemoModels, DemoServer
from comfyui_standin.nodes.base import NodeClass, NodeInfo
from comfyui_standin.nodes.registry import MODELS, NODES
from comfyui_standin.storage import Storage
from tests.support.samples.forms import node, with_values
from tests.support.samples.forms import text_to_image as sample


def picture(color: str = "teal", kind: str = "WEBP", side: int = 480) -> bytes:
    """Return an example image."""
    data = io.BytesIO()
    Image.new("RGB", (side, side), color).save(data, kind)
    return data.getvalue()


def lora_server(loras: Mapping[str, DemoModel], **options: Any) -> DemoServer:
    """Return a stand-in with these LoRAs. Its checkpoints are SD 1."""
    header = {"modelspec.architecture": "stable-diffusion-v1"}
    checkpoints = {name: DemoModel(metadata=header) for name in MODELS["checkpoints"]}
    models = DemoModels({"checkpoints": checkpoints, "loras": loras})
    nodes = {
        **NODES,
        "LoraLoader": _with_choices(NODES["LoraLoader"], list(loras)),
    }
    return DemoServer(step_seconds=0, nodes=nodes, models=models, **options)


def _with_choices(made: NodeClass, names: list[str]) -> NodeClass:
    def describe(storage: Storage) -> NodeInfo:
        info = copy.deepcopy(made.describe(storage))
        info["input"]["required"]["lora_name"][0] = names
        return info

    return replace(made, describe=describe)


def lora_prompt(name: str) -> dict[str, Any]:
    """Return a text-to-image prompt with one LoRA."""
    prompt = with_values(sample(), "4", ckpt_name=MODELS["checkpoints"][0])
    prompt["10"] = node(
        "LoraLoader",
        lora_name=name,
        strength_model=1.0,
        strength_clip=1.0,
        model=["4", 0],
        clip=["4", 1],
    )
    prompt["3"]["inputs"]["model"] = ["10", 0]
    prompt["6"]["inputs"]["clip"] = prompt["7"]["inputs"]["clip"] = ["10", 1]
    return prompt


def lora_workflow(folder: Path, name: str) -> Path:
    """Write a workflow "lora" with one LoRA into a folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lora.json").write_text(json.dumps(lora_prompt(name)), encoding="utf-8")
    return folder
