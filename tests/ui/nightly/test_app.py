"""`python app.py` as users start it: its settings, its output and its shutdown."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from comfyui_standin import DemoServer
from tests.cli.commands import outcomes
from tests.support.app_process import FORKED, Started, free_port, started, started_here
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.test_app import a_run, batch_of, demo_of_slow_steps, ends_cleanly_after


def told_to_end_in_a_destructor(log: Path, arguments: tuple[str, ...]) -> None:
    """Start the app so that it receives SIGTERM in a destructor after it opens its history."""

    class Ended:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def hook(event: str, _: object) -> None:
        if event == "tempfile.mkdtemp":
            Ended()

    sys.addaudithook(hook)
    started_here(False, str(log), False, (), dict(os.environ), arguments)


@pytest.mark.parametrize(
    ("number", "fresh"),
    [
        # one in a Python of its own says how that ends
        pytest.param(signal.SIGINT, True, id="SIGINT"),
        pytest.param(signal.SIGHUP, False, id="SIGHUP"),
    ],
)
def test_other_signals_end_a_run_cleanly(number: int, fresh: bool) -> None:
    """The run ends on the ComfyUI server, and the exit code is 0."""
    ends_cleanly_after(number, fresh)


def test_a_signal_may_let_runs_finish(tmp_path: Path) -> None:
    """With --finish, the app waits until the run on the ComfyUI server finishes and the run's page
    sees the end. Then the app exits with 0."""
    options = ("--finish", "60", "--data", str(tmp_path))
    with demo_of_slow_steps() as demo, started("--server", demo.url, *options) as one:
        with a_run(one) as (_, told):
            one.send(signal.SIGTERM)
            assert any(isinstance(frame, bytes) for frame in told), "it goes on"
            demo.speed.step = 0
            views = [view for view in told if isinstance(view, dict)]
        assert views[-1]["phase"] == "done"
        assert one.wait() == 0
        assert demo.sockets.close_codes == [1000]
        assert "Traceback" not in one.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_waiting_runs_outlast_a_restart(tmp_path: Path, number: int) -> None:
    """A service manager sends a signal, waits until the app exits, and starts it again. The active
    run finishes first. The waiting runs and the batch continue, and none runs twice."""
    small = {"5.steps": 1, "4.width": 256, "4.height": 256}
    options = ("--finish", "60", "--data", str(tmp_path))
    with demo_of_slow_steps() as demo:
        with (
            started("--server", demo.url, *options) as one,
            requests.Session() as browser,
            a_run(one) as (active, told),
        ):
            cookie = browser.headers["cookie"] = one.cookie
            address = f"{one.url}/api/v1/workflows/text-to-image"
            body = {"values": small, "count": 3}
            answer = browser.post(f"{address}/runs", json=body, timeout=LONGEST_WAIT).json()
            first = f"{one.url}/api/v1/runs/{answer['runs'][0]['id']}/events"
            events = browser.get(first, stream=True, timeout=LONGEST_WAIT)
            spec = {"values": small, "axes": [{"field": "5.seed", "text": "1..3"}]}
            assert browser.post(f"{address}/batches", json=spec, timeout=LONGEST_WAIT).ok
            one.send(number)
            assert any(isinstance(frame, bytes) for frame in told), "it goes on"
            demo.speed.step = 0
            assert [view["phase"] for view in told if isinstance(view, dict)][-1] == "done"
            assert one.wait() == 0
            with events:
                assert "event: end" not in events.text
            assert "ERROR" not in one.said()
        with started("--server", demo.url, *options) as one, requests.Session() as browser:
            browser.headers["cookie"] = cookie
            one.cookie = cookie
            eventually(lambda: batch_of(one, browser)["state"] == "done")
            eventually(lambda: len(phases_of(one, browser)) == 7)
            assert set(phases_of(one, browser)) == {"done"}
            assert active in {run["id"] for run in listed(one, browser)}
            assert outcomes(demo) == {"success": 7}


def listed(one: Started, browser: requests.Session) -> list[dict[str, Any]]:
    answer = browser.get(f"{one.url}/api/v1/runs?limit=100", timeout=LONGEST_WAIT)
    return list(answer.json()["runs"])


def phases_of(one: Started, browser: requests.Session) -> list[str]:
    return [run["phase"] for run in listed(one, browser)]


def test_a_second_signal_does_not_wait_for_runs() -> None:
    """A second Ctrl+C exits the app immediately, even with --finish."""
    with (
        demo_of_slow_steps() as demo,
        started("--server", demo.url, "--finish", "60") as one,
        a_run(one) as (_, told),
    ):
        one.send(signal.SIGINT)
        assert any(isinstance(frame, bytes) for frame in told), "it goes on"
        one.send(signal.SIGINT)
        assert one.wait() == 0
    assert "Traceback" not in one.said()


def test_a_server_that_does_not_answer_does_not_hold_up_the_end() -> None:
    """When the app exits, it drops a page that waits for the nodes of a server that doesn't
    answer."""
    with DemoServer() as demo, started("--server", demo.url) as one:
        demo.script("slow", at="GET /object_info", seconds=60, count=5)
        with socket.create_connection(("127.0.0.1", int(one.url.rpartition(":")[2]))) as browser:
            body = json.dumps({"data": ["text-to-image", {}]}).encode()
            head = (
                "POST /gradio_api/call/run HTTP/1.1\r\nHost: localhost\r\nContent-Type:"
                " application/json\r\n"
            )
            browser.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            eventually(lambda: demo.requests["GET /object_info"] == 1)
            assert one.end() == 0
        demo.behave()


def test_attack_a_silent_client_does_not_delay_the_end(tmp_path: Path) -> None:
    """When the app exits, it drops half-sent requests and responses that the client doesn't read.
    The log has no traceback."""
    host = "Host: localhost\r\n"
    with (
        DemoServer() as demo,
        started("--server", demo.url, "--data", str(tmp_path)) as one,
        ExitStack() as held,
    ):
        cookie = {"cookie": one.cookie}
        files = {"files": ("a.bin", b"x" * 20_000_000)}
        upload = f"{one.url}/gradio_api/upload"
        place = requests.post(upload, files=files, headers=cookie, timeout=LONGEST_WAIT).json()[0]
        kind = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4000"
        for begun in (
            f"POST /gradio_api/upload HTTP/1.1\r\n{host}{kind}\r\n\r\n--b\r\n",
            f"GET /gradio_api/file={place} HTTP/1.1\r\n{host}Cookie: {one.cookie}\r\n\r\n",
        ):
            connection = held.enter_context(
                socket.create_connection(("127.0.0.1", int(one.url.rpartition(":")[2])))
            )
            connection.sendall(begun.encode())
            if begun.startswith("GET"):
                assert connection.recv(9) == b"HTTP/1.1 "
        requests.get(one.url, timeout=LONGEST_WAIT)  # both have been read meanwhile
        assert one.end() == 0
    assert "Traceback" not in one.said()


def test_a_server_that_is_away_is_believed() -> None:
    """The app starts even if the given server doesn't answer yet, and its output names the
    server."""
    away = f"http://127.0.0.1:{free_port()}"
    with started("--server", away) as one:
        assert f"ComfyUI at {away}" in one.said()
        assert one.end() == 0


def test_it_answers_to_the_names_it_is_given() -> None:
    """The app answers to loopback names and to the names in --hosts, and rejects all others."""
    with (
        DemoServer() as demo,
        started("--server", demo.url, "--hosts", "forms.example,other.example") as one,
    ):
        for host, status in (
            ("forms.example", 200),
            ("other.example:443", 200),
            ("evil.example", 421),
        ):
            with requests.get(one.url, headers={"Host": host}, timeout=LONGEST_WAIT) as answer:
                assert answer.status_code == status


def test_a_signal_that_python_drops_ends_the_start(tmp_path: Path) -> None:
    """Python drops an exception that a signal raises inside a destructor, for example during
    imports. The app still exits with 0 before it serves, and leaves no temporary files."""
    log, port = tmp_path / "log", free_port()
    log.touch()
    arguments = ("--port", str(port), "--data", str(tmp_path / "data"))
    process = FORKED.Process(target=told_to_end_in_a_destructor, args=(log, arguments))
    process.start()
    try:
        process.join(LONGEST_WAIT)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
    assert "SystemExit" in log.read_text(), "it was dropped"
    assert f"127.0.0.1:{port}" not in log.read_text()
    assert not list((tmp_path / "data" / "temporary").iterdir())


def test_an_idle_app_ends_at_once() -> None:
    """Without runs, SIGTERM ends the app immediately, no matter how long it may wait for runs."""
    with DemoServer() as demo, started("--server", demo.url, "--finish", "60") as one:
        assert one.end() == 0
