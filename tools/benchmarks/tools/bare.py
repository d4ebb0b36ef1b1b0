"""A run by a bare script that uses only websocket-client and requests."""

from __future__ import annotations

import json
import time
import uuid

import requests
import websocket

from comfy.prompt.model import Prompt

TIMEOUT = 60


def run(server: str, prompt: Prompt) -> float:
    """Run a prompt with previews. Return the seconds until its result is known."""
    return timed(server, prompt)[1]


def timed(server: str, prompt: Prompt) -> tuple[float, float]:
    """Run a prompt with previews. Return the seconds until the first preview and the result."""
    started, first = time.perf_counter(), 0.0
    client_id, prompt_id = str(uuid.uuid4()), str(uuid.uuid4())
    stream = websocket.create_connection(
        f"ws{server.removeprefix('http')}/ws?clientId={client_id}", timeout=TIMEOUT
    )
    try:
        stream.send(
            json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
        )
        body = {
            "prompt": prompt,
            "client_id": client_id,
            "prompt_id": prompt_id,
            "extra_data": {"preview_method": "auto"},
        }
        requests.post(f"{server}/prompt", json=body, timeout=TIMEOUT).raise_for_status()
        while not _over(frame := stream.recv(), prompt_id):
            if isinstance(frame, bytes) and not first:
                first = time.perf_counter() - started
        history = requests.get(f"{server}/history/{prompt_id}", timeout=TIMEOUT).json()
        taken = time.perf_counter() - started
        assert history[prompt_id]["status"]["status_str"] == "success"
        return first, taken
    finally:
        stream.close()


def _over(frame: str | bytes, prompt_id: str) -> bool:
    if isinstance(frame, bytes):
        return False
    message = json.loads(frame)
    data = message["data"]
    return (
        message["type"] == "executing"
        and data["node"] is None
        and data.get("prompt_id") == prompt_id
    )
