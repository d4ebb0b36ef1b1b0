"""Runs on a ComfyUI server older than 0.3.45, and on a server whose answer to the prompt gets
lost."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import Origin
from tests.support.cluster.registry_kinds import new_registry

PROMPT = {"9": {"class_type": "SaveImage", "inputs": {}, "_meta": {"title": "Save"}}}
OUTPUT = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}


class OldServer:
    """Server that executes a prompt during its POST and sends all events before the answer. It
    sends no `execution_success`."""

    def __init__(self, *, own_ids: bool, answers: bool = True) -> None:
        self.posts = 0
        self._own_ids = own_ids
        self._answers = answers
        self._sockets: dict[str, WebSocket] = {}
        self._history: dict[str, Any] = {}
        self.app = Starlette(
            routes=[
                Route("/prompt", self.prompt, methods=["POST"]),
                Route("/history/{id}", self.history),
                Route("/queue", lambda _: JSONResponse({"queue_running": [], "queue_pending": []})),
                WebSocketRoute("/ws", self.ws),
            ]
        )

    async def ws(self, websocket: WebSocket) -> None:
        await websocket.accept()
        client_id = websocket.query_params["clientId"]
        self._sockets[client_id] = websocket
        status = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}
        await websocket.send_json({"type": "status", "data": status})
        try:
            while True:
                await websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            del self._sockets[client_id]

    async def prompt(self, request: Request) -> Response:
        self.posts += 1
        body = await request.json()
        prompt_id = str(uuid.uuid4()) if self._own_ids else body["prompt_id"]
        websocket = self._sockets[body["client_id"]]
        for name, data in (
            ("execution_start", {}),
            ("executing", {"node": "9"}),
            ("progress", {"value": 1, "max": 1, "node": "9"}),
            ("executed", {"node": "9", "output": OUTPUT}),
            ("executing", {"node": None}),
        ):
            await websocket.send_json({"type": name, "data": data | {"prompt_id": prompt_id}})
        self._history[prompt_id] = {"outputs": {"9": OUTPUT}, "status": None}
        if not self._answers:
            return StreamingResponse(self._half(), headers={"content-length": "1000"})
        await asyncio.sleep(0.1)
        return JSONResponse({"prompt_id": prompt_id, "number": 1, "node_errors": {}})

    async def _half(self) -> Any:
        yield json.dumps({"half": "of"})

    async def history(self, request: Request) -> Response:
        prompt_id = request.path_params["id"]
        found = self._history.get(prompt_id)
        return JSONResponse({prompt_id: found} if found else {})


@contextmanager
def serving(old: OldServer) -> Iterator[str]:
    """Run the server on a free port in its own thread, and yield its URL."""
    config = uvicorn.Config(old.app, lifespan="off", log_config=None, ws_ping_interval=None)
    server = uvicorn.Server(config)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_an_id_chosen_by_the_server_applies_from_the_first_event() -> None:
    """The server sends all events under its own id before its answer. The app accepts these events
    as soon as the answer names that id."""
    old = OldServer(own_ids=True)
    with serving(old) as url, Client(url) as client:
        runs = new_registry(ServerPool(client))
        run = runs.submit(Job(PROMPT, "old"), Origin("me"))
        *_, state = run.watch(10)
        runs.close()
    assert state.phase is Phase.DONE
    assert state.prompt_id != run.id
    assert [file.filename for file in state.files] == ["a.png"]
    assert state.started_at is not None


def test_a_follower_gets_events_from_before_the_id_was_known() -> None:
    """The follower gets all events in order, under the run's id in the app."""
    heard: list[str | bytes] = []
    old = OldServer(own_ids=True)
    with serving(old) as url, Client(url) as client:
        runs = new_registry(ServerPool(client))
        runs.follow(lambda _owner, _id, frame: heard.append(frame))
        run = runs.submit(Job(PROMPT, "old"), Origin("me"))
        *_, state = run.watch(10)
        runs.close()
    told = [json.loads(frame) for frame in heard]
    types = ["execution_start", "executing", "progress", "executed", "executing"]
    assert [one["type"] for one in told] == [*types, "execution_success"]
    assert {one["data"]["prompt_id"] for one in told} == {run.id} != {state.prompt_id}


def test_a_run_continues_if_the_answer_to_its_prompt_is_lost() -> None:
    """The answer to POST breaks off, but the server has the prompt. The run continues, and the app
    doesn't post it twice."""
    old = OldServer(own_ids=False, answers=False)
    with serving(old) as url, Client(url) as client:
        runs = new_registry(ServerPool(client))
        *_, state = runs.submit(Job(PROMPT, "old"), Origin("me")).watch(10)
        runs.close()
    assert state.phase is Phase.DONE
    assert state.files
    assert old.posts == 1
