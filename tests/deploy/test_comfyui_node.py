"""The custom node: a workflow of ComfyUI's editor is a form of the app, which runs beside ComfyUI."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path

import pytest
import requests

from comfy.demo import DemoServer
from tests.deploy.conftest import ROOT, plain_environment
from tests.support.waiting import LONGEST_WAIT, eventually

NODE = ROOT / "comfyforms" / "comfyui_node"
GRAPH = json.loads((ROOT / "tests/data/graphs/lighthouse.app.json").read_text(encoding="utf-8"))
# As ComfyUI does it: the node's own folder is imported, nothing of the app is at hand.
PROGRAM = """
import json, pathlib, sys
from beside import FormsApp, NotStarted
forms = FormsApp(pathlib.Path(sys.argv[1]))
for line in sys.stdin:
    try:
        print(forms.open(sys.argv[2], **json.loads(line)), flush=True)
    except NotStarted as problem:
        print(problem, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the app is to keep its data."""
    return tmp_path / "user" / "comfyforms"


def node(python: Path, folder: Path, comfyui: str) -> subprocess.Popen[str]:
    """A program with the node in it."""
    return subprocess.Popen(
        [python, "-c", PROGRAM, folder, comfyui],
        cwd=NODE,
        env={**plain_environment(), "PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answers(url: str) -> bool:
    """Whether an app is there."""
    try:
        return requests.get(f"{url}/health", timeout=LONGEST_WAIT).ok
    except requests.ConnectionError:
        return False


def asked(program: subprocess.Popen[str], name: str) -> str:
    """What it says when this workflow is to be opened."""
    assert program.stdin
    assert program.stdout
    print(json.dumps({"name": name, "workflow": GRAPH}), file=program.stdin, flush=True)
    return program.stdout.readline().strip()


def test_a_workflow_of_the_editor_is_a_form(installed: Path, folder: Path) -> None:
    """The first press starts the app, for this ComfyUI; the next ones find it; whatever a workflow
    is called, it lies in the app's own folder; and the app ends with ComfyUI,
    however that ends."""
    with DemoServer() as demo, node(installed / "python", folder, demo.url) as program:
        first, other = asked(program, "A light/house"), asked(program, "../../out")
        app = first.partition("/?")[0]
        assert first == f"{app}/?workflow=ComfyUI/A%20light-house"
        assert other == f"{app}/?workflow=ComfyUI/------out"
        assert requests.get(first, timeout=LONGEST_WAIT).status_code == 200
        listed = requests.get(f"{app}/workflows", timeout=LONGEST_WAIT).json()
        assert {"ComfyUI/A light-house", "ComfyUI/------out", "text-to-image"} <= listed.keys()
        assert not listed["ComfyUI/A light-house"]["blocked"]
        assert demo.url in (folder / "log").read_text(encoding="utf-8")
        program.kill()
    eventually(lambda: not answers(app))
    kept = {file.name for file in (folder / "workflows" / "ComfyUI").iterdir()}
    assert kept == {"A light-house.json", "------out.json"}


def test_where_the_app_is_not_installed_that_is_said(folder: Path, tmp_path: Path) -> None:
    """With the command that mends it."""
    venv.create(tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    with node(python, folder, "http://127.0.0.1:8188") as program:
        assert asked(program, "any") == "ComfyForms is not installed: pip install comfyforms"
        assert program.stdin
        program.stdin.close()
