"""Prompts and catalogues that the tests of forms share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy.form import Form, build_form
from comfy.form_config import FormConfig
from comfy.object_info import Catalogue
from comfy.workflow import Prompt, Workflow, parse_workflow

DATA = Path(__file__).parent / "data"
WORKFLOWS = Path(__file__).parent.parent / "workflows"


def small_catalogue() -> Catalogue:
    """The nodes that the tests use, as a server with two checkpoints describes them."""
    return Catalogue.read(DATA / "object_info.json")


def node(class_type: str, title: str | None = None, /, **inputs: Any) -> dict[str, Any]:
    """One node of a prompt."""
    made: dict[str, Any] = {"class_type": class_type, "inputs": inputs}
    return made if title is None else made | {"_meta": {"title": title}}


def text_to_image(**changed: dict[str, Any]) -> Prompt:
    """A plain SD1.5 prompt as the editor exports it; `changed` replaces nodes by id (`n3=…`) or adds some."""
    prompt: Prompt = {
        "3": node(
            "KSampler",
            "KSampler",
            seed=7,
            steps=20,
            cfg=8.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", "Load Checkpoint", ckpt_name="tiny_sd15.safetensors"),
        "5": node("EmptyLatentImage", "Empty Latent Image", width=512, height=512, batch_size=1),
        "6": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", text="a lighthouse at dusk", clip=["4", 1]),
        "7": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", text="blurry", clip=["4", 1]),
        "8": node("VAEDecode", "VAE Decode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", "Save Image", filename_prefix="ComfyUI", images=["8", 0]),
    }
    return prompt | {name.removeprefix("n"): changed_node for name, changed_node in changed.items()}


def with_inputs(prompt: Prompt, node_id: str, **inputs: Any) -> Prompt:
    """The prompt with some inputs of one node set."""
    changed = prompt[node_id] | {"inputs": prompt[node_id]["inputs"] | inputs}
    return prompt | {node_id: changed}


def workflow_of(prompt: object, config: FormConfig | None = None, name: str = "sample") -> Workflow:
    """A workflow as if read from a file."""
    return Workflow(name, parse_workflow(name, prompt).prompt, None, config)


def form_of(prompt: object, config: FormConfig | None = None) -> Form:
    """The form of a prompt on the small server."""
    return build_form(workflow_of(prompt, config), small_catalogue())
