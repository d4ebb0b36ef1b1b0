"""The stand-in as a ComfyUI server, and its scripted misbehavior."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
import requests
import websocket

from comfyui_standin import DemoServer, FaultKind, Misbehavior
from tests.standin.calls import body_of, frames, kinds, start, until_the_end
from tests.support.waiting import LONGEST_WAIT, eventually


def test_closing_waits_for_no_step() -> None:
    """With a run in progress and open sockets, closing the server cuts them before the next step is
    done."""
    with DemoServer(step_seconds=0) as demo:
        demo.speed.step = 60
        connection = websocket.create_connection(
            f"{demo.url.replace('http', 'ws')}/ws?clientId=me", timeout=LONGEST_WAIT
        )
        start(demo)
        frames(connection, '"node": "4"')
    assert until_the_end(connection) == ([], None)
    connection.shutdown()


def test_the_stand_in_answers_as_soon_as_it_has_started() -> None:
    with DemoServer() as demo:
        assert requests.get(f"{demo.url}/prompt", timeout=LONGEST_WAIT).ok


def test_folders_exist_while_the_stand_in_runs() -> None:
    """The folders exist while the stand-in runs, with an example to load. The stand-in removes them
    when it stops."""
    with DemoServer() as demo:
        folder = demo.storage.folder("input")
        assert folder is not None
        assert (folder / "example.png").is_file()
    assert not folder.exists()


def test_a_restart_clears_queue_history_and_sockets(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """After a restart the port is the same. The queue, history and sockets are gone."""
    url, connection = demo.url, socket_of()
    prompt_id = start(demo)
    frames(connection)
    assert requests.get(f"{url}/history/{prompt_id}", timeout=LONGEST_WAIT).json()
    demo.restart()
    assert demo.url == url
    assert requests.get(f"{url}/history/{prompt_id}", timeout=LONGEST_WAIT).json() == {}
    with pytest.raises((OSError, websocket.WebSocketException)):
        connection.recv()
    assert requests.get(f"{url}/prompt", timeout=LONGEST_WAIT).json() == {
        "exec_info": {"queue_remaining": 0}
    }


def test_a_port_that_is_taken() -> None:
    """The stand-in raises an OSError and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        DemoServer(port=taken.getsockname()[1]).start()


def test_the_command(tmp_path: Path) -> None:
    """`python -m comfy demo` prints its address, answers requests, and exits with 0 on SIGTERM."""
    command = [sys.executable, "-m", "comfy", "demo", "--port", "0", "--step-seconds", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http"))
        assert (
            requests.get(f"{url}/system_stats", timeout=LONGEST_WAIT).json()["system"][
                "comfyui_version"
            ]
            == "0.33.0"
        )
        process.terminate()
        assert process.wait(timeout=LONGEST_WAIT) == 0


def test_counters(demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]) -> None:
    """The stand-in counts requests by method and path. It records the codes that clients closed
    their sockets with."""
    connection = socket_of()
    frames(connection, "status")
    requests.get(f"{demo.url}/api/queue", timeout=LONGEST_WAIT)
    requests.get(f"{demo.url}/queue", timeout=LONGEST_WAIT)
    assert demo.requests["GET /queue"] == 2
    assert demo.sockets.open == 1
    connection.close(1000)
    eventually(lambda: demo.sockets.open == 0)
    assert demo.sockets.close_codes == [1000]


def test_an_upload_too_large() -> None:
    """The server refuses an upload above the limit with 413, and /features reports the limit."""
    with DemoServer(max_upload=10_000) as demo:
        assert (
            requests.get(f"{demo.url}/features", timeout=LONGEST_WAIT).json()["max_upload_size"]
            == 10_000
        )
        large = {"image": ("large.png", bytes(3_000_000))}
        assert (
            requests.post(f"{demo.url}/upload/image", files=large, timeout=LONGEST_WAIT).status_code
            == 413
        )
        small = {"image": ("small.png", bytes(3_000))}
        assert (
            requests.post(f"{demo.url}/upload/image", files=small, timeout=LONGEST_WAIT).status_code
            == 200
        )


def test_the_history_has_a_size() -> None:
    """The newest entry pushes out the oldest."""
    with DemoServer(step_seconds=0, history_size=2) as demo:
        connection = websocket.create_connection(
            f"{demo.url.replace('http', 'ws')}/ws?clientId=me", timeout=LONGEST_WAIT
        )
        ids = []
        for _ in range(3):
            ids.append(start(demo, 1))
            frames(connection)
        assert list(requests.get(f"{demo.url}/history", timeout=LONGEST_WAIT).json()) == ids[1:]
        connection.close()


