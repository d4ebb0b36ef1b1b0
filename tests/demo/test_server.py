"""Life cycle of the stand-in: it starts, stops and restarts cleanly, within its limits."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import requests
import websocket

from comfy.demo import DemoServer
from tests.demo.calls import frames, start, until_the_end
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
