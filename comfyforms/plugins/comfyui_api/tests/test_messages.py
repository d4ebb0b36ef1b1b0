"""ComfyUI's messages about the user's own runs, for clients that know ComfyUI's own socket."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
from comfy_api_simplified import ComfyApiWrapper
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from comfy.comfyui.protocol.run_state import Phase
from comfy.library.permissions import Permissions
from comfy.runs.interface import Run
from comfyforms.plugins.comfyui_api import relay, unread
from comfyforms.plugins.comfyui_api.messages import TOO_SLOW
from comfyforms.plugins.comfyui_api.relay import own_subfolder, with_own_names
from comfyforms.plugins.comfyui_api.unread import SENT_PER_STEP, UnreadBytes, UnreadFrames
from tests.security.signing_in import signed_in
from tests.support.http_client import ANN, BOB, close_code, connected, cookie_of, finished, start
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from ui.accounts.login import SignInSettings
from ui.accounts.users import UsersFile
from ui.settings.web_settings import WebSettings
from ui.web.socket_limits import UNKNOWN_RUN

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
ADMIN, USER = ("anna", "lighthouse"), ("ben", "harbour-7")
SMALL = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)  # what a slow client's machine keeps for it


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def frames(client: websocket.WebSocket) -> Iterator[str | bytes]:
    end = time.monotonic() + 3 * LONGEST_WAIT
    while True:
        kind, data = client.recv_data()
        assert time.monotonic() < end, "the app said neither what was awaited nor goodbye"
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return
        yield data.decode() if kind == websocket.ABNF.OPCODE_TEXT else data


def until_over(client: websocket.WebSocket, run: Run) -> list[str | bytes]:
    """Receive frames as ComfyUI's own example client does, until `executing` without a node. Return
    the frames."""
    got = []
    for frame in frames(client):
        got.append(frame)
        if isinstance(frame, str):
            said = json.loads(frame)
            if said["type"] == "executing" and said["data"]["node"] is None:
                assert said["data"]["prompt_id"] == run.id
                return got
    raise AssertionError("the socket was closed before the end")


def kinds(got: list[str | bytes]) -> list[str | int]:
    """Return the types of frames in ComfyUI's terms."""
    return [
        json.loads(one)["type"] if isinstance(one, str) else struct.unpack_from(">I", one)[0]
        for one in got
    ]


def test_a_socket_of_a_role_ends_with_it(tmp_path: Path) -> None:
    """A demoted administrator no longer hears other users' runs. Their own socket stays."""
    users = UsersFile(tmp_path / "users.json")
    for name, password in (ADMIN, USER):
        users.add(name, password, "operator" if name == ADMIN[0] else "user")
    settings = WebSettings(port=0, sign_in=SignInSettings(file=users))
    may = Permissions(operates=lambda owner: users.role(owner[len("user:") :]) == "operator")
    with running_demo_app(settings=settings, permissions=may) as (_, app):
        with signed_in(app, ADMIN) as browser:
            cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)
            address = app.url.replace("http", "ws")
            with (
                connect(
                    f"{address}/ws?all=true", additional_headers={"Cookie": cookie}
                ) as all_runs,
                connect(f"{address}/ws", additional_headers={"Cookie": cookie}) as own,
            ):
                all_runs.recv(LONGEST_WAIT)
                own.recv(LONGEST_WAIT)
                users.set_role(ADMIN[0], "user")
                with pytest.raises(ConnectionClosed):
                    all_runs.recv(LONGEST_WAIT)
                own.ping().wait(LONGEST_WAIT)
                assert own.close_code is None
        app.close_idle()


