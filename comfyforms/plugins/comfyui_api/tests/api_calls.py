"""Calls of ComfyUI's own API at the app."""

from __future__ import annotations

import json
from typing import Any

import requests
import websocket

from tests.support.http_client import ANN, cookie_of
from tests.support.samples.shipped import prompt
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually

Json = dict[str, Any]


def call(
    app: RunningApp, method: str, path: str, body: object = None, cookie: str = ANN
) -> requests.Response:
    with requests.request(
        method, app.url + path, json=body, cookies=cookie_of(cookie), timeout=LONGEST_WAIT
    ) as answer:
        assert answer.content is not None
        return answer


def told(app: RunningApp, path: str, cookie: str = ANN) -> Json:
    """Return the JSON at a path."""
    answer = call(app, "GET", path, cookie=cookie)
    assert answer.status_code == 200, answer.text
    content: Json = answer.json()
    return content


def send(
    app: RunningApp, cookie: str = ANN, /, nodes: Json | None = None, path: str = "", **more: object
) -> str:
    """Send a prompt and return its id."""
    answer = call(app, "POST", f"{path}/prompt", {"prompt": nodes or prompt(), **more}, cookie)
    assert answer.status_code == 200, answer.text
    content: Json = answer.json()
    assert content.keys() == {"prompt_id", "number", "node_errors"}
    return str(content["prompt_id"])


def refused(app: RunningApp, status: int = 400, cookie: str = ANN, **body: object) -> Json:
    """Return the refusal of a prompt, which has ComfyUI's format."""
    answer = call(app, "POST", "/prompt", body, cookie)
    assert answer.status_code == status, answer.text
    content: Json = answer.json()
    assert content.keys() == {"error", "node_errors"}
    assert content["error"].keys() == {"type", "message", "details", "extra_info"}
    return content


def ended(app: RunningApp, prompt_id: str, cookie: str = ANN) -> Json:
    """Wait for a prompt's end and return its history entry."""
    path = f"/history/{prompt_id}"
    eventually(lambda: told(app, path, cookie))
    entry: Json = told(app, path, cookie)[prompt_id]
    return entry


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
    """Return the messages' types."""
    return ["preview" if isinstance(one, bytes) else str(one["type"]) for one in got]


def of_kind(got: list[Json | bytes], kind: str) -> list[Json]:
    """Return the data of the messages of a type."""
    return [one["data"] for one in got if isinstance(one, dict) and one["type"] == kind]
