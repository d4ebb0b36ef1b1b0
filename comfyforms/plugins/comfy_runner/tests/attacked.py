"""Requests of the routes, and the settings that turn them on, for the attacks."""

from __future__ import annotations

from pathlib import Path

from comfyforms.plugins.comfy_runner.settings import RunnerSettings
from tests.attacks.faces import naming
from tests.attacks.parts import AttackedPart

CONFIG = Path(__file__).with_name("config.toml")
PART = AttackedPart(
    refused={
        "GET /queue": 404,  # the config names no workflow
        **dict.fromkeys(("POST /update/text", "POST /update/image", "POST /generate/image"), 400),
    },
    settings=RunnerSettings(comfy_runner=CONFIG),
    answering=("/generate", "/update"),
    names={
        "a queue": naming("GET", "/queue?workflow=NAME"),
        "a text": naming("POST", "/update/text?workflow=NAME", {"node_id": 2, "text": "a"}),
        "a description": naming(
            "POST", "/generate/image?workflow=NAME", {"image_description": "a"}
        ),
    },
)
