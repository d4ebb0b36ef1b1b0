"""Open WebUI's ComfyUI engine, replayed from its source (backend/open_webui/utils/images/comfyui.py
of October 2026): its API key is a token of the app."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import requests
import websocket

from comfyforms.plugins.comfyui_api.tests.clients.conftest import Team
from comfyforms.plugins.comfyui_api.tests.clients.test_comfy_api_simplified import PNG, workflow
from comfyforms.plugins.comfyui_api.tests.files import copying
from tests.support.waiting import LONGEST_WAIT


def images(team: Team, nodes: dict[str, Any]) -> list[bytes]:
    """Send a prompt after the socket is open, wait, and download the images from the history."""
    key = f"Bearer {team.ann}"
    headers = {"User-Agent": "Mozilla/5.0", "Authorization": key}
    client = str(uuid.uuid4())
    socket = websocket.create_connection(
        f"{team.app.url.replace('http', 'ws')}/ws?clientId={client}",
        header={"Authorization": key},
        suppress_origin=True,
        timeout=LONGEST_WAIT,
    )
    try:
        body = {"prompt": nodes, "client_id": client}
        answer = requests.post(
            f"{team.app.url}/prompt", json=body, headers=headers, timeout=LONGEST_WAIT
        )
        answer.raise_for_status()
        prompt_id = answer.json()["prompt_id"]
        while True:
            kind, data = socket.recv_data()
            if kind != websocket.ABNF.OPCODE_TEXT:
                continue
            message = json.loads(data)
            if message["type"] == "executing" and message["data"]["node"] is None:
                assert message["data"]["prompt_id"] == prompt_id
                break
    finally:
        socket.shutdown()
    history = team.get(f"/history/{prompt_id}", team.ann)[prompt_id]
    files = [
        file
        for node, output in history["outputs"].items()
        if nodes[node]["class_type"] in ("SaveImage", "PreviewImage")
        for file in output["images"]
    ]
    answers = [
        requests.get(f"{team.app.url}/view", file, headers=headers, timeout=LONGEST_WAIT)
        for file in files
    ]
    return [answer.content for answer in answers]


def test_it_creates_images(team: Team) -> None:
    (content,) = images(team, dict(workflow(seed=21)))
    assert content.startswith(PNG)


def test_it_edits_an_image_under_the_name_in_the_answer(team: Team, image: Path) -> None:
    answer = requests.post(
        f"{team.app.url}/api/upload/image",
        {"type": "input"},
        files={"image": ("a.png", image.read_bytes(), "image/png")},
        headers={"Authorization": f"Bearer {team.ann}"},
        timeout=LONGEST_WAIT,
    )
    (content,) = images(team, copying(answer.json()["name"]))
    assert content.startswith(PNG)
