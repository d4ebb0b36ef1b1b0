"""Browser connections at the level of the web server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.attacks.wire import frame_of, rendered
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.server import web_config
from ui.settings.web_settings import WebSettings
from ui.web.limits import WebLimits


@contextlib.contextmanager
def serving(app: Any, limits: WebLimits | None = None) -> Iterator[int]:
    """Run an ASGI app behind the app's own web server and yield its port."""
    server = uvicorn.Server(web_config(app, WebSettings(port=0), limits or WebLimits()))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


async def _starts(send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )


def test_an_answer_is_not_cut_by_the_one_before_it() -> None:
    """If a request still works after its answer, it doesn't affect the next answer on the same
    connection."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"], scope.get("path"):
            case "http", "/first":
                await _starts(send)
                await send({"type": "http.response.body", "body": b"ok"})
                await begun.wait()
                asyncio.get_running_loop().call_later(0.05, ended.set)
            case "http", _:
                await _starts(send)
                await send({"type": "http.response.body", "body": b"o", "more_body": True})
                begun.set()
                await ended.wait()
                await send({"type": "http.response.body", "body": b"k"})

    with (
        serving(app) as port,
        contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_WAIT)
        ) as browser,
    ):
        for path in ("/first", "/second"):
            browser.request("GET", path)
            assert browser.getresponse().read() == b"ok"


def test_an_answer_that_breaks_off_ends_its_connection() -> None:
    """The client doesn't mistake a partial answer for a complete one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _starts(send)
            await send({"type": "http.response.body", "body": b"o", "more_body": True})

    with (
        serving(app) as port,
        contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_WAIT)
        ) as browser,
    ):
        browser.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            browser.getresponse().read()


def test_connections_that_arrive_together_are_all_answered() -> None:
    """More connections than may be idle arrive while the event loop is busy. It doesn't close any
    of them before it reads their requests."""
    busy, free = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            busy.set()
            free.wait(LONGEST_WAIT)  # blocks the event loop
            await _starts(send)
            await send({"type": "http.response.body", "body": b"ok"})

    request = rendered("GET", b"/", [(b"Host", b"127.0.0.1"), (b"Connection", b"close")])
    with serving(app, WebLimits(connections=300)) as port, contextlib.ExitStack() as kept:
        kept.callback(free.set)
        first = kept.enter_context(socket.create_connection(("127.0.0.1", port)))
        first.sendall(request)
        assert busy.wait(LONGEST_WAIT)
        browsers, later = [kept.enter_context(socket.socket()) for _ in range(250)], []
        for browser in browsers:
            browser.setblocking(False)
            browser.connect_ex(("127.0.0.1", port))
            try:
                browser.sendall(request)
            except OSError:  # its connection has to wait for others
                later.append(browser)
        free.set()
        for browser in browsers:
            browser.settimeout(LONGEST_WAIT)
            if browser in later:
                browser.sendall(request)
            assert browser.recv(100).startswith(b"HTTP/1.1 200 ")


HANDSHAKE = rendered(
    "GET",
    b"/",
    [
        (b"Host", b"127.0.0.1"),
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Version", b"13"),
        (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ],
)


@pytest.mark.parametrize("frame", [frame_of(1, b"\xff"), frame_of(9, b"x" * 126), b"\xff" * 20])
def test_a_broken_frame_before_the_answer_ends_the_handshake(
    frame: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """If a frame arrives before the app has accepted the socket, the server closes the connection
    without a traceback."""
    asked, closed = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            asked.set()
            await asyncio.to_thread(closed.wait, LONGEST_WAIT)
            await send({"type": "websocket.accept"})

    with (
        serving(app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT) as browser,
    ):
        browser.sendall(HANDSHAKE)
        assert asked.wait(LONGEST_WAIT)
        browser.sendall(frame)
        with contextlib.suppress(ConnectionError):
            assert not browser.recv(1)
        closed.set()
    assert not caplog.records


def test_a_browser_that_answers_no_close_frame_is_cut_off() -> None:
    """Its connection ends before a request that began later and takes five seconds."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            await receive()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await receive()  # until the browser leaves
            await _starts(send)
            await send({"type": "http.response.body", "body": b"ok"})

    with (
        serving(app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT) as browser,
        socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT) as other,
    ):
        browser.sendall(HANDSHAKE)
        answer = b""
        while not answer.endswith(b"\x88\x02\x03\xe8"):  # the close frame
            answer += browser.recv(65536)
        other.sendall(rendered("GET", b"/", [(b"Host", b"127.0.0.1")]))
        assert browser in select.select([browser, other], [], [], LONGEST_WAIT)[0]


def send_forever(browser: socket.socket, data: bytes) -> None:
    while True:
        browser.sendall(data)


def test_a_browser_that_reads_no_pongs_is_cut_off() -> None:
    """If a browser leaves the pongs unread, they don't pile up in memory."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()

    pings = frame_of(9, b"x" * 125) * 1000
    with (
        serving(app) as port,
        socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT) as browser,
    ):
        browser.sendall(HANDSHAKE)
        with pytest.raises(ConnectionError):
            send_forever(browser, pings)
