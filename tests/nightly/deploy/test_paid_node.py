"""A custom node that uses the hidden inputs of paid nodes, in a real ComfyUI that the app runs it
on."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.app_process import START, free_port
from tests.support.environments import plain_environment
from tests.support.http_client import ANN
from tests.support.samples.paid import APP_KEY, OWN_KEY, shown_digest
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import call, problem

# ComfyUI imports the file itself, so the node is V1 code without an import of ComfyUI's types.
NODE = """
import hashlib

class PaidEcho:
    API_NODE = True
    OUTPUT_NODE = True
    RETURN_TYPES = ()
    FUNCTION = "run"
    CATEGORY = "api node"

    @classmethod
    def INPUT_TYPES(cls):
        hidden = {"key": "API_KEY_COMFY_ORG", "token": "AUTH_TOKEN_COMFY_ORG"}
        return {"required": {"text": ("STRING", {"default": ""})}, "hidden": hidden}

    def run(self, text, key=None, token=None):
        if not key:
            raise Exception("Unauthorized: Please login first to use this node.")
        if text == "poor":
            raise Exception("Payment Required: Please add credits to your account to use this node.")
        digest = hashlib.sha256(key.encode()).hexdigest()
        return {"ui": {"text": [f"{text} (key {digest}, token {token})"]}}

NODE_CLASS_MAPPINGS = {"PaidEcho": PaidEcho}
"""
# One of ComfyUI's own partner nodes, whose badge has a fixed price.
PARTNER = {"class_type": "FluxProUltraImageNode", "inputs": {"prompt": "a lighthouse"}}


@pytest.fixture(scope="module")
def comfyui(own_temporary_folder: Path) -> Iterator[str]:
    """Start a ComfyUI with the node, in a base folder of its own, and return its URL."""
    folder = os.environ.get("COMFYUI_DIR")
    if not folder:
        pytest.skip("needs COMFYUI_DIR, the folder of a ComfyUI that COMFYUI_COMMAND starts there")
    base, port = own_temporary_folder / "base", free_port()
    nodes = base / "custom_nodes"
    nodes.mkdir(parents=True)
    (nodes / "paid_echo.py").write_text(NODE, encoding="utf-8")
    command = shlex.split(os.environ.get("COMFYUI_COMMAND", "python main.py --cpu"))
    options = ["--port", str(port), "--base-directory", str(base), "--disable-auto-launch"]
    environment = {**plain_environment(), "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}
    url = f"http://127.0.0.1:{port}"
    with (
        (own_temporary_folder / "comfyui.log").open("w") as log,
        subprocess.Popen(
            [*command, *options], cwd=folder, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            eventually(lambda: _answers(url), "ComfyUI answers", START)
            yield url
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/system_stats", timeout=LONGEST_WAIT).ok
    return False


@pytest.fixture
def app(comfyui: str, tmp_path: Path) -> Iterator[RunningApp]:
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    graph = {"1": {"class_type": "PaidEcho", "inputs": {"text": "hello"}}}
    (workflows / "echo.json").write_text(json.dumps(graph), encoding="utf-8")
    partner = {
        "1": PARTNER,
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (workflows / "partner.json").write_text(json.dumps(partner), encoding="utf-8")
    with running_app(comfyui, workflows=workflows, app_key=APP_KEY, demo=False) as app:
        yield app


def text_of(app: RunningApp, text: str) -> dict[str, object]:
    body = {"values": {"1.text": text}, "confirm_paid": True}
    with call(app, "POST", "/workflows/echo/runs?wait=true", ANN, json=body) as answer:
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def test_the_node_gets_the_key_and_nothing_else_does(app: RunningApp, comfyui: str) -> None:
    """ComfyUI's lists have no key. A user's own key comes before the app's."""
    with call(app, "POST", "/workflows/echo/runs", ANN, json={}) as answer:
        assert "PaidEcho" in problem(answer, 402)["detail"]
    assert text_of(app, "one")["texts"] == [f"one (key {shown_digest(APP_KEY)}, token None)"]
    keys = app.services.starter.payment.keys
    assert keys is not None
    keys.put(f"browser:{ANN}", OWN_KEY)
    assert text_of(app, "two")["texts"] == [f"two (key {shown_digest(OWN_KEY)}, token None)"]
    for name in ("history", "queue"):
        with requests.get(f"{comfyui}/{name}", timeout=LONGEST_WAIT) as answer:
            assert APP_KEY not in answer.text
            assert OWN_KEY not in answer.text


def test_an_account_without_credits_is_named(app: RunningApp) -> None:
    """The node's error becomes a sentence for users."""
    assert "out of credits" in str(text_of(app, "poor")["headline"])


def test_partner_nodes_have_a_price(app: RunningApp) -> None:
    """ComfyUI's own nodes are recognized, and their price is computed."""
    with call(app, "GET", "/workflows/partner") as answer:
        (price,) = answer.json()["paid"]
        assert "$0.06" in price
