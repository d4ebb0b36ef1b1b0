"""ComfyUI's own API: its clients send prompts to the app and follow them there."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from tests.support.http_client import ANN, connected, cookie_of
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT

Json = dict[str, Any]


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def prompt(**inputs: object) -> Json:
    """Return the prompt of a shipped workflow with these values (`n5_steps=4`)."""
    nodes: Json = json.loads((WORKFLOWS / "text-to-image.json").read_text(encoding="utf-8"))
    nodes["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    for key, value in inputs.items():
        node, _, name = key.removeprefix("n").partition("_")
        nodes[node]["inputs"][name] = value
    return nodes


def call(
    app: RunningApp, method: str, path: str, body: object = None, cookie: str = ANN
) -> requests.Response:
    return requests.request(
        method, app.url + path, json=body, cookies=cookie_of(cookie), timeout=LONGEST_WAIT
    )


def send(app: RunningApp, cookie: str = ANN, /, nodes: Json | None = None, **more: object) -> str:
    """Send a prompt and return its id."""
    answer = call(app, "POST", "/prompt", {"prompt": nodes or prompt(), **more}, cookie)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    assert told.keys() == {"prompt_id", "number", "node_errors"}
    return str(told["prompt_id"])


def until_over(socket: websocket.WebSocket, prompt_id: str) -> list[Json | bytes]:
    """Receive messages as ComfyUI's example does, until the prompt is over."""
    got: list[Json | bytes] = []
    while True:
        message = socket.recv()
        got.append(json.loads(message) if isinstance(message, str) else message)
        match got[-1]:
            case {"type": "executing", "data": {"node": None, "prompt_id": one}}:
                if one == prompt_id:
                    return got


def kinds(got: list[Json | bytes]) -> list[str]:
    return ["preview" if isinstance(one, bytes) else str(one["type"]) for one in got]


def test_the_example_client_of_comfyui_gets_its_images(served: Served) -> None:
    """A client sends a prompt, waits for its end on the socket, and finds the results in the
    history and with `/view`."""
    _, app = served
    client_id = str(uuid.uuid4())
    with connected(app, f"/ws?clientId={client_id}") as socket:
        prompt_id = send(app, client_id=client_id)
        got = until_over(socket, prompt_id)
        entry = call(app, "GET", f"/history/{prompt_id}").json()[prompt_id]
    print(kinds(got), entry)
    assert entry["status"]["completed"]
