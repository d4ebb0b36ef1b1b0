"""Model folders of ComfyUI's own loaders, which `/object_info` doesn't name. Read from the sources
of ComfyUI 0.33.0 (`nodes.py`, `comfy_extras`)."""

from __future__ import annotations

from types import MappingProxyType

# By class; a loader with files in several folders has a row per input.
_BY_CLASS = MappingProxyType(
    {
        "AudioEncoderLoader": "audio_encoders",
        "CLIPLoader": "text_encoders",
        "CLIPVisionLoader": "clip_vision",
        "CheckpointLoader": "checkpoints",
        "CheckpointLoaderSimple": "checkpoints",
        "ControlNetLoader": "controlnet",
        "CreateHookLora": "loras",
        "CreateHookLoraModelOnly": "loras",
        "CreateHookModelAsLora": "checkpoints",
        "CreateHookModelAsLoraModelOnly": "checkpoints",
        "DiffControlNetLoader": "controlnet",
        "DualCLIPLoader": "text_encoders",
        "FrameInterpolationModelLoader": "frame_interpolation",
        "GLIGENLoader": "gligen",
        "HypernetworkLoader": "hypernetworks",
        "ImageOnlyCheckpointLoader": "checkpoints",
        "LTXVAudioVAELoader": "checkpoints",
        "LatentUpscaleModelLoader": "latent_upscale_models",
        "LoadBackgroundRemovalModel": "background_removal",
        "LoraLoader": "loras",
        "LoraLoaderBypass": "loras",
        "LoraLoaderBypassModelOnly": "loras",
        "LoraLoaderModelOnly": "loras",
        "ModelPatchLoader": "model_patches",
        "PhotoMakerLoader": "photomaker",
        "QuadrupleCLIPLoader": "text_encoders",
        "StyleModelLoader": "style_models",
        "TripleCLIPLoader": "text_encoders",
        "UNETLoader": "diffusion_models",
        "UpscaleModelLoader": "upscale_models",
        "VAELoader": "vae",
        "unCLIPCheckpointLoader": "checkpoints",
    }
)
_BY_INPUT = MappingProxyType(
    {
        ("LTXAVTextEncoderLoader", "ckpt_name"): "checkpoints",
        ("LTXAVTextEncoderLoader", "text_encoder"): "text_encoders",
    }
)


def folder_of_loader(class_type: str, input_name: str) -> str:
    """Return the model folder that a loader's input lists, "" if unknown."""
    return _BY_INPUT.get((class_type, input_name)) or _BY_CLASS.get(class_type, "")
