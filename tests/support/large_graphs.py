"""Workflows of many nodes."""

from __future__ import annotations

import json
from pathlib import Path

from comfy.prompt.model import Prompt

_NODES = 6  # of one image


def large_prompt(nodes: int) -> Prompt:
    """Return a prompt of about this many nodes: a model, and images that are made of it, each with
    two texts, a size, a sampler and a result."""
    model = {"ckpt_name": "demo-landscapes.safetensors"}
    prompt: Prompt = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": model}}
    for number in range(max(1, nodes // _NODES)):
        positive, negative, size, sampler, decoder, saver = (
            str(10 * number + 10 + node) for node in range(_NODES)
        )
        sampled = {
            "model": ["1", 0],
            "positive": [positive, 0],
            "negative": [negative, 0],
            "latent_image": [size, 0],
        }
        settings = {"steps": 4, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal"}
        pixels = {"width": 512, "height": 512, "batch_size": 1}
        texts = ((positive, f"a lighthouse, number {number}"), (negative, "blurry"))
        for node, text in texts:
            inputs = {"clip": ["1", 1], "text": text}
            prompt[node] = {"class_type": "CLIPTextEncode", "inputs": inputs}
        prompt[size] = {"class_type": "EmptyLatentImage", "inputs": pixels}
        seeded = {"seed": number, "denoise": 1.0, **settings, **sampled}
        prompt[sampler] = {"class_type": "KSampler", "inputs": seeded}
        decoded = {"samples": [sampler, 0], "vae": ["1", 2]}
        prompt[decoder] = {"class_type": "VAEDecode", "inputs": decoded}
        saved = {"images": [decoder, 0], "filename_prefix": "large"}
        prompt[saver] = {"class_type": "SaveImage", "inputs": saved}
    return prompt


def write_large(folder: Path, *sizes: int) -> Path:
    """Write a workflow `large-N` for each number of nodes into the new folder; return the
    folder."""
    folder.mkdir()
    for nodes in sizes:
        text = json.dumps(large_prompt(nodes))
        (folder / f"large-{nodes}.json").write_text(text, encoding="utf-8")
    return folder
