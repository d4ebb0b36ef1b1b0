"""`python app.py` as users start it: its settings, its output and its shutdown."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import websocket

from comfyui_standin import DemoServer
from tests.cli.commands import outcomes
from tests.support.app_process import Started, ended, started
from tests.support.http_client import messages
from tests.support.waiting import LONGEST_WAIT, eventually

MOST_STEPS = 60  # that the form takes
SLOW = 1.0  # seconds a step, so that no test waits for the last one
QUICK = 0.05


@contextlib.contextmanager
def watching(one: Started, run_id: str) -> Iterator[Iterator[dict[str, Any] | bytes]]:
    address = one.url.replace("http", "ws") + f"/live/{run_id}"
    watcher = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=one.cookie)
    try:
        yield messages(watcher)
    finally:
        watcher.shutdown()


@contextlib.contextmanager
def a_run(
    one: Started, steps: int = MOST_STEPS
) -> Iterator[tuple[str, Iterator[dict[str, Any] | bytes]]]:
    """Start a run as a script does, and watch it as a page does until its first frame. Yield the
    run's ID and its later messages."""
    run_id = posted(one, "runs", {"values": {"5.steps": steps}})["id"]
    with watching(one, run_id) as told:
        assert any(isinstance(one, bytes) for one in told)
        yield run_id, told


def posted(one: Started, path: str, body: object) -> dict[str, Any]:
    """Return the answer to a script with the first browser's cookie."""
    address = f"{one.url}/api/v1/workflows/text-to-image/{path}"
    headers = {"cookie": one.cookie}
    answer = requests.post(address, json=body, headers=headers, timeout=LONGEST_WAIT)
    assert answer.ok, answer.text
    return dict(answer.json())


def demo_of_slow_steps() -> DemoServer:
    """Return a stand-in whose runs outlast every test's timeout until the test speeds up the
    steps."""
    return DemoServer(step_seconds=SLOW, load_seconds=0)


def test_without_a_server_the_app_starts_the_stand_in() -> None:
    """The user sets up nothing. The app starts its own stand-in, the log says so, and the page is
    usable immediately."""
    with started(COMFYFORMS_SERVER="") as one:
        assert "the stand-in" in one.said()
        eventually(lambda: one.url.removeprefix("http://") in one.said())
        with a_run(one) as (_, told):
            assert next(told)
        assert one.end() == 0


def test_a_signal_in_a_run_ends_it_cleanly() -> None:
    """The run ends on the ComfyUI server, its socket closes with 1000, the page gets the final
    state, and the exit code is 0."""
    ends_cleanly_after(signal.SIGTERM)


def ends_cleanly_after(number: int, fresh: bool = False) -> None:
    """Check that this signal ends an app and its run cleanly."""
    with demo_of_slow_steps() as demo, started("--server", demo.url, fresh=fresh) as one:
        assert f"ComfyUI at {demo.url}" in one.said()
        with a_run(one) as (_, told):
            one.send(number)
            *_, last = told
            assert isinstance(last, dict)
            assert last["phase"] == "stopped"
            eventually(lambda: not demo.queue.remaining() and not demo.sockets.open)
        assert one.wait() == 0
        eventually(lambda: set(demo.sockets.close_codes) == {1000})
        assert "Traceback" not in one.said()


def test_a_killed_app_takes_its_runs_up_again(tmp_path: Path) -> None:
    """After SIGKILL, the next start finds the run on the ComfyUI server, and the page watches it to
    its result. A batch also continues. It loses no row and runs none twice."""
    rows = 6
    small = {"5.steps": 1, "4.width": 256, "4.height": 256}
    spec = {"values": small, "axes": [{"field": "5.seed", "text": f"1..{rows}"}]}
    with DemoServer(step_seconds=QUICK, load_seconds=0) as demo:
        options = ("--server", demo.url, "--data", str(tmp_path))
        with started(*options) as one:
            posted(one, "batches", spec)
            eventually(lambda: outcomes(demo)["success"] >= 1)
            with a_run(one) as (run_id, told):
                demo.speed.step = SLOW
                one.kill()
                with contextlib.suppress(OSError, websocket.WebSocketException):
                    list(told)
        assert 0 < outcomes(demo)["success"] < rows
        cookie = one.cookie
        with started(*options) as one, requests.Session() as browser:
            one.cookie = browser.headers["cookie"] = cookie
            with watching(one, run_id) as told:
                assert any(isinstance(frame, bytes) for frame in told)
                demo.speed.step = 0
                assert [view["phase"] for view in told if isinstance(view, dict)][-1] == "done"
            with browser.get(f"{one.url}/files/{run_id}/0/x.png", timeout=LONGEST_WAIT) as answer:
                assert answer.headers["content-type"] == "image/png"
                assert answer.content
            eventually(lambda: batch_of(one, browser)["state"] == "done")
            assert batch_of(one, browser)["done"] == rows
            assert outcomes(demo) == {"success": rows + 1}
            assert demo.requests["POST /prompt"] == rows + 1
            assert len(list((tmp_path / "temporary").iterdir())) == 1, (
                "what the killed one left is gone"
            )


def batch_of(one: Started, browser: requests.Session) -> dict[str, Any]:
    (batch,) = browser.get(f"{one.url}/api/v1/batches", timeout=LONGEST_WAIT).json()["batches"]
    return dict(batch)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """If the app can't write its history, it reports an error and exits with code 1, without a
    traceback."""
    (tmp_path / "data").write_text("a file in its place")
    code, said = ended("--data", str(tmp_path / "data"))
    assert code == 1
    assert "Choose another folder" in said
    assert "Traceback" not in said


def test_a_port_in_use_ends_the_start_with_an_error() -> None:
    """If the port is in use, the app says so before anything else, names the option and exits with
    code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken, DemoServer() as demo:
        port = str(taken.getsockname()[1])
        code, said = ended("--server", demo.url, "--port", port)
    assert code == 1
    (line,) = said.splitlines()
    assert line.endswith(
        f"Port {port} is in use by another program."
        f" Choose another one, such as --port {int(port) + 1}."
    )
