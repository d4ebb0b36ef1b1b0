"""The oldest and the newest Gradio that the package allows, from the package index."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.support.environments import ROOT, environment_at

LONGEST = 1800  # seconds
ENDPOINTS = ROOT.glob("comfyforms/plugins/*/tests/test_endpoints.py")
TESTS = ("tests/ui/gradio", *(str(path.relative_to(ROOT)) for path in ENDPOINTS))


def allowed() -> SpecifierSet:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = map(Requirement, project["dependencies"])
    return next(one.specifier for one in needed if one.name == "gradio")


def done(*command: str | Path) -> str:
    """Run a command in the checkout and return its output."""
    ended = subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-5000:]
    return ended.stdout


@pytest.mark.parametrize("age", ["oldest", "newest"])
def test_the_app_works_with_gradio(age: str, tmp_path: Path) -> None:
    """The tests of Gradio's undocumented parts and of its clients pass. Other packages are this
    environment's."""
    oldest = next(one.version for one in allowed() if one.operator == ">=")
    wanted = f"gradio=={oldest}" if age == "oldest" else f"gradio{allowed()}"
    python = environment_at(tmp_path) / "python"
    pip = (python, "-m", "pip", "install", "-q", "--ignore-installed", "--no-deps")
    done(*pip, wanted)
    asked = "import importlib.metadata as m; print(*m.requires('gradio'), sep='\\n')"
    needed = map(Requirement, done(python, "-c", asked).splitlines())
    client = next(one for one in needed if one.name == "gradio-client")
    done(*pip, f"gradio-client{client.specifier}")
    own = f"--basetemp={tmp_path / 'temporary'}"
    done(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", own, *TESTS)
