"""Connections that wait, and requests that the app refuses before it has read their body."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfy.media.checks import MIB
from tests.support.raw_requests import JSON, RUDE, begun, sent, status
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings
from ui.web.limits import LOGIN_FORM, WebLimits

OTHER = "127.0.0.3"
FEW = WebLimits(connections=20, address_connections=10, uploading=1, patience=LONGEST_WAIT)
LOGIN = WebSettings(port=0, users=(("ann", "secret"),), trusted_proxies=("127.0.0.1",))
FORM = "application/x-www-form-urlencoded"
OPENING = "/api/v1/workflows"


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app that allows few connections."""
    with running_demo_app(limits=FEW) as (_, app):
        yield app


@pytest.fixture(scope="module")
def closed_app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run the same with sign-in, behind a trusted proxy."""
    with running_demo_app(limits=FEW, settings=LOGIN) as (_, app):
        yield app


def answer_and_end(connection: socket.socket) -> bytes:
    """Return all bytes until the app closes the connection."""
    answer = b""
    while part := connection.recv(65536):
        answer += part
    return answer


@pytest.mark.parametrize("begin", ["", "GET /robots.txt HTTP/1.1\r\nHost: loc"])
def test_idle_connections_keep_no_user_out(app: RunningApp, begin: str) -> None:
    """Two addresses hold all connections and send no request. Each further one closes their
    oldest."""
    with contextlib.ExitStack() as kept:
        held = [
            kept.enter_context(sent(app, begin, address=address))
            for _ in range(FEW.address_connections)
            for address in (RUDE, OTHER)
        ]
        for _ in range(3):
            answer = requests.get(f"{app.url}/robots.txt", timeout=LONGEST_WAIT)
            assert answer.status_code == 200
        assert status(held[0]) == 0


def test_an_address_with_few_idle_connections_keeps_them(app: RunningApp) -> None:
    """The address with the most loses its connections first, however old the others' are."""
    with contextlib.ExitStack() as kept:
        first = kept.enter_context(sent(app, address=OTHER))
        for _ in range(FEW.address_connections):
            kept.enter_context(sent(app))
        first.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(first) == 200


def test_refused_bodies_keep_no_user_out(closed_app: RunningApp) -> None:
    """Begun requests without an account, more than there are connections, are refused and closed,
    also from a proxy, which may open any number."""
    with contextlib.ExitStack() as kept:
        for _ in range(2 * FEW.connections):
            connection = kept.enter_context(sent(closed_app, *begun(OPENING), address="127.0.0.1"))
            assert answer_and_end(connection).startswith(b"HTTP/1.1 401")
        answer = requests.get(f"{closed_app.url}/robots.txt", timeout=LONGEST_WAIT)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("code", "request_lines"),
    [
        (403, begun("/login", 10, FORM, "", "Origin: http://evil.example")),
        (404, begun("/nothing")),
        (413, begun(OPENING, 1000 * MIB)),
        (413, begun("/login", LOGIN_FORM + 1, FORM)),
    ],
)
def test_an_answer_before_the_body_closes(
    app: RunningApp, code: int, request_lines: tuple[str, ...]
) -> None:
    """The app doesn't wait for a body that it refused."""
    with sent(app, *request_lines) as connection:
        head = answer_and_end(connection).split(b"\r\n\r\n")[0]
        assert head.startswith(f"HTTP/1.1 {code} ".encode())
        assert b"\r\nconnection: close" in head


def test_requests_behind_another_are_not_answered(app: RunningApp) -> None:
    """Many requests in one write don't follow each other without a pause for other users."""
    asked = ("GET /robots.txt HTTP/1.1", "Host: localhost")
    with sent(app, *asked, "", *asked, "Connection: close", "", "") as connection:
        answer = answer_and_end(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert b"\r\nconnection: close" in answer


def test_an_answer_to_a_caller_without_an_account_closes(closed_app: RunningApp) -> None:
    """Its next request needs a new connection."""
    with sent(closed_app, f"GET {OPENING} HTTP/1.1", "Host: localhost", "", "") as connection:
        head = answer_and_end(connection).split(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close" in head


def test_closed_sockets_keep_no_user_out(closed_app: RunningApp) -> None:
    """Two addresses hold all connections as WebSockets that the app has closed, and don't answer
    its close frames."""
    handshake = (
        "GET /live/x HTTP/1.1",
        f"Host: {closed_app.url.removeprefix('http://')}",
        f"Origin: {closed_app.url}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "",
        "",
    )
    with contextlib.ExitStack() as kept:
        for number in range(2 * FEW.address_connections):
            address = (RUDE, OTHER)[number % 2]
            held = kept.enter_context(sent(closed_app, *handshake, address=address))
            answer = b""
            while b"\r\n\r\n\x88" not in answer:  # the close frame
                answer += held.recv(65536) or pytest.fail("The app closed the connection.")
        page = requests.get(f"{closed_app.url}/robots.txt", timeout=LONGEST_WAIT)
        assert page.status_code == 200


def test_a_full_room_closes(app: RunningApp) -> None:
    """An upload without a place is refused before its body, and its connection closes."""
    upload = begun("/gradio_api/upload", 9000, "multipart/form-data; boundary=b")
    with sent(app, *upload, address=OTHER) as first, sent(app, *upload) as second:
        (refused, *_), _, _ = select.select([first, second], [], [], LONGEST_WAIT)
        head = answer_and_end(refused).split(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nconnection: close" in head


def test_a_client_that_still_sends_gets_the_refusal(app: RunningApp) -> None:
    """The app drops the rest of a refused body. A reset would destroy the answer."""
    size = 8 * MIB
    with sent(app, *begun("/nothing", size, JSON)) as connection:
        connection.sendall(bytes(size))
        assert status(connection) in (404, 413)


def test_an_answered_connection_stays_open(app: RunningApp) -> None:
    """A request that arrives with its whole body keeps its connection."""
    with sent(app) as connection:
        for _ in range(2):
            connection.sendall("\r\n".join(begun("/nothing", 2, JSON, "{}")).encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.will_close) == (404, False)
            assert answer.read()
