"""The compose file starts the newest ComfyUI that was tested."""

from __future__ import annotations

import re
from pathlib import Path

from comfy.demo.server.routes import VERSION

COMPOSE = Path(__file__).parents[2] / "docs" / "deploy" / "compose.yaml"


def test_the_compose_file_starts_the_stand_ins_version() -> None:
    """The stand-in is held against a real server of that version."""
    assert re.findall(r"--branch v([\d.]+) ", COMPOSE.read_text()) == [VERSION]
