"""Runs on a server after ComfyUI 0.33.0: loops, names and previews of results, and messages that
aren't about a run. Also on a server older than 0.3.45, and on one whose answer gets lost."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.parse import parse_message
from comfy.comfyui.protocol.run_state import Phase, RunState, waiting
from comfy.comfyui.servers.pool import ServerPool
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.interface import Origin, RunRegistry
from comfy.runs.run_events import FrameRelay
from comfy.workflow.extract import find_workflow
from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.server.sockets import preview_frame
from tests.runs.kept_registry import kept_registry
from tests.runs.registry import LIMIT, end, registry
from tests.support.registries import new_registry
from tests.support.sampler import job, prompt
from tests.support.samples.models import save_model, tetrahedron
from ui.web.urls import file_address, thumbnail_address

MESSAGES: list[tuple[str, Any]] = [
    ("agent_status", {"state": "busy", "prompt_id": "someone-elses"}),
    ("agent_status", ["not", "an", "object"]),
    ("asset_download", {"task_id": "t", "progress": 0.5, "status": "running", "node": "4"}),
    ("asset_download", {"task_id": "t", "status": "failed", "error": "no room"}),
    ("asset_export", {"task_id": "t", "status": "completed"}),
    ("assets.seed.progress", {"scanned": 7}),
    ("notification", {"value": "Allocating a machine"}),
    ("a_type_of_next_year", {"prompt_id": None, "node": None}),
    ("a_type_of_next_year", None),
]


@pytest.fixture
def newer() -> Iterator[DemoServer]:
    nodes = {**NODES, "SaveModel": save_model(tetrahedron())}
    with DemoServer(step_seconds=0.01, nodes=nodes, newer=True) as server:
        yield server


@pytest.fixture
def runs(newer: DemoServer) -> Iterator[RunRegistry]:
    with registry(newer) as one:
        yield one


def looped(rounds: int = 3, **start: Any) -> Prompt:
    """Return a prompt that samples and saves one image per iteration."""
    mode: dict[str, Any] = {"mode": "simple", "mode.num_iterations": rounds} | start
    nodes = prompt(0, steps=3)
    nodes["4"]["inputs"]["seed"] = ["7", 0]
    nodes["2"]["inputs"]["text"] = f"a lighthouse {random.getrandbits(40)}"
    nodes["7"] = {"class_type": "StartLoop", "inputs": {**mode, "cache_iterations": False}}
    ending = {"output_value": ["5", 0], "accumulate": True, "termination0": ["6", 0]}
    nodes["8"] = {"class_type": "EndLoop", "inputs": ending}
    nodes["9"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    return nodes


def test_other_messages_do_not_disturb_a_run(newer: DemoServer, runs: RunRegistry) -> None:
    """While a node runs, the server tells about downloads, agents and future things."""
    with newer.hold("progress", after=1) as hold:
        run = runs.submit(job(3), Origin("me"))
        assert hold.reached.wait(LIMIT)
        for type_, data in MESSAGES:
            newer.announce(type_, data)
    state = end(run)
    assert (state.phase, len(state.files), state.nodes_done) == (Phase.DONE, 1, 6)
    assert newer.requests["POST /prompt"] == newer.sockets.opened == 1


def test_followers_of_a_run_hear_nothing_about_the_server() -> None:
    """Downloads and agents concern the administrator. Messages of unknown types pass, because they
    may come from the run's nodes."""
    frames: list[str | bytes] = []
    relay = FrameRelay("p", frames.append)
    state = replace(waiting("p", prompt(1)), phase=Phase.RUNNING)
    for type_, data in MESSAGES:
        frame = json.dumps({"type": type_, "data": data})
        relay.take(frame, parse_message(frame), state)
    assert {json.loads(frame)["type"] for frame in frames} == {"a_type_of_next_year"}


def test_followers_of_a_run_see_no_previews_of_other_prompts() -> None:
    """Before the run's turn and after its end, a preview without a prompt's id is another's."""
    frames: list[str | bytes] = []
    relay = FrameRelay("p", frames.append)
    waits = waiting("p", prompt(1))
    runs = replace(waits, phase=Phase.RUNNING)
    preview = preview_frame(b"\xff\xd8\xff")
    for state in (waits, runs, replace(runs, over=True)):
        relay.take(preview, parse_message(preview), state)
    assert frames == [preview]


def test_the_server_gets_the_nodes_packs(newer: DemoServer, runs: RunRegistry) -> None:
    """A node's metadata from the workflow's file are sent, and saved in the result."""
    nodes = job(2).prompt
    meta = {"title": "Keep it", "cnr_id": "comfy-core", "ver": "0.33.0"}
    nodes["6"]["_meta"] = meta
    state = end(runs.submit(Job(nodes, "test"), Origin("me")))
    (entry,) = newer.queue.history().values()
    assert entry["prompt"][2]["6"]["_meta"] == meta
    with Client(newer.url) as client, client.view(state.files[0]) as view:
        found = find_workflow(b"".join(view.iter_bytes()), "a.png")
    assert found.prompt is not None
    assert found.prompt["6"]["_meta"] == meta


