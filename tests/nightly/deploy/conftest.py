"""Fixtures that build the wheel once and install it out of reach of the checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import ROOT, environment_at


def pip(*arguments: str | Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, ROOT)
    (built,) = folder.glob("comfyforms-*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a new environment and return its folder of programs."""
    programs = environment_at(tmp_path_factory.mktemp("installed"))
    pip("--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    return programs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Create an empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
