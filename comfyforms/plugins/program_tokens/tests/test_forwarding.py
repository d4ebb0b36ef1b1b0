"""`comfyforms connect`: the token goes to the app's host only."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from comfyforms.plugins.program_tokens.connect import Forwarder
from tests.support.waiting import LONGEST_WAIT, awaited

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [("/ws", "/ws"), ("//{other}/ws", "//{other}/ws"), ("%2f@{other}/ws", "/%2f@{other}/ws")],
    ids=["redirect", "two slashes", "encoded slash"],
)
def test_attack_a_socket_is_led_to_another_host(path: str, arrives: str) -> None:
    """Neither a redirect of the app, or of a proxy in front of it, nor a program's path does it."""
    at_app, elsewhere = awaited(_asked(path))
    ((line, other),) = at_app
    assert line == f"GET {arrives.format(other=other)} HTTP/1.1"
    assert elsewhere == []


@pytest.mark.parametrize("path", ["/../x", "/a/%2e%2e/%2e%2e/x", "/..%2fx"])
def test_a_path_stays_within_the_apps_address(path: str) -> None:
    """The token isn't for other paths of the app's host."""
    at_app, _ = awaited(_asked(path))
    assert at_app == []


def test_programs_share_no_cookies() -> None:
    """A cookie that the app sets isn't sent with the next program's request."""
    seen = list[str]()

    async def set_cookie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        await _answer(writer, "200 OK\r\nSet-Cookie: a=b; Path=/")

    async def ask() -> list[int]:
        async with await asyncio.start_server(set_cookie, HERE, 0) as app:
            address = f"http://{HERE}:{app.sockets[0].getsockname()[1]}"
            forwarder = Forwarder(address, "comfyforms_x").app()
            async with forwarder.router.lifespan_context(forwarder):
                transport = httpx.ASGITransport(forwarder)
                async with httpx.AsyncClient(transport=transport) as program:
                    here = f"http://{HERE}:8188"
                    return [(await program.get(f"{here}/{one}")).status_code for one in "ab"]

    assert awaited(ask()) == [200, 200]
    assert len(seen) == 2
    assert not any("\r\ncookie:" in one for one in seen)


async def _asked(path: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Ask for a socket at an app that redirects to another host. Return the requests at the app,
    each with the other host, and those at the other host."""
    at_app, elsewhere = list[tuple[str, str]](), list[str]()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        elsewhere.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await _answer(writer, "200 OK")

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        at_app.append((asked.partition("\r\n")[0], other))
        await _answer(writer, f"302 Found\r\nLocation: //{other}/ws")

    async with (
        await asyncio.start_server(keep, HERE, 0) as stranger,
        await asyncio.start_server(redirect, HERE, 0) as app,
    ):
        other = f"{HERE}:{stranger.sockets[0].getsockname()[1]}"
        address = f"http://{HERE}:{app.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(LONGEST_WAIT):
            await _open(Forwarder(address, "comfyforms_x"), path.format(other=other))
    return at_app, elsewhere


async def _answer(writer: asyncio.StreamWriter, head: str) -> None:
    writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    writer.close()


async def _open(forwarder: Forwarder, path: str) -> None:
    """Open a socket as a server does that doesn't check the path, such as uvicorn with h11."""
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8188")],
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(_: object) -> None:
        pass

    await forwarder.app()(scope, receive, send)
