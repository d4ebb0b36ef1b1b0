"""Containers start the newest ComfyUI that was tested."""

from __future__ import annotations

import re
from pathlib import Path

from comfy.demo.server.routes import VERSION

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


def test_containers_start_the_stand_ins_version() -> None:
    """The stand-in is held against a real server of that version."""
    for name in ("compose.yaml", "Dockerfile.comfyui"):
        assert re.findall(r"--branch v([\d.]+) ", (DEPLOY / name).read_text()) == [VERSION]
