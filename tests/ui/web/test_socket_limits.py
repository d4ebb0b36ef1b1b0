"""Limits on browsers' sockets, connections and messages."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from comfy.comfyui.protocol.run_state import Phase
from comfyui_standin import DemoServer
from tests.support.http_client import BOB, close_code, messages, page_open, start, watching
from tests.support.raw_requests import JSON, begun, sent, status
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.web import uvicorn_protocols as protocols
from ui.web.limits import WebLimits
from ui.web.socket_limits import BURST, TOO_FAST, TOO_MANY, UNKNOWN_WORD

FEW = WebLimits(sockets=5, person_sockets=3)
UNHARMED = (Phase.WAITING, Phase.RUNNING, Phase.DONE)  # a slow test's run ends before the test


@pytest.fixture(scope="module")
def served(own_temporary_folder: Path) -> Iterator[tuple[DemoServer, RunningApp]]:
    """Run a slow server and an app that allows few open sockets."""
    with running_demo_app(step_seconds=0.05, limits=FEW) as served:
        yield served


@pytest.fixture
def app(served: tuple[DemoServer, RunningApp], nothing_left_behind: None) -> Iterator[RunningApp]:
    """Yield the app, and wait until no run is left."""
    demo, app = served
    yield app
    eventually(
        lambda: demo.queue.remaining() == 0 and demo.sockets.open == 0,
        "the server has nothing to do",
    )
    app.close_idle()


def ended(connection: websocket.WebSocket) -> int | None:
    """Return the server's close code, or None if it dropped the connection during the client's
    sending."""
    try:
        return close_code(connection)
    except (OSError, websocket.WebSocketException):
        return None


def test_sockets_per_user_are_limited(app: RunningApp) -> None:
    """The app closes a socket above the limit and gives the reason. Other users notice nothing, and
    a closed socket makes room."""
    with contextlib.ExitStack() as open_ones:
        for _ in range(3):
            open_ones.enter_context(page_open(app)).recv()
        with page_open(app) as one_more:
            assert close_code(one_more) == TOO_MANY
        with page_open(app, BOB) as other:
            assert other.recv()

    def is_answered() -> bool:
        with page_open(app) as again:
            return bool(again.recv())

    eventually(is_answered, "the closed sockets make room")


def test_all_sockets_together_are_limited(app: RunningApp) -> None:
    """Strangers with ever new names can't open more sockets than the app can serve. Sockets of runs
    count, too."""
    run = start(app, **{"5.steps": 60})
    with contextlib.ExitStack() as open_ones:
        open_ones.enter_context(watching(app, run.id)).recv()
        for number in range(4):
            open_ones.enter_context(page_open(app, f"{number}" * 40)).recv()
        with page_open(app, "z" * 40) as one_more:
            assert close_code(one_more) == TOO_MANY
    run.cancel()


WORDS = (
    *("", "hello", "x" * 1000, "\0", '{"stop": true}'),
    *("painted ", "painted 12 ", "painted \u0661 1", "painted -1 1", "<script>"),
)


@pytest.mark.parametrize(("where", "word"), itertools.product(("/news", "/live"), WORDS))
def test_unknown_words_end_a_socket(app: RunningApp, where: str, word: str) -> None:
    """A page may send only a few known words. Any other message closes its socket and harms no
    run."""
    run = start(app, **{"5.steps": 60})
    with page_open(app) if where == "/news" else watching(app, run.id) as one:
        one.recv_data()
        one.send(word)
        assert close_code(one) == UNKNOWN_WORD
    eventually(lambda: run.state.phase is not Phase.WAITING, "it runs")
    assert run.state.phase in UNHARMED
    run.cancel()


@pytest.mark.parametrize("where", ["/news", "/live"])
def test_bytes_and_large_words_end_a_socket(app: RunningApp, where: str) -> None:
    """Binary frames, even empty ones, and messages of megabytes close the socket. The run
    continues."""
    run = start(app, **{"5.steps": 60})
    for data, code in ((b"\0\1", UNKNOWN_WORD), (b"", UNKNOWN_WORD), (b"x" * 2_000_000, 1009)):
        with page_open(app) if where == "/news" else watching(app, run.id) as one:
            one.recv_data()
            with contextlib.suppress(OSError):  # closed while it is still sending
                one.send(data, websocket.ABNF.OPCODE_BINARY)
            assert ended(one) in (code, None)
    assert run.state.phase in UNHARMED
    run.cancel()


@pytest.mark.parametrize("where", ["/news", "/live"])
def test_a_flood_ends_a_socket(app: RunningApp, where: str) -> None:
    """The app disconnects a browser that floods it with messages. The run and another watcher
    continue."""
    run = start(app, **{"5.steps": 60})
    word = "here" if where == "/news" else "painted 1 1"
    with (
        watching(app, run.id) as other,
        page_open(app) if where == "/news" else watching(app, run.id) as one,
    ):
        other.recv_data()
        one.recv_data()
        message = websocket.ABNF.create_frame(word, websocket.ABNF.OPCODE_TEXT)
        with contextlib.suppress(OSError):
            one.sock.sendall(message.format() * int(BURST) * 20)
        assert ended(one) in (TOO_FAST, None)
        frames = (one for one in messages(other) if isinstance(one, bytes))
        assert next(frames), "the other watcher still gets frames"
    assert run.state.phase in UNHARMED
    run.cancel()


def test_a_stalled_browser_delays_no_other(app: RunningApp) -> None:
    r"""A browser asks for every frame but reads nothing. Only its own buffers fill.

    Another watcher of the same run gets frames until the end, and a page gets its events. The run
    finishes as usual.
    """
    run = start(app, **{"5.steps": 30, "4.width": 1024, "4.height": 1024})
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)]
    with (
        watching(app, run.id, sockopt=small) as stalled,
        watching(app, run.id) as lively,
        page_open(app) as open_page,
    ):
        got: list[object] = []
        for one in messages(lively):
            got.append(one)
            with contextlib.suppress(OSError):
                stalled.send("painted 1 1")
        assert len([one for one in got if isinstance(one, bytes)]) >= 10
        assert isinstance(got[-1], dict)
        assert got[-1]["phase"] == "done"
        assert json.loads(open_page.recv())["runs"]
    assert run.state.phase == "done"


def silent(app: RunningApp, said: bytes = b"") -> socket.socket:
    """Open a connection without a complete request."""
    host, port = app.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=LONGEST_WAIT)
    connection.sendall(said)
    return connection


def test_connections_have_a_bound() -> None:
    """When the app has too many connections with unfinished requests, it answers 503. It recovers
    after connections close."""
    limits = WebLimits(connections=6, patience=2 * LONGEST_WAIT)
    with running_demo_app(step_seconds=0, limits=limits) as (_, app):
        with contextlib.ExitStack() as kept:
            for _ in range(5):
                upload = begun("/api/v1/workflows", 1000, JSON, "", "Expect: 100-continue")
                # The app asks for the body when it has read the head. Before, it might close the
                # connection in favor of the next one.
                assert status(kept.enter_context(sent(app, *upload))) == 100
            eventually(
                lambda: (
                    requests.get(f"{app.url}/robots.txt", timeout=LONGEST_WAIT).status_code == 503
                )
            )
        eventually(
            lambda: requests.get(f"{app.url}/robots.txt", timeout=LONGEST_WAIT).status_code == 200
        )


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost:"])
def test_silent_connections_are_closed(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """The app closes a connection that sends nothing or only part of a request. It keeps the pages'
    sockets open."""
    monkeypatch.setattr(protocols, "HEAD_SECONDS", 0.3)
    with page_open(app) as open_page, silent(app, said) as connection:
        open_page.recv()
        while connection.recv(10_000):
            pass
        threading.Event().wait(0.4)
        open_page.send("here")
        assert open_page.recv()
