"""krita-ai-diffusion's connection and jobs, replayed from its source (ai_diffusion/backend/
comfy_client.py). The images of its own nodes go through routes of a node pack, which the app
doesn't have."""

from __future__ import annotations

import json
import uuid
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from comfyforms.plugins.comfyui_api.tests.clients.conftest import Team
from comfyforms.plugins.comfyui_api.tests.clients.test_comfy_api_simplified import workflow
from tests.support.waiting import LONGEST_WAIT


def socket(team: Team, client: str) -> ClientConnection:
    return connect(
        f"{team.app.url.replace('http', 'ws')}/ws?clientId={client}",
        additional_headers={"Authorization": f"Bearer {team.ann}"},
        max_size=2**30,
    )


def post(team: Team, path: str, data: dict[str, Any]) -> requests.Response:
    headers = {"Authorization": f"Bearer {team.ann}"}
    return requests.post(f"{team.app.url}/{path}", json=data, headers=headers, timeout=LONGEST_WAIT)


def test_it_connects_runs_and_cancels_jobs(team: Team) -> None:
    """It chooses the ids of its jobs, and follows all of them over one socket."""
    (device,) = team.get("/system_stats", team.ann)["devices"]
    assert device["type"]
    assert device["vram_total"] > 0
    client, first, second = (str(uuid.uuid4()) for _ in range(3))
    with socket(team, client):
        pass
    nodes = team.get("/object_info", team.ann)
    assert nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert post(team, "api/etn/workflow/subscribe", {"client_id": client}).status_code == 404
    with socket(team, client) as connection:
        assert json.loads(connection.recv())["type"] == "status"
        for job, steps in ((first, 3), (second, 5000)):
            data = {"prompt": workflow(steps, 51), "client_id": client, "prompt_id": job}
            assert post(team, "prompt", data).json()["prompt_id"] == job
        kinds: list[str] = []
        for message in connection:
            assert isinstance(message, str)  # an image would be a result
            told = json.loads(message)
            kinds.append(told["type"])
            if told["type"] == "executing" and told["data"].get("prompt_id") == second:
                break
        assert {"execution_start", "executing", "progress", "executed"} <= {*kinds}
        assert post(team, "queue", {"delete": [second]}).ok
        assert post(team, "interrupt", {}).ok
        for message in connection:
            told = json.loads(message)
            if told["type"] == "execution_interrupted":
                assert told["data"]["prompt_id"] == second
                break
