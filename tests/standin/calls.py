"""Client for the stand-in: its requests and the events it reads."""

from __future__ import annotations

import contextlib
import io
import json
import uuid
from typing import Any

import requests
import websocket
from PIL import Image

from comfyui_standin import DemoServer
from tests.support.sampler import prompt
from tests.support.waiting import LONGEST_WAIT, eventually

PREVIEW = {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}}
PROMPT = prompt(1, steps=3) | {"6": PREVIEW}


def body_of(steps: int = 3, client: str = "me") -> dict[str, Any]:
    """Return a request body with a prompt that differs from all earlier prompts."""
    prompt = json.loads(json.dumps(PROMPT))
    prompt["4"]["inputs"] |= {"steps": steps, "seed": uuid.uuid4().int >> 80}
    return {"prompt": prompt, "client_id": client, "extra_data": {"preview_method": "auto"}}


def start(demo: DemoServer, steps: int = 3, client: str = "me") -> str:
    """Queue a prompt and return its id."""
    return str(
        requests.post(
            f"{demo.url}/prompt", json=body_of(steps, client), timeout=LONGEST_WAIT
        ).json()["prompt_id"]
    )


def frames(connection: websocket.WebSocket, until: str = '"node": null') -> list[str | bytes]:
    """Return all frames up to a text that contains `until`."""
    received: list[str | bytes] = []
    while not (received and isinstance(received[-1], str) and until in received[-1]):
        received.append(connection.recv())
    return received


def until_the_end(connection: websocket.WebSocket) -> tuple[list[int], int | None]:
    """Read until the connection ends. Return the kinds of frames, and the close frame's code if
    there was one."""
    opcodes: list[int] = []
    code = None
    with contextlib.suppress(OSError, websocket.WebSocketException):
        while True:
            opcode, data = connection.recv_data(control_frame=True)
            opcodes.append(opcode)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                code = int.from_bytes(data[:2], "big")
    return opcodes, code


def kinds(received: list[str | bytes]) -> list[str]:
    """Return the types of the text messages."""
    return [json.loads(one)["type"] for one in received if isinstance(one, str)]


def ran(demo: DemoServer, prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a prompt that succeeds, and return the outputs of its nodes."""
    entry = entry_of(demo, prompt, **more)
    assert entry["status"]["completed"], entry["status"]["messages"]
    return dict(entry["outputs"])


def entry_of(demo: DemoServer, prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a prompt, and return its entry in the history."""
    nodes = {key: {"class_type": one[0], "inputs": one[1]} for key, one in prompt.items()}
    answer = requests.post(
        f"{demo.url}/prompt", json={"prompt": nodes, **more}, timeout=LONGEST_WAIT
    )
    assert answer.status_code == 200, answer.text
    prompt_id = answer.json()["prompt_id"]
    eventually(lambda: demo.queue.history_of(prompt_id))
    return dict(demo.queue.history_of(prompt_id)[prompt_id])


def content(demo: DemoServer, file: dict[str, str]) -> bytes:
    """Return a file's bytes."""
    return requests.get(f"{demo.url}/view", params=file, timeout=LONGEST_WAIT).content


def picture(demo: DemoServer, file: dict[str, str]) -> Image.Image:
    return Image.open(io.BytesIO(content(demo, file)))
