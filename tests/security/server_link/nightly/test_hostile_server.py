"""Answers from a hostile ComfyUI server or node reach no other host and fill no memory."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.exchange import LONG_ANSWER
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.reports import fresh
from tests.support.waiting import LONGEST_WAIT

MIB = 1024 * 1024
FILE = OutputFile("a.png", "", "output", "image", "1")
Answering = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answering) -> Iterator[tuple[str, list[str]]]:
    """Run a server that answers each GET this way. Yield its address and the list of requested
    paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, format: str, *_: object) -> None:
            """Print nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"content_length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_finding_s11_a_redirect_leads_nowhere_else(status: int) -> None:
    """The app fetches neither a result nor a query from another port, host, scheme or user, however
    the address is written."""
    with answering(lambda handler: send(handler, 200, b'{"secret": 1}')) as (canary, heard):
        place = canary.partition("://")[2]
        port = place.partition(":")[2]
        leads = [
            canary,
            f"//{place}/",
            f"http://localhost:{port}/",
            f"https://{place}/",
            f"http://{place}\\@OWN/view",
            f"http://OWN@{place}/view",
            f"http://user:password@{place}/",
            f"\t//{place}/",
            f"http:{canary[5:]}#OWN/",
            "http://user@OWN/view",
            "http://OWN:1/",
            "http://[::1/",
            "file:///etc/passwd",
        ]
        lead = ""

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            own = str(handler.headers["host"])
            send(handler, status, b"moved", location=lead.replace("OWN", own))

        with answering(redirect) as (url, asked), Client(url, timeout=LONGEST_WAIT) as client:
            for lead in leads:  # noqa: B007 - the handler reads it
                with pytest.raises(ServerError, match="another address"), client.view(FILE):
                    pass
                with pytest.raises(ServerError, match="another address"):
                    client.system_stats()
                assert client.answers(timeout=LONGEST_WAIT)
        assert len(asked) == 3 * len(leads)
        assert not heard


def test_finding_s11_a_redirect_stays_below_the_servers_path() -> None:
    """A proxy may serve other servers under other paths."""
    with (
        answering(lambda handler: send(handler, 302, location="/team-b/queue")) as (url, asked),
        Client(f"{url}/team-a", timeout=LONGEST_WAIT) as client,
        pytest.raises(ServerError, match="another address"),
    ):
        client.queue()
    assert asked == ["/team-a/queue"]


def test_finding_s11_a_redirect_within_the_server_is_followed() -> None:
    """The client follows relative and absolute redirects, but only five in a row."""
    steps = {"/queue": "/one?a=b", "/one?a=b": "two", "/two": "http://OWN/three", "/history/x": "x"}

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        if to := steps.get(handler.path):
            send(handler, 302, location=to.replace("OWN", str(handler.headers["host"])))
        else:
            send(handler, 200, b'{"queue_running": [[0, "p"]]}')

    with answering(redirect) as (url, asked), Client(url, timeout=LONGEST_WAIT) as client:
        assert client.queue().running == ("p",)
        assert asked == ["/queue", "/one?a=b", "/two", "/three"]
        with pytest.raises(ServerError, match="another address"):
            client.history("x")
        assert len(asked) < 12


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Send JSON until the client closes the connection."""
    send(handler, 200, content_length=str(2**50))
    try:
        while True:
            handler.wfile.write(b" " * MIB)
    except OSError:
        handler.close_connection = True


PACKED = gzip.compress(b" " * (LONG_ANSWER + MIB), 1)


def unpacked(handler: BaseHTTPRequestHandler) -> None:
    try:
        send(handler, 200, PACKED, content_encoding="gzip")
    except OSError:
        handler.close_connection = True


def crowded(handler: BaseHTTPRequestHandler) -> None:
    """Send a small body that takes much memory when it is parsed."""
    send(handler, 200, b"[" + b"[]," * 2_000_000 + b"[]]")


@pytest.mark.parametrize(
    ("answer", "says"), [(endless, "unexpected"), (unpacked, "unexpected"), (crowded, "unexpected")]
)
def test_finding_s17_an_answer_has_a_limit(answer: Answering, says: str) -> None:
    """The limit covers the received bytes, the unpacked bytes and the number of parts."""
    with answering(answer) as (url, _), Client(url, timeout=LONGEST_WAIT) as client:
        for ask in (client.object_info, client.queue, client.system_stats):
            with pytest.raises(ServerError, match=says):
                ask()
        with pytest.raises(ServerError, match=says):
            client.history("x")


def drip_head(handler: BaseHTTPRequestHandler) -> None:
    """Repeat the head of a 100 Continue answer."""
    drip(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    """Send the body slowly, byte by byte."""
    send(handler, 200, content_length=str(2**50))
    drip(handler, b" ")


def drip(handler: BaseHTTPRequestHandler, piece: bytes) -> None:
    """Send the piece every few milliseconds until the client closes the connection."""
    handler.close_connection = True
    handler.connection.settimeout(0.02)
    with contextlib.suppress(ConnectionError):
        while True:
            handler.connection.sendall(piece)
            with contextlib.suppress(TimeoutError):
                handler.connection.recv(1)


@pytest.mark.parametrize("answer", [drip_head, drip_body])
def test_finding_s17_an_answer_has_a_limit_of_time(answer: Answering) -> None:
    """An answer that trickles in without a long silence doesn't block the caller."""
    with answering(answer) as (url, _), Client(url, timeout=0.1) as client:
        for ask in (client.queue, client.system_stats):
            with pytest.raises(ServerUnreachable):
                ask()


def test_finding_s17_texts_from_the_server_are_shortened() -> None:
    """All users can see the health report, so the app shortens its texts."""
    device = {"name": "d" * 1000, "vram_free": 10**300, "vram_total": -(10**18)}
    stats = {
        "system": {"comfyui_version": "v" * MIB},
        "devices": [device] * 1000,
    }

    def tell(handler: BaseHTTPRequestHandler) -> None:
        told = stats if handler.path == "/system_stats" else {}
        send(handler, 200, json.dumps(told).encode())

    with answering(tell) as (url, _), Client(url) as client, ServerPool(client) as pool:
        ((_, report),) = fresh(pool)()
    assert report.up
    assert len(report.version) == 100
    assert len(report.memory) == 64
    assert {(len(one.device), one.free, one.total) for one in report.memory} == {(100, None, None)}


def test_finding_s17_an_absurd_file_size_is_ignored() -> None:
    """The client ignores a content length with thousands of digits."""

    def announce(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        send(handler, 200, content_length="9" * 5000)

    with (
        answering(announce) as (url, _),
        Client(url, timeout=LONGEST_WAIT) as client,
        client.view(FILE) as answer,
    ):
        assert answer.size is None
        with pytest.raises(ComfyError):
            client.queue()
