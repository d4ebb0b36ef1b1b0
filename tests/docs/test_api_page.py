"""What docs/api.md says is so: its commands and its program run, its addresses are those that there
are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import which

import pytest
import requests

from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.api import problems

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.S)
CLIENT = ROOT / "tests" / "script" / "node_modules" / "@gradio"
WRITTEN = "http://127.0.0.1:7860"


def code(language: str) -> list[str]:
    return [block for kind, block in BLOCKS if kind == language]


def done(command: list[str], folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    """What a program prints, which ends well."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * LONGEST_WAIT,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(not (which("curl") and which("jq")), reason="needs curl and jq")
def test_what_is_written_there_works(tmp_path: Path) -> None:
    """Each command of the page, one after the other in one folder, and its program."""
    with running_demo_app(step_seconds=0) as (_, app):
        first, form, key, cookie = (
            done(["bash", "-ec", block.replace(WRITTEN, app.url)], tmp_path) for block in code("sh")
        )
        assert (tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")
        assert first == ""
        assert form.startswith("done\nImage-to-image")
        assert re.fullmatch(r"[0-9a-f-]{36}\n", key)
        assert cookie == "done\n"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        plain, remote, tools, relay = (
            done([sys.executable, "-c", block.replace(WRITTEN, app.url)], tmp_path, environment)
            for block in code("python")
        )
        assert re.search(r"^done .*\.png$", plain, re.M)
        assert "done (" in remote
        assert re.search(r"^execution_success\n(.+\n)*executing\ndone$", relay, re.M)
        assert tools.endswith("['image', 'text']\n")
        told = json.loads(code("json")[0])
        address = f"{app.url}/api/v1/workflows/text-to-image/runs"
        values = {"values": {"5.steps": 0}}
        assert requests.post(address, json=values, timeout=LONGEST_WAIT).json() == told


@pytest.mark.skipif(
    not (which("node") and (CLIENT / "client").is_dir()),
    reason="needs node, and: npm install --prefix tests/script --no-package-lock",
)
def test_its_script_for_node_works() -> None:
    """It runs to the end and names the file."""
    (script,) = code("js")
    with running_demo_app(step_seconds=0) as (_, app):
        told = done(
            ["node", "--input-type=module", "-e", script.replace(WRITTEN, app.url)],
            CLIENT.parents[1],
        )
    assert re.search(r"^done \d+ \[[^]]*\.png", told, re.M), told


def test_the_page_has_every_address() -> None:
    """No address of the API is missing there, and none is told that is not."""
    with running_demo_app(step_seconds=0) as (_, app):
        paths = requests.get(f"{app.url}/api/v1/openapi.json", timeout=LONGEST_WAIT).json()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    short = {
        (method, path.replace("run_id", "id").replace("batch_id", "id").replace("chain_id", "id"))
        for method, path in there
    }
    assert (
        set(re.findall(r"`(GET|POST|DELETE) (/[^`]+)`", PAGE))
        - {("GET", "/workflows/text-to-image")}
        == short
    )


@pytest.mark.parametrize("kind", [kind for _, kind in problems._KINDS], ids=lambda kind: kind.name)
def test_the_page_has_every_kind_of_problem(kind: problems.Kind) -> None:
    """With its status."""
    (row,) = [
        line for line in PAGE.splitlines() if line.startswith("|") and f"`{kind.name}`" in line
    ]
    assert str(kind.status) in row
