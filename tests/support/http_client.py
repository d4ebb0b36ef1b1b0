"""Plain web client for tests of the app: requests with a cookie, and a run's socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
import websocket
from starlette.requests import HTTPConnection

from comfy.runs.interface import Origin, Run, RunPolicy
from tests.support.serving import SECRET, RunningApp
from tests.support.waiting import LONGEST_WAIT
from ui.web.cookies import Cookies

ANN = "a" * 43
BOB = "b" * 43
COOKIES = Cookies(SECRET)
PLAIN = HTTPConnection({"type": "http", "scheme": "http", "headers": []})


def cookie_of(browser: str) -> dict[str, str]:
    """Return the cookie of the browser with this id, signed as the app signs it, or no cookie for
    an empty id."""
    return {COOKIES.name(PLAIN): COOKIES.signed(browser)} if browser else {}


def start(
    app: RunningApp, workflow: str = "text-to-image", /, cookie: str = ANN, **values: object
) -> Run:
    """Start a run for the browser with this cookie. The run continues without a watcher."""
    return app.services.starter.start(
        workflow, values, Origin(f"browser:{cookie}"), RunPolicy(deadline=60, watched=False)
    )


def finished(run: Run) -> Run:
    """Wait for a run's end and return the run."""
    for _ in run.watch(timeout=LONGEST_WAIT):
        pass
    return run


def get(app: RunningApp, path: str, cookie: str = ANN, **headers: str) -> requests.Response:
    """GET a path as a browser with this cookie."""
    with requests.get(
        app.url + path, cookies=cookie_of(cookie), headers=headers, timeout=LONGEST_WAIT
    ) as answer:
        assert answer.content is not None
        return answer


def post(app: RunningApp, path: str, cookie: str = ANN, **headers: str) -> requests.Response:
    """POST to a path as a browser with this cookie."""
    with requests.post(
        app.url + path, cookies=cookie_of(cookie), headers=headers, timeout=LONGEST_WAIT
    ) as answer:
        assert answer.content is not None
        return answer


@contextmanager
def watching(
    app: RunningApp, run_id: str, cookie: str = ANN, **options: Any
) -> Iterator[websocket.WebSocket]:
    """Open a run's socket as the browser with this cookie."""
    with connected(app, f"/live/{run_id}", cookie, **options) as socket:
        yield socket


@contextmanager
def page_open(app: RunningApp, cookie: str = ANN, **options: Any) -> Iterator[websocket.WebSocket]:
    """Open the socket of an open page."""
    with connected(app, "/news", cookie, **options) as socket:
        yield socket


def told(socket: websocket.WebSocket, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the page's first news for which `true` holds."""
    for news in messages(socket):
        if isinstance(news, dict) and "runs" in news and true(news):
            return news
    raise AssertionError("the socket was closed")


@contextmanager
def connected(
    app: RunningApp, path: str, cookie: str = ANN, **options: Any
) -> Iterator[websocket.WebSocket]:
    """Open a socket as the browser with this cookie."""
    address = app.url.replace("http", "ws") + path
    given = "; ".join(map("=".join, cookie_of(cookie).items()))
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=given, **options)
    try:
        yield socket
    finally:
        socket.close()
        socket.shutdown()  # type: ignore[no-untyped-call]  # close() does nothing after the other side's close


def messages(
    socket: websocket.WebSocket, *, painting: bool = True
) -> Iterator[dict[str, Any] | bytes]:
    """Yield views and frames until the server closes the socket. Acknowledge each frame if
    `painting`."""
    frame = 0
    while True:
        kind, data = socket.recv_data()
        match kind:
            case websocket.ABNF.OPCODE_TEXT:
                said = json.loads(data)
                frame = said.get("frame", frame)
                if "frame" not in said:
                    yield said
            case websocket.ABNF.OPCODE_BINARY:
                yield data
                if painting:
                    socket.send(f"painted {frame} 1")
            case websocket.ABNF.OPCODE_CLOSE:
                return


def close_code(socket: websocket.WebSocket) -> int:
    """Skip other messages and return the close code of the server."""
    while True:
        kind, data = socket.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")
