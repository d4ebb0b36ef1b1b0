"""Nodes that load models and encode text. A model here is only a name; each name has its own
painting style."""

from __future__ import annotations

from comfyui_standin.nodes.base import (
    Conditioning,
    Inputs,
    Model,
    NodeFailure,
    NodeResult,
    NodeRun,
    node,
    spec,
    v3_node,
)

CHECKPOINTS = [
    "demo-landscapes.safetensors",
    "demo-watercolour.safetensors",
    "demo-broken.safetensors",
    "stable-audio-open-1.0.safetensors",
]
LORAS = ["demo-evening-light.safetensors", "demo-ink-lines.safetensors"]
_BROKEN = "demo-broken.safetensors"
_MOST_ROWS = 6
_STRENGTH = {"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.01}


def _load_checkpoint(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return a file's model three times: as MODEL, CLIP and VAE."""
    name = inputs["ckpt_name"]
    run.wait(run.speed.load)
    if name == _BROKEN:
        raise NodeFailure(
            f"The file {name} is not a checkpoint. It exists to show what a failed run looks like."
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


def _load_loras(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Apply the LoRA of each row to the model and its CLIP."""
    model: Model = inputs["model"]
    clip: Model = inputs["clip"]
    for row in range(_MOST_ROWS):
        name = inputs.get(f"loras.{row}.lora_name")
        if name is None or not inputs.get(f"loras.{row}.on", True):
            continue
        run.wait(run.speed.load / 4)
        strength = inputs[f"loras.{row}.strength"]
        model, clip = model.with_lora(name, strength), clip.with_lora(name, strength)
    return NodeResult((model, clip))


def _encode_text(run: NodeRun, inputs: Inputs) -> NodeResult:
    run.wait(run.speed.encode)
    return NodeResult((Conditioning(inputs["text"], inputs["clip"]),))


NODES = [
    node(
        _load_checkpoint,
        "CheckpointLoaderSimple",
        "Load Checkpoint",
        "model/loaders",
        required={"ckpt_name": spec(CHECKPOINTS, tooltip="Model file to load.")},
        outputs=["MODEL", "CLIP", "VAE"],
        description="Loads a model file: diffusion model, text encoder and VAE.",
        extra={"output_tooltips": ["The diffusion model.", "The text encoder.", "The VAE."]},
    ),
    node(
        _load_lora,
        "LoraLoader",
        "Load LoRA (Model and CLIP)",
        "model/loaders",
        required={
            "model": spec("MODEL", tooltip="Diffusion model to adapt."),
            "clip": spec("CLIP", tooltip="Text encoder to adapt."),
            "lora_name": spec(LORAS, tooltip="LoRA file."),
            "strength_model": spec(
                "FLOAT",
                **_STRENGTH,
                tooltip="Strength on the diffusion model; can be negative.",
            ),
            "strength_clip": spec(
                "FLOAT", **_STRENGTH, tooltip="Strength on the text encoder; can be negative."
            ),
        },
        outputs=["MODEL", "CLIP"],
        description="Adapts a model, for example to a style. Several LoRAs can be chained.",
        extra={
            "output_tooltips": ["The adapted model.", "The adapted text encoder."],
            "essentials_category": "Image Generation",
        },
    ),
    # Not a real node: none of ComfyUI's own has repeatable rows yet (docs/comfyui.md#50).
    v3_node(
        _load_loras,
        "LoraRows",
        "Load LoRAs",
        "model/loaders",
        module="nodes_lora_rows",
        required={
            "model": spec("MODEL", tooltip="Diffusion model to adapt."),
            "clip": spec("CLIP", tooltip="Text encoder to adapt."),
            "loras": spec(
                "COMFY_DYNAMICGROUP_V3",
                group_name="LoRA",
                min=0,
                max=_MOST_ROWS,
                template={
                    "required": {
                        "on": ["BOOLEAN", {"default": True}],
                        "lora_name": ["COMBO", {"options": LORAS}],
                        "strength": ["FLOAT", _STRENGTH],
                    }
                },
            ),
        },
        outputs=["MODEL", "CLIP"],
        description="Adapts a model with any number of LoRAs.",
    ),
    node(
        _encode_text,
        "CLIPTextEncode",
        "CLIP Text Encode (Prompt)",
        "model/conditioning",
        required={
            "text": spec(
                "STRING", multiline=True, dynamicPrompts=True, tooltip="Describe the image."
            ),
            "clip": spec("CLIP", tooltip="Text encoder to use."),
        },
        outputs=["CONDITIONING"],
        description="Encodes a text for the diffusion model.",
        extra={"output_tooltips": ["The encoded text."]},
    ),
]