def test_a_loop_runs_with_steady_progress(runs: RunRegistry) -> None:
    """Progress never falls, and the saved images of all iterations are results of one node."""
    run = runs.submit(Job(looped(), "test"), Origin("me"))
    states = list(run.watch(LIMIT))
    for before, after in pairwise(states):
        assert before.progress.fraction <= after.progress.fraction
        assert before.nodes_done <= after.nodes_done
    last = states[-1]
    assert last.phase is Phase.DONE
    assert [file.node for file in last.files].count("6") == 3
    assert len({file.filename for file in last.files if file.node == "6"}) == 3
    assert [file.node for file in last.files].count("9") == 3
    assert {state.node for state in states} <= {None, *looped()}
    (sampler,) = last.progress.samplers.values()
    assert (sampler.rounds, sampler.through) == (3, True)


def test_a_loop_counts_only_the_chosen_outputs(runs: RunRegistry) -> None:
    """The copies' results count if the node that they stand for is chosen."""
    state = end(runs.submit(Job(looped(2), "test", outputs=frozenset({"6"})), Origin("me")))
    assert [file.node for file in state.files] == ["6", "6"]


def test_a_nested_loop_runs_in_each_iteration(runs: RunRegistry) -> None:
    """Two times two iterations give four images."""
    nodes = looped(2)
    outer = {"mode": "For", "mode.start_iteration_index": 4, "mode.max_iteration": 6}
    nodes["10"] = {"class_type": "StartLoop", "inputs": {**outer, "mode.step": 1}}
    nodes["7"]["inputs"]["parent_iteration"] = ["10", 0]
    nodes["11"] = {"class_type": "EndLoop", "inputs": {"output_value": ["8", 0]}}
    nodes["9"]["inputs"]["images"] = ["11", 0]
    for node_id in ("10", "11"):
        nodes[node_id]["inputs"] |= {"cache_iterations": False, "accumulate": False}
    states = list(runs.submit(Job(nodes, "test"), Origin("me")).watch(LIMIT))
    assert [file.node for file in states[-1].files].count("6") == 4
    fractions = [state.progress.fraction for state in states]
    assert fractions == sorted(fractions)


def test_an_error_in_a_loop_names_a_node_of_the_prompt(runs: RunRegistry) -> None:
    """ComfyUI reports it on the start of the loop."""
    nodes = looped()
    nodes["8"]["inputs"]["accumulate"] = False
    nodes["5"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    nodes["6"]["inputs"]["filename_prefix"] = "../out"
    nodes["6"]["inputs"]["images"] = ["5", 0]
    nodes["6"]["inputs"]["seed"] = ["7", 0]
    state = end(runs.submit(Job(nodes, "test"), Origin("me")))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert state.error.node == "7"


def kept_state(runs: RunRegistry, nodes: Prompt) -> tuple[str, RunState]:
    run = runs.submit(Job(nodes, "test"), Origin("me"))
    return run.id, end(run)


def test_results_have_the_servers_name_for_users(newer: DemoServer, tmp_path: Path) -> None:
    """The name is in the file's address. The server's file keeps its own name."""
    with kept_registry(newer, tmp_path) as runs:
        run_id, state = kept_state(runs, job(2).prompt)
        (file,) = state.files
        assert (file.filename, file.name) == ("run_00001_.png", "Result 1.png")
        assert file_address(run_id, 0, file).endswith("/Result%201.png")
        assert file.digest
        assert file.preview_id == ""


def test_a_3d_result_has_the_servers_preview(newer: DemoServer, tmp_path: Path) -> None:
    """Its thumbnail is the preview that the server drew."""
    with kept_registry(newer, tmp_path) as runs:
        model: Prompt = {"1": {"class_type": "SaveModel", "inputs": {"text": "a boat"}}}
        run_id, state = kept_state(runs, model)
        (file,) = state.files
        assert (file.kind, file.name) == ("3d", "Result 1.glb")
        assert thumbnail_address(run_id, 0, file) == f"/files/{run_id}/0/thumb"
        path = runs.history.files.thumbnail(file.digest, file.kind)
        assert path is not None
        with Image.open(path) as image:
            assert image.size == (256, 256)


def test_a_3d_result_without_its_preview_is_complete(
    newer: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview that can't be fetched is left out."""
    monkeypatch.setattr("comfyui_standin.server.newer._preview", lambda _: b"not an image")
    model: Prompt = {"1": {"class_type": "SaveModel", "inputs": {"text": "a boat"}}}
    with kept_registry(newer, tmp_path) as runs:
        run_id, state = kept_state(runs, model)
        (file,) = state.files
        assert (state.phase, bool(file.digest), file.preview_id) == (Phase.DONE, True, "")
        assert thumbnail_address(run_id, 0, file) is None


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
                Route("/view", lambda _: Response(b"a picture", media_type="image/png")),
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
    types = ["execution_start", "executing", "progress", "executed", "execution_success"]
    assert [one["type"] for one in told] == [*types, "executing"]
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