def test_a_dying_server_sends_no_message() -> None:
    """A dying server sends no message about its unfinished runs. Its files are there when it comes
    back."""
    with DemoServer(step_seconds=5, load_seconds=0) as demo:
        connection = websocket.create_connection(
            f"{demo.url.replace('http', 'ws')}/ws?clientId=me", timeout=LONGEST_WAIT
        )
        running = start(demo)
        frames(connection, '"node": "4"')
        waiting = start(demo)
        frames(connection, '"queue_remaining": 2')
        kept = cast(Path, demo.storage.folder("output")) / "kept.txt"
        kept.write_text("kept")
        demo.restart()
        rest = []
        with contextlib.suppress(OSError, websocket.WebSocketException):
            while True:
                rest.append(connection.recv())
        assert not any('"execution_' in one for one in rest if isinstance(one, str))
        connection.shutdown()
        assert requests.get(f"{demo.url}/queue", timeout=LONGEST_WAIT).json() == {
            "queue_running": [],
            "queue_pending": [],
        }
        assert requests.get(f"{demo.url}/history", timeout=LONGEST_WAIT).json() == {}
        assert kept.read_text() == "kept"
        assert demo.journal.of(running) == ("taken", "started", "told", "killed")
        assert demo.journal.of(waiting) == ("taken", "killed")


def test_the_journal_records_every_prompt(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """The journal keeps each prompt's life, regardless of the messages that the clients got."""
    connection = socket_of()
    done = start(demo)
    frames(connection)
    assert set(demo.journal.of(done)) == {"taken", "started", "told", "success"}
    with demo.hold("executing") as held:
        stopped, removed = start(demo, 9999), start(demo)
        assert held.reached.wait(LONGEST_WAIT)
        requests.post(f"{demo.url}/queue", json={"clear": True}, timeout=LONGEST_WAIT)
        requests.post(f"{demo.url}/interrupt", timeout=LONGEST_WAIT)
    frames(connection)
    assert set(demo.journal.of(stopped)) == {"taken", "started", "told", "interrupted"}
    assert demo.journal.of(removed) == ("taken", "removed")
    assert demo.journal.of(str(uuid.uuid4())) == ()


def wait_for_the_end(demo: DemoServer, prompt_id: str) -> None:
    """Wait until the history has this run."""
    history = f"{demo.url}/history/{prompt_id}"
    eventually(lambda: requests.get(history, timeout=LONGEST_WAIT).json())


@pytest.mark.parametrize(
    ("kind", "code"), [("drop", None), ("close", 1001), ("truncated_frame", None)]
)
def test_sockets_that_end(
    demo: DemoServer,
    socket_of: Callable[[], websocket.WebSocket],
    kind: FaultKind,
    code: int | None,
) -> None:
    """A socket closes in the middle of a run, with or without a close frame. The run itself
    continues."""
    demo.script(kind, at="progress", after=1)
    connection = socket_of()
    prompt_id = start(demo)
    assert until_the_end(connection)[1] == code
    wait_for_the_end(demo, prompt_id)


def test_silence(demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]) -> None:
    """A silent socket stays open and answers pings, but sends no more messages."""
    demo.script("silence", at="progress")
    connection = socket_of()
    wait_for_the_end(demo, start(demo))
    connection.ping("still there?")
    received = []
    while True:
        opcode, data = connection.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_PONG:
            break
        received.append(data)
    assert not any(b'"type": "progress"' in one or b"executed" in one for one in received)


def test_half_open(demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]) -> None:
    """A half-open socket does not even answer pings."""
    demo.script("half_open", at="progress")
    connection = socket_of()
    wait_for_the_end(demo, start(demo))
    connection.ping("still there?")
    connection.settimeout(0.2)
    opcodes, _ = until_the_end(connection)
    assert websocket.ABNF.OPCODE_PONG not in opcodes


@pytest.mark.parametrize("kind", ["garbage_text", "odd_text", "garbage_binary", "huge_frame"])
def test_garbage_comes_between(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket], kind: FaultKind
) -> None:
    """Garbage arrives before the scripted message, and the rest of the run after it."""
    demo.script(kind, at="progress")
    connection = socket_of()
    start(demo)
    received = frames(connection)
    proper = [
        one
        for one in received
        if isinstance(one, str) and one.startswith('{"type": "') and '"data": {"' in one
    ]
    assert len(received) > len(proper) + 3
    assert kinds(proper).count("progress") == 3  # type: ignore[arg-type]
    if kind == "huge_frame":
        assert max(len(one) for one in received) > 64 * 1024 * 1024