def test_a_client_gets_all_frames_of_its_runs(served: Served) -> None:
    """The frames match byte for byte, but for the names of results. A client that sets the flag gets previews with metadata. It
    gets its own two runs in order, and no other user's run."""
    _, app = served
    sent: list[str | bytes | None] = []
    stop = app.runs.follow(
        lambda owner, run, frame: sent.append(with_own_names(frame, run)) if ANN in owner else None
    )
    with connected(app, "/ws?clientId=mine") as client:
        hello = json.loads(client.recv())
        assert hello["type"] == "status"
        assert hello["data"]["sid"] == "mine"
        client.send(FLAGS)
        flags = json.loads(client.recv())
        assert flags == {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        other = start(app, cookie=BOB, **{"5.steps": 2})
        runs = [start(app, **{"5.steps": 6}) for _ in range(2)]
        got = [frame for run in runs for frame in until_over(client, run)]
        finished(other)
    stop()
    texts = [one for one in got if isinstance(one, str) and '"status"' not in one]
    assert texts == [one for one in sent if isinstance(one, str)]
    previews = [one for one in got if isinstance(one, bytes)]
    assert 2 <= len(previews) <= 12
    assert set(previews) <= set(sent)
    assert 4 in kinds(got)
    assert 1 not in kinds(got)
    for run in runs:
        told = [json.loads(one) for one in texts if run.id in one]
        types = [one["type"] for one in told]
        assert types[0] == "execution_start"
        assert "execution_success" in types


def test_without_the_flag_previews_have_no_metadata(served: Served) -> None:
    """Previews have the format that old clients expect: type 1, the image's type, the image."""
    _, app = served
    with connected(app, "/ws?clientId=old") as client:
        got = until_over(client, start(app, **{"5.steps": 6}))
    previews = [one for one in got if isinstance(one, bytes)]
    assert previews
    for one in previews:
        kind, image = struct.unpack_from(">II", one)
        assert (kind, one[8:11]) == (1, {1: b"\xff\xd8\xff", 2: b"\x89PN"}[image])


def test_a_client_written_with_websockets_follows_one_run(served: Served) -> None:
    """With `?run=ID`, the client hears of this run only. The socket closes when the run
    finishes."""
    _, app = served

    first, second = (start(app, **{"5.steps": 4}) for _ in range(2))
    address = f"{app.url.replace('http', 'ws')}/ws?run={second.id}"
    cookie = "; ".join(map("=".join, cookie_of(ANN).items()))
    with connect(address, additional_headers={"cookie": cookie}) as client:
        got = list(client)
        assert client.protocol.close_code == 1000
    assert first.state.phase.finished
    told = [json.loads(one) for one in got if isinstance(one, str)]
    ids = {one["data"].get("prompt_id") for one in told} - {None}
    assert ids == {second.id}
    assert (told[-1]["type"], told[-1]["data"]["node"]) == ("executing", None)


def test_a_client_from_pypi_follows_a_run(served: Served) -> None:
    """The client's own loop for ComfyUI's socket works unchanged. It gets the run's previews until
    the end, even if the run starts before the socket opens. The client starts runs over REST."""
    _, app = served

    class Client(ComfyApiWrapper):  # type: ignore[misc]
        def queue_prompt(self, prompt: dict[str, Any], client_id: str | None = None) -> Any:
            run = requests.post(
                f"{app.url}/api/v1/workflows/text-to-image/runs",
                json={"values": prompt},
                timeout=LONGEST_WAIT,
            ).json()
            self.ws_url += f"&run={run['id']}"
            eventually(lambda: app.runs.known()[-1].state.phase is Phase.RUNNING)
            return {"prompt_id": run["id"]}

    client = Client(app.url)
    run_id, previews = awaited(client.queue_prompt_and_wait({"5.steps": 12}))
    assert run_id == app.runs.known()[-1].id
    assert previews
    assert all(one[:3] in (b"\xff\xd8\xff", b"\x89PN") for one in previews)


def test_a_run_that_comfyui_never_saw_comes_to_an_end_too(served: Served) -> None:
    """If a user cancels a waiting run, the app sends the messages that ComfyUI would have sent."""
    _, app = served
    blocker, run = (start(app, **{"5.steps": 60}) for _ in range(2))
    with connected(app, f"/ws?run={run.id}") as client:
        run.cancel()
        got = list(frames(client))
    blocker.cancel()
    assert kinds(got)[-2:] == ["execution_interrupted", "executing"]
    finished(blocker)
    with connected(app, f"/ws?run={run.id}") as client:
        assert kinds(list(frames(client))) == ["status", "execution_interrupted", "executing"]


@pytest.mark.parametrize(
    ("cookie", "path"), [(BOB, "/ws?run={}"), ("", "/ws"), (ANN, "/ws?run=nothing")]
)
def test_only_own_runs_can_be_followed(served: Served, cookie: str, path: str) -> None:
    """A client can't follow another user's run. A client without an identity can't name any run."""
    _, app = served
    run = start(app, **{"5.steps": 1})
    with connected(app, path.format(run.id), cookie) as client:
        assert kinds([client.recv()]) == ["status"]
        kind, data = client.recv_data()
    assert kind == websocket.ABNF.OPCODE_CLOSE
    assert struct.unpack_from(">H", data)[0] == UNKNOWN_RUN
    finished(run)


def test_a_client_that_does_not_read_loses_previews_and_no_state(served: Served) -> None:
    """The sender doesn't wait for the client. The client misses outdated previews, but gets every
    state and the newest preview."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1})).id
    image = struct.pack(">II", 1, 1) + b"\xff\xd8\xff" + bytes(200_000)
    with connected(app, "/ws", sockopt=SMALL) as frozen:
        frozen.recv()
        for number in range(300):
            say(app, run, image + struct.pack(">I", number))
            say(app, run, json.dumps({"type": "progress", "data": {"value": number}}))
        say(app, run, "the last")
        got = list(takewhile(lambda one: one != "the last", frames(frozen)))
    told = [json.loads(one)["data"]["value"] for one in got if isinstance(one, str)]
    assert told == list(range(300))
    numbers = [struct.unpack(">I", one[-4:])[0] for one in got if isinstance(one, bytes)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 299
    assert len(numbers) < 300


def test_a_client_that_reads_no_texts_is_disconnected(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts count like images."""
    monkeypatch.setattr(unread, "MOST_UNREAD_BYTES", 1_000_000)
    _, app = served
    run = finished(start(app, **{"5.steps": 1})).id
    with connected(app, "/ws", sockopt=SMALL) as frozen:
        frozen.recv()
        for _ in range(100):
            say(app, run, "x" * 200_000)
        assert close_code(frozen) == TOO_SLOW


def test_a_users_sockets_share_the_unread_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame counts until it is sent, until a newer preview replaces it, or until its socket
    closes."""
    monkeypatch.setattr(unread, "MOST_UNREAD_BYTES", 100)
    sizes = UnreadBytes()
    first, second, other = (UnreadFrames(sizes, one) for one in ("ann", "ann", "bob"))
    assert first.put("x" * 101)
    assert not second.put("y")
    assert other.put("z")
    frame = awaited(first.next())
    assert frame is not None
    assert not second.put("y")
    first.sent(frame)
    assert second.put(b"x" * 101, "a run")
    assert not first.put("y")
    assert second.put(b"x", "a run")
    assert first.put("x" * 100)
    assert not second.put("y")
    first.close()
    assert second.put("y")


def test_a_frame_for_many_sockets_leaves_in_several_steps() -> None:
    """The event loop serves other users between."""
    sizes = UnreadBytes()
    sockets = [UnreadFrames(sizes, "ann") for _ in range(5 * SENT_PER_STEP)]
    per_step = Counter[int]()
    step = 0

    async def send(frames: UnreadFrames) -> None:
        while await frames.next() is not None:
            per_step[step] += 1

    async def send_all() -> None:
        nonlocal step
        sending = [asyncio.ensure_future(send(frames)) for frames in sockets]
        while not all(one.done() for one in sending):
            await asyncio.sleep(0)
            step += 1

    for frames in sockets:
        assert frames.put("x")
        assert frames.put("y")
    awaited(send_all())
    assert per_step.total() == 2 * len(sockets)
    assert max(per_step.values()) <= SENT_PER_STEP


def test_all_sockets_hold_the_same_text(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app converts a frame once, however many clients hear it."""
    converted = list[str]()

    def counted(run_id: str, subfolder: str) -> str:
        converted.append(run_id)
        return own_subfolder(run_id, subfolder)

    monkeypatch.setattr(relay, "own_subfolder", counted)
    _, app = served
    run = finished(start(app, **{"5.steps": 1})).id
    file = {"filename": "a.png", "subfolder": "", "type": "output"}
    frame = {"type": "executed", "data": {"prompt_id": run, "output": {"images": [file]}}}
    with connected(app, "/ws") as first, connected(app, "/ws") as second:
        first.recv()
        second.recv()
        say(app, run, json.dumps(frame))
        assert first.recv() == second.recv()
    assert converted == [run]


def test_a_client_that_does_not_read_loses_no_result(served: Served) -> None:
    """`SaveImageWebsocket` sends each image as a full-size preview, in a burst."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1})).id
    images = [struct.pack(">II", 1, 2) + b"\x89PNG" + bytes([at] * 200_000) for at in range(30)]
    with connected(app, "/ws", sockopt=SMALL) as frozen:
        frozen.recv()
        for image in images:
            say(app, run, image)
        say(app, run, "the last")
        got = list(takewhile(lambda one: one != "the last", frames(frozen)))
    assert got == images


def say(app: RunningApp, run: str, frame: str | bytes) -> None:
    app.runs._context.frames.call(f"browser:{ANN}", run, frame)
