"""Requests of ComfyUI's clients, for the attacks."""

from __future__ import annotations

from typing import Any

import requests
import websocket
from hypothesis import strategies as st

from comfyforms.plugins.comfyui_api.relay import is_preview
from tests.attacks.parts import AttackedPart
from tests.attacks.texts import PROMPT
from tests.support.samples.hostile import JSON
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

ROOTS = ("", "/api")
ENDING = ("history", "interrupt", "queue")  # requests that may end runs


def names_of(app: RunningApp, cookie: str, run: str) -> dict[str, str]:
    """Return a run's id and the name of its file, as ComfyUI's clients get them."""
    address, headers = f"{app.url}/history/{run}", {"Cookie": cookie}
    told = requests.get(address, headers=headers, timeout=LONGEST_WAIT).json()
    (output,) = told[run]["outputs"].values()
    return {"prompt_id": run, "filename": str(output["images"][0]["filename"])}


def bodies(ids: st.SearchStrategy[Any], _: object) -> st.SearchStrategy[Any]:
    texts = st.builds(
        lambda bent: {"class_type": "PrimitiveString", "inputs": {"value": bent}}, JSON
    )
    nodes = st.builds(lambda node: {**PROMPT, "1": node}, texts | JSON)
    prompt = st.fixed_dictionaries(
        {"prompt": nodes | JSON},
        optional=dict.fromkeys(
            ("client_id", "extra_data", "front", "number", "partial_execution_targets"), JSON
        )
        | {"prompt_id": ids},
    )
    change = st.fixed_dictionaries(
        {}, optional={"clear": JSON, "delete": st.lists(ids) | JSON, "prompt_id": ids}
    )
    return prompt | change


def previews_seen(url: str, cookie: str, steps: int) -> int:
    """Count the previews that `/ws` sends."""
    address, headers = f"{url}/api/v1/workflows/text-to-image/runs", {"Cookie": cookie}
    body = {"values": {"5.steps": steps}}
    run = requests.post(address, json=body, headers=headers, timeout=LONGEST_WAIT).json()["id"]
    address = f"{url.replace('http', 'ws')}/ws?run={run}"
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=cookie)
    previews = 0
    try:
        while True:
            kind, data = socket.recv_data()
            if kind == websocket.ABNF.OPCODE_CLOSE:
                return previews
            previews += kind == websocket.ABNF.OPCODE_BINARY and is_preview(data)
    finally:
        socket.shutdown()


NAMING = ("/api/jobs/cancel", *(f"{root}/{path}" for root in ROOTS for path in ENDING))


def naming(run: str) -> dict[str, object]:
    """Return a body that names a run in each way of these requests."""
    return {"delete": [run], "job_ids": [run], "prompt_id": run}


PART = AttackedPart(
    names_of,
    sockets=("/ws?run={}",),
    refused={
        **dict.fromkeys((f"GET {root}/models/{{folder}}" for root in ROOTS), 404),
        **dict.fromkeys(
            (
                f"POST {root}/{path}"
                for root in ROOTS
                for path in ("prompt", "upload/image", "upload/mask")
            ),
            400,
        ),
    },
    answering=(
        *("/api/", "/embeddings", "/features", "/history", "/interrupt", "/models"),
        *("/object_info", "/prompt", "/queue", "/system_stats", "/upload/", "/view"),
    ),
    bodies=bodies,
    naming=dict.fromkeys(NAMING, naming),
    queries={f"{root}/view": "?filename={filename}&subfolder={run_id}" for root in ROOTS},
    steps_seen=previews_seen,
)