@pytest.mark.parametrize(("kind", "seen"), [("duplicate", 2), ("lost", 0), ("late", 1)])
def test_events_in_disorder(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket], kind: FaultKind, seen: int
) -> None:
    """An event arrives twice, never, or after the next event."""
    demo.script(kind, at="executed")
    connection = socket_of()
    start(demo)
    received = kinds(frames(connection))
    assert received.count("executed") == seen
    if kind == "late":
        assert received[received.index("executed") - 1] == "progress_state"


@pytest.mark.parametrize("kind", ["no_prompt_id", "foreign_prompt_id"])
def test_events_without_an_owner(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket], kind: FaultKind
) -> None:
    """The demo server sends an event without a prompt id, or with a foreign one."""
    demo.script(kind, at="executed")
    connection = socket_of()
    prompt_id = start(demo)
    (executed,) = [
        json.loads(one)
        for one in frames(connection)
        if isinstance(one, str) and '"executed"' in one
    ]
    assert executed["data"].get("prompt_id") != prompt_id


def test_a_refused_handshake(demo: DemoServer) -> None:
    """The stand-in can cut off a handshake."""
    demo.script("drop", at="open")
    with pytest.raises((OSError, websocket.WebSocketException)):
        websocket.create_connection(f"{demo.url.replace('http', 'ws')}/ws", timeout=LONGEST_WAIT)


@pytest.mark.parametrize(
    ("kind", "status"), [("http_500", 500), ("http_502", 502), ("http_413", 413)]
)
def test_wrong_statuses(demo: DemoServer, kind: FaultKind, status: int) -> None:
    """A route fails as often as the script says. Then it works again."""
    demo.script(kind, at="GET /queue", after=1, count=2)
    answers = [
        requests.get(f"{demo.url}/queue", timeout=LONGEST_WAIT).status_code for _ in range(4)
    ]
    assert answers == [200, status, status, 200]


def test_wrong_answers(demo: DemoServer) -> None:
    """An answer contains half a document, breaks off in the middle, or arrives late."""
    demo.script("bad_json", at="GET /prompt")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        requests.get(f"{demo.url}/prompt", timeout=LONGEST_WAIT).json()
    demo.script("cut", at="GET /prompt")
    with pytest.raises(requests.RequestException):
        requests.get(f"{demo.url}/prompt", timeout=LONGEST_WAIT)
    demo.script("slow", at="GET /history", seconds=0.3)
    begun = time.monotonic()
    assert requests.get(f"{demo.url}/history/{uuid.uuid4()}", timeout=LONGEST_WAIT).json() == {}
    assert time.monotonic() - begun >= 0.3


def test_behind_the_clients_back(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """A test can clear the queue and the history directly."""
    connection = socket_of()
    prompt_id = start(demo)
    frames(connection)
    demo.queue.forget()
    assert requests.get(f"{demo.url}/history/{prompt_id}", timeout=LONGEST_WAIT).json() == {}


@pytest.mark.parametrize("kind", ["answer_lost", "answer_502", "answer_slow"])
def test_a_request_is_carried_out_but_not_answered(demo: DemoServer, kind: FaultKind) -> None:
    """The stand-in accepts and runs a prompt even if its answer is lost, replaced or late."""
    demo.script(kind, at="POST /prompt", seconds=0.3)
    body = body_of() | {"prompt_id": str(uuid.uuid4())}
    begun, answer = time.monotonic(), None
    with contextlib.suppress(requests.RequestException):
        answer = requests.post(f"{demo.url}/prompt", json=body, timeout=LONGEST_WAIT)
    eventually(lambda: "success" in demo.journal.of(body["prompt_id"]))
    assert (answer.status_code if answer is not None else None) == {
        "answer_502": 502,
        "answer_slow": 200,
    }.get(kind)
    assert kind != "answer_slow" or time.monotonic() - begun >= 0.3


def test_a_handshake_that_is_answered_wrongly(demo: DemoServer) -> None:
    """A proxy may answer 502 instead of opening a socket."""
    demo.script("http_502", at="GET /ws")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"{demo.url.replace('http', 'ws')}/ws", timeout=LONGEST_WAIT)
    assert refused.value.status_code == 502


