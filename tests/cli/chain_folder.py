"""A folder with a chain for the tests of `python -m comfy chain`."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from comfyui_standin import DemoServer
from tests.cli.commands import images
from tests.support.sampler import prompt

SCALE = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {
        "class_type": "ImageScaleBy",
        "inputs": {"image": ["1", 0], "upscale_method": "nearest-exact", "scale_by": 2.0},
    },
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "scaled"}},
}
MOVING = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "3": {"class_type": "ImageBatch", "inputs": {"image1": ["1", 0], "image2": ["2", 0]}},
    "4": {
        "class_type": "SaveAnimatedWEBP",
        "inputs": {
            "images": ["3", 0],
            "filename_prefix": "moving",
            "fps": 2.0,
            "lossless": True,
            "quality": 80,
            "method": "default",
        },
    },
}
SLOW = prompt(5, 250) | {
    "3": {"class_type": "VAEEncode", "inputs": {"pixels": ["7", 0], "vae": ["1", 2]}},
    "7": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
}
WORDS = {
    "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a heron"}},
    "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
}
THREE = """
title = "Small to large"
[[steps]]
name = "base"
workflow = "small"
[[steps]]
name = "double"
workflow = "scale.json"
optional = true
inputs = { Image = "base" }
[[steps]]
name = "half"
workflow = "scale"
values = { "2.scale_by" = 0.5 }
inputs = { Image = "double" }
"""


class Folder:
    """Folder with a chain, its workflows and its output."""

    def __init__(self, path: Path, demo: DemoServer) -> None:
        self.path, self.demo, self.out = path, demo, path / "out"
        workflows = {"small": prompt(5, 2), "scale": SCALE, "words": WORDS, "slow": SLOW}
        workflows["moving"] = MOVING
        for name, workflow in workflows.items():
            (path / f"{name}.json").write_text(json.dumps(workflow))

    def words(self, chain: str, *more: str) -> list[str]:
        """Write this chain to its file, and return the arguments after `python -m comfy`."""
        file = self.path / "small-to-large.chain.toml"
        file.write_text(chain, encoding="utf-8")
        return ["chain", str(file), "--server", self.demo.url, "--out", str(self.out), *more]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return the sizes of the saved images, by the beginnings of their names."""
        return {
            name.rpartition("-")[0]: Image.open(self.out / name).size for name in images(self.out)
        }
