"""Checks of the pages about REST: their commands and programs run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from comfy.webhooks.address import new_secret
from comfy.webhooks.waiting import WebhookSettings
from comfyui_standin import DemoServer
from tests.docs.test_api_page import ROOT
from tests.docs.test_readme import serving
from tests.support.app_process import free_port
from tests.support.programs import needs
from tests.support.serving import running_demo_app
from tests.support.waiting import IMPORTING, LONGEST_WAIT, run_python

TEXT = "".join(
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("api", "api_events", "api_errors")
)
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.S)
WRITTEN = "http://127.0.0.1:7860"


def code(language: str) -> list[str]:
    return [block for kind, block in BLOCKS if kind == language]


def done(command: list[str], folder: Path, environment: Mapping[str, str] = os.environ) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=IMPORTING,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def printed(block: str, capsys: pytest.CaptureFixture[str]) -> str:
    run_python(block)
    return capsys.readouterr().out


def test_the_examples_of_the_page_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pages' commands run in order in a single folder, and their programs run too."""
    needs("curl", "jq")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = new_secret()
    allowed = WebhookSettings(frozenset({f"127.0.0.1:{port}"}), secret)
    with running_demo_app(step_seconds=0, webhooks=allowed) as (_, app):
        first, form, cookie, key, paid = (
            done(["bash", "-ec", block.replace(WRITTEN, app.url)], tmp_path) for block in code("sh")
        )
        assert (tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")
        assert first == ""
        assert form.startswith("done\nImage-to-image")
        assert re.fullmatch(r"[0-9a-f-]{36}\n", paid)
        assert re.fullmatch(r"[0-9a-f-]{36}\n", key)
        assert cookie == "done\n"
        blocks = (
            written.replace(WRITTEN, app.url).replace("9000", str(port))
            for written in code("python")
        )
        monkeypatch.setenv("WEBHOOK_SECRET", secret)
        monkeypatch.chdir(tmp_path)
        plain, batch, webhook = (printed(block, capsys) for block in blocks)
        assert webhook == "run.ended done\n"
        assert re.search(r"^done .*\.png$", plain, re.M)
        assert batch.endswith("done 3 of 3\n")
        told = json.loads(code("json")[0])
        address = f"{app.url}/api/v1/workflows/text-to-image/runs"
        values = {"values": {"5.steps": 0}}
        assert requests.post(address, json=values, timeout=LONGEST_WAIT).json() == told


def test_its_webhook_receiver_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option allows the receiver, and the data folder has the secret."""
    (receiver,) = (block for block in code("python") if "WEBHOOK_SECRET" in block)
    port = str(free_port())
    options = ("--webhook-hosts", f"127.0.0.1:{port}", "--data", str(tmp_path))
    with DemoServer(step_seconds=0) as demo, serving("--server", demo.url, *options) as app:
        secret = (tmp_path / "webhook_secret").read_text().strip()
        monkeypatch.setenv("WEBHOOK_SECRET", secret)
        there = receiver.replace(WRITTEN, app.url).replace("9000", port)
        assert printed(there, capsys) == "run.ended done\n"
