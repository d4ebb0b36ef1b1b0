"""Scripts use the client of the installed package."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.nightly.deploy.conftest import home, installed, wheel
from tests.support.environments import plain_environment
from tests.support.waiting import LONGEST_WAIT

__all__ = ["home", "installed", "wheel"]


def test_scripts_import_the_client_from_the_package(installed: Path, home: Path) -> None:
    """The import works without the checkout, in whichever folder the script lies."""
    script = "from comfyforms import ApiError, RemoteApp; print(RemoteApp('http://127.0.0.1:1'))"
    said = subprocess.run(
        [installed / "python", "-c", script],
        cwd=home,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_WAIT,
    )
    assert said.returncode == 0, said.stderr
    assert "RemoteApp" in said.stdout


def test_scripts_that_import_the_client_are_checked_by_its_types(
    installed: Path, tmp_path: Path
) -> None:
    """With only the wheel installed, mypy knows the type of a run and finds a wrong call."""
    (tmp_path / "script.py").write_text(
        "from comfyforms import RemoteApp\n"
        "run = RemoteApp('http://127.0.0.1:1').run('text-to-image')\n"
        "reveal_type(run.result().files[0].image())\n"
        "run.wiat()\n",
        encoding="utf-8",
    )
    said = subprocess.run(
        [installed / "python", "-m", "mypy", "--strict", "--no-incremental", "script.py"],
        cwd=tmp_path,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * LONGEST_WAIT,
    )
    told = said.stdout.splitlines()
    assert told[0] == 'script.py:3: note: Revealed type is "PIL.Image.Image"', said
    assert told[1].startswith('script.py:4: error: "RemoteRun" has no attribute "wiat"')
    assert told[2] == "Found 1 error in 1 file (checked 1 source file)"