def test_a_result_can_be_missing_from_the_history(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """A prompt can leave the queue without an entry in the history. The next prompt has its
    entry."""
    demo.script("lost", at="history")
    connection = socket_of()
    for kept in (False, True):
        prompt_id = start(demo)
        assert "execution_success" in kinds(frames(connection))
        assert "success" in demo.journal.of(prompt_id)
        assert (
            prompt_id in requests.get(f"{demo.url}/history", timeout=LONGEST_WAIT).json()
        ) is kept


def test_a_message_can_be_held(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """A message and everything after it wait until the test's block ends. The run itself
    continues."""
    connection = socket_of()
    with demo.hold("progress", after=1) as held:
        prompt_id = start(demo)
        assert held.reached.wait(LONGEST_WAIT)
        eventually(lambda: "success" in demo.journal.of(prompt_id))
        connection.settimeout(0.2)
        received: list[str | bytes] = []
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            while True:
                received.append(connection.recv())
        assert kinds(received).count("progress") == 1
    connection.settimeout(LONGEST_WAIT)
    assert kinds(frames(connection)).count("progress") == 2


def test_a_request_can_be_held(demo: DemoServer) -> None:
    """A request waits until the test's block ends. Other requests don't wait."""
    answers = []
    with demo.hold("POST /prompt") as held:
        poster = threading.Thread(target=lambda: answers.append(start(demo)))
        poster.start()
        assert held.reached.wait(LONGEST_WAIT)
        assert requests.get(f"{demo.url}/queue", timeout=LONGEST_WAIT).ok
        assert not answers
    poster.join(LONGEST_WAIT)
    assert answers


def test_a_server_that_is_held_can_die(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """The server dies without waiting for the end of the block."""
    connection = socket_of()
    with demo.hold("progress") as held:
        prompt_id = start(demo, 9999)
        assert held.reached.wait(LONGEST_WAIT)
        demo.restart()
        assert '"progress"' not in str(until_the_end(connection))
    assert "killed" in demo.journal.of(prompt_id)


@pytest.fixture
def frozen(demo: DemoServer) -> Iterator[websocket.WebSocket]:
    """Yield a client that has a small buffer and doesn't read."""
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
    url = f"{demo.url.replace('http', 'ws')}/ws?clientId=frozen"
    connection = websocket.create_connection(url, timeout=LONGEST_WAIT, sockopt=small)
    yield connection
    connection.shutdown()


@pytest.mark.parametrize("flooded", [False, True])
def test_a_client_that_stops_reading_blocks_all_others(
    demo: DemoServer,
    socket_of: Callable[[], websocket.WebSocket],
    frozen: websocket.WebSocket,
    flooded: bool,
) -> None:
    """The client gets more data than fits its buffer, from its own run or by script. Other clients
    get nothing, but the history answers (fact 12)."""
    if flooded:
        demo.script("flood_others", at="execution_start")
    else:
        demo.script("huge_frame", at="progress")
        started = start(demo, client="frozen")
        eventually(lambda: "success" in demo.journal.of(started))
    connection = socket_of()
    connection.settimeout(0.3)
    prompt_id = start(demo)
    eventually(
        lambda: prompt_id in requests.get(f"{demo.url}/history", timeout=LONGEST_WAIT).json()
    )
    with pytest.raises(websocket.WebSocketTimeoutException):
        frames(connection)
    frozen.shutdown()
    connection.settimeout(LONGEST_WAIT)
    assert "execution_success" in kinds(frames(connection))


def test_closing_an_old_socket_late_silences_its_successor(
    demo: DemoServer, socket_of: Callable[[], websocket.WebSocket]
) -> None:
    """The server forgets a client by its id (fact 9). The newer socket stays open and gets no
    message."""
    old, new = socket_of(), socket_of()
    frames(new, "status")
    old.shutdown()
    eventually(lambda: demo.sockets.open == 1)
    prompt_id = start(demo)
    eventually(lambda: "success" in demo.journal.of(prompt_id))
    new.ping("still there?")
    assert new.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG


def test_an_impossible_misbehavior_is_refused() -> None:
    """The stand-in refuses a misbehavior in a place where it can't happen."""
    with pytest.raises(ValueError, match="can't happen at"):
        Misbehavior("http_500", at="progress")
    with pytest.raises(ValueError, match="one of http_500"):
        Misbehavior("drop", at="GET /queue")
    with pytest.raises(ValueError, match="one of lost"):
        Misbehavior("drop", at="history")
