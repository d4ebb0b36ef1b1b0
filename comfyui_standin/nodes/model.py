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
)

_BROKEN = "demo-broken.safetensors"
_MOST_ROWS = 6


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


def _load_lora_of_model(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Apply a LoRA to the model alone."""
    run.wait(run.speed.load / 4)
    model: Model = inputs["model"]
    return NodeResult((model.with_lora(inputs["lora_name"], inputs["strength_model"]),))


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
    node("CheckpointLoaderSimple", _load_checkpoint),
    node("LoraLoader", _load_lora),
    node("LoraLoaderModelOnly", _load_lora_of_model),
    # Not a real node: none of ComfyUI's own has repeatable rows yet (docs/comfyui.md#50).
    node("LoraRows", _load_loras),
    node("CLIPTextEncode", _encode_text),
]
