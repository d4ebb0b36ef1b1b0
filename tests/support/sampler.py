"""A minimal prompt: a small image from a text, with the stand-in's own model."""

from __future__ import annotations

import random
from typing import Any

from comfy.prompt.model import Prompt
from comfy.records.record import Job

LONG = 10_000  # steps that no test waits for


def prompt(seed: int, steps: int = 4, **sampler: Any) -> Prompt:
    """Return the prompt. Node 4 is the sampler, whose inputs `sampler` overrides. Node 6 outputs
    the image."""
    inputs = {
        "seed": seed,
        "steps": steps,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
        "model": ["1", 0],
        "positive": ["2", 0],
        "negative": ["2", 0],
        "latent_image": ["3", 0],
    }
    checkpoint, size = "demo-landscapes.safetensors", {"width": 64, "height": 64, "batch_size": 1}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["1", 1]}},
        "3": {"class_type": "EmptyLatentImage", "inputs": size},
        "4": {"class_type": "KSampler", "inputs": inputs | sampler},
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "run"}},
    }


def job(steps: int = 4, *, seed: int | None = None, **sampler: Any) -> Job:
    """Return a job with a random seed, because the server caches the results of earlier prompts."""
    return Job(prompt(random.getrandbits(48) if seed is None else seed, steps, **sampler), "test")
