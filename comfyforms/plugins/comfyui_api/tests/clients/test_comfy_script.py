"""ComfyScript from PyPI, unmodified: its remote mode makes Python functions of the app's nodes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from comfyforms.plugins.comfyui_api.tests.clients.conftest import Team
from tests.support.environments import plain_environment
from tests.support.waiting import IMPORTING


def test_it_runs_a_script_on_the_apps_nodes(team: Team, tmp_path: Path) -> None:
    script = Path(__file__).with_name("lighthouse.py")
    program = subprocess.run(
        [sys.executable, script, team.address(team.ann)],
        cwd=tmp_path,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=IMPORTING,
    )
    assert "sizes [(256, 256)]" in program.stdout, program.stdout + program.stderr
