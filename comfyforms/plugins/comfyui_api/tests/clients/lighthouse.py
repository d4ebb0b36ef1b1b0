"""Script for ComfyScript, which changes asyncio for its whole process. Prints the sizes of the
results."""

from __future__ import annotations

import sys

from comfy_script.runtime import Workflow, load

load(sys.argv[1])

from comfy_script.runtime.nodes import (  # noqa: E402 - made from the server's nodes
    CheckpointLoaderSimple,
    CLIPTextEncode,
    EmptyLatentImage,
    KSampler,
    SaveImage,
    VAEDecode,
)

with Workflow(wait=True):
    model, clip, vae = CheckpointLoaderSimple("demo-landscapes.safetensors")
    texts = CLIPTextEncode("a lighthouse", clip), CLIPTextEncode("", clip)
    latent = KSampler(model, 11, 4, 7, "euler", "normal", *texts, EmptyLatentImage(256, 256, 1), 1)
    images = SaveImage(VAEDecode(latent, vae), "ComfyScript")
print("sizes", [image.size for image in images.wait()])
