"""Nodes that load models and encode text. A model here is only a name; each name has its own
painting style."""

from __future__ import annotations

from comfy.demo.nodes.base import Inputs, NodeClass, NodeFailure, NodeRun, fixed
from comfy.demo.nodes.describe import node_info, spec
from comfy.demo.nodes.values import Conditioning, Model, NodeResult

CHECKPOINTS = [
    "demo-landscapes.safetensors",
    "demo-watercolour.safetensors",
    "demo-broken.safetensors",
]
LORAS = ["demo-evening-light.safetensors", "demo-ink-lines.safetensors"]
_BROKEN = "demo-broken.safetensors"


def _load_checkpoint(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return a file's model three times: as MODEL, CLIP and VAE."""
    name = inputs["ckpt_name"]
    run.wait(run.speed.load)
    if name == _BROKEN:
        raise NodeFailure(
            f"The file {name} is no checkpoint. It is here to show what a failed run looks like."
        )
    model = Model(name)
    return NodeResult((model, model, model))


def _load_lora(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Apply a LoRA to the model and its CLIP."""
    run.wait(run.speed.load / 4)
    name = inputs["lora_name"]
    model: Model = inputs["model"]
    clip: Model = inputs["clip"]
    return NodeResult(
        (
            model.with_lora(name, inputs["strength_model"]),
            clip.with_lora(name, inputs["strength_clip"]),
        )
    )


def _encode_text(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Encode a text as conditioning."""
    run.wait(run.speed.encode)
    return NodeResult((Conditioning(inputs["text"], inputs["clip"]),))


_STRENGTH = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}

NODES = {
    "CheckpointLoaderSimple": NodeClass(
        fixed(
            node_info(
                "CheckpointLoaderSimple",
                "Load Checkpoint",
                "model/loaders",
                required={"ckpt_name": spec(CHECKPOINTS, tooltip="Which model to use.")},
                outputs=["MODEL", "CLIP", "VAE"],
                description=(
                    "Opens a model file: the painter, its reader of texts, and its image codec."
                ),
                extra={
                    "output_tooltips": [
                        "The painter.",
                        "The reader of texts.",
                        "The image codec.",
                    ]
                },
            )
        ),
        _load_checkpoint,
    ),
    "LoraLoader": NodeClass(
        fixed(
            node_info(
                "LoraLoader",
                "Load LoRA (Model and CLIP)",
                "model/loaders",
                required={
                    "model": spec("MODEL", tooltip="The painter to teach."),
                    "clip": spec("CLIP", tooltip="The reader of texts to teach."),
                    "lora_name": spec(LORAS, tooltip="Which lesson."),
                    "strength_model": spec(
                        "FLOAT",
                        **_STRENGTH,
                        tooltip="How much the painter learns; can be negative.",
                    ),
                    "strength_clip": spec(
                        "FLOAT", **_STRENGTH, tooltip="How much the reader learns; can be negative."
                    ),
                },
                outputs=["MODEL", "CLIP"],
                description=(
                    "Teaches a model something small, such as a style. Several can follow each"
                    " other."
                ),
                extra={
                    "output_tooltips": ["The taught painter.", "The taught reader."],
                    "essentials_category": "Image Generation",
                },
            )
        ),
        _load_lora,
    ),
    "CLIPTextEncode": NodeClass(
        fixed(
            node_info(
                "CLIPTextEncode",
                "CLIP Text Encode (Prompt)",
                "model/conditioning",
                required={
                    "text": spec(
                        "STRING", multiline=True, dynamicPrompts=True, tooltip="Describe the image."
                    ),
                    "clip": spec("CLIP", tooltip="Who reads it."),
                },
                outputs=["CONDITIONING"],
                description="Turns a text into something a painter understands.",
                extra={"output_tooltips": ["The text as the painter sees it."]},
            )
        ),
        _encode_text,
    ),
}
