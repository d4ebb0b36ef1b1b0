"""The stand-in as a package for other projects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.environments import ROOT
from tests.support.waiting import LONGEST_WAIT

PACKAGE = ROOT / "comfyui_standin"


def test_an_installed_stand_in_brings_its_command_and_fixture(tmp_path: Path) -> None:
    """The README's test passes and its command serves where only the built wheel is installed."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=PACKAGE, check=True, capture_output=True, timeout=LONGEST_WAIT)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
    subprocess.run([*install, str(installed), str(wheel)], check=True, timeout=LONGEST_WAIT)
    (example,) = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.S)
    (tmp_path / "test_example.py").write_text(example)

    env = os.environ | {"PYTHONPATH": str(installed)}
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT,
    )

    assert "1 passed" in told.stdout, told.stdout + told.stderr
    command = [installed / "bin" / "comfyui-standin", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            assert b" at http://127.0.0.1:" in server.stdout.readline()
        finally:
            server.terminate()
    assert server.returncode == 0
