"""Prompts and catalogs that the tests of forms share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Field, Form
from comfy.prompt.model import Node, Prompt
from comfy.workflow.config import FormConfig
from comfy.workflow.model import Workflow, open_workflow

DATA = Path(__file__).parents[2] / "data"
WORKFLOWS = Path(__file__).parents[3] / "workflows"


def small_catalog() -> Catalog:
    """Return the node classes that the tests use, as described by a server with two checkpoints."""
    return Catalog.read(DATA / "object_info.json")


def node(class_type: str, title: str | None = None, /, **inputs: Any) -> Node:
    """Return one node of a prompt."""
    made: Node = {"class_type": class_type, "inputs": inputs}
    return made if title is None else {**made, "_meta": {"title": title}}


def text_to_image(**changed: Node) -> Prompt:
    """Return a plain SD1.5 prompt, as the editor exports it. `changed` replaces nodes by id
    (`n3=…`) or adds nodes."""
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
        "6": node(
            "CLIPTextEncode",
            "CLIP Text Encode (Prompt)",
            text="a lighthouse at dusk",
            clip=["4", 1],
        ),
        "7": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", text="blurry", clip=["4", 1]),
        "8": node("VAEDecode", "VAE Decode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", "Save Image", filename_prefix="ComfyUI", images=["8", 0]),
    }
    return prompt | {name.removeprefix("n"): changed_node for name, changed_node in changed.items()}


def with_values(prompt: Prompt, node_id: str, **inputs: Any) -> Prompt:
    """Return the prompt with some inputs of one node replaced."""
    changed = prompt[node_id] | {"inputs": prompt[node_id]["inputs"] | inputs}
    return prompt | {node_id: changed}


def parse_workflow(name: str, data: object) -> Workflow:
    """Parse a workflow from a JSON file with this content. Raises WorkflowError like any other
    file."""
    return open_workflow(f"{name}.json", json.dumps(data).encode())


def workflow_of(prompt: object, config: FormConfig | None = None, name: str = "sample") -> Workflow:
    """Return a workflow as if read from a file."""
    return Workflow(name, parse_workflow(name, prompt).prompt, None, config)


def form_of(prompt: object, config: FormConfig | None = None) -> Form:
    """Build the form of a prompt on the small server."""
    return build_form(workflow_of(prompt, config), small_catalog())


def main_labels(form: Form) -> list[str]:
    """Return the labels of the main fields, in order."""
    return [field.label for field in form.fields if field.group == "main"]


def field_of(prompt: object, key: str) -> Field:
    """Return one field of a prompt's form."""
    return form_of(prompt).field(key)


def image_prompt(**inputs: Any) -> dict[str, Any]:
    """Return an image-to-image prompt, whose sampler starts from a loaded image."""
    prompt = text_to_image(
        n10=node("LoadImage", "Load Image", image="example.png"),
        n11=node("VAEEncode", "VAE Encode", pixels=["10", 0], vae=["4", 2]),
    )
    return with_values(prompt, "3", latent_image=["11", 0], denoise=0.6, **inputs)


def titled(prompt: Prompt, **titles: str) -> Prompt:
    """Return the prompt with other node titles (`n6='…'`)."""
    new = {name.removeprefix("n"): title for name, title in titles.items()}
    return {
        node_id: one | {"_meta": {"title": new[node_id]}} if node_id in new else one
        for node_id, one in prompt.items()
    }


def shown(form: Form) -> list[tuple[str, str]]:
    """Return (key, label) of each main field, in order."""
    return [(field.key, field.label) for field in form.fields if field.group == "main"]


def sources(form: Form) -> set[str]:
    """Return the source of each main field."""
    return {field.source for field in form.fields if field.group == "main"}
