"""Middleware for every HTTP request: request counts, the origin check, the body limit, and scripted
faults."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import threading
from collections import Counter
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfyui_standin.server.faults import Misbehavior, Script

_STATUS_OF = {"http_500": 500, "http_502": 502, "http_413": 413, "answer_502": 502}


class RequestCounter:
    """Thread-safe request counts by method and path without the /api prefix, including WebSocket
    handshakes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def snapshot(self) -> Counter[str]:
        """Return the number of requests by route, such as `{"POST /prompt": 1}`."""
        with self._lock:
            return Counter(self._counts)


class DemoMiddleware:
    """ASGI middleware around the stand-in's routes."""

    def __init__(
        self, app: ASGIApp, *, counter: RequestCounter, script: Script, max_body: int
    ) -> None:
        self._app = app
        self._counter = counter
        self._script = script
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, then answer it or follow the script."""
        path = scope["path"].removeprefix("/api") or "/"
        name = f"{scope.get('method', 'GET')} {path}"
        self._counter.add(name)
        if _is_foreign(Headers(scope=scope)):
            await Response(status_code=403)(scope, receive, send)
        elif scope["type"] == "websocket":
            wrong = self._script.take(name)
            refused = (
                Response(status_code=_STATUS_OF[wrong.kind])
                if wrong and wrong.kind in _STATUS_OF
                else None
            )
            await (refused or self._app)(scope, receive, send)
        else:
            route = f"{scope['method']} /{path.split('/')[1]}"
            wrong = next(filter(None, map(self._script.take, dict.fromkeys((name, route)))), None)
            await self._answer(wrong, scope, receive, send)

    async def _answer(
        self, wrong: Misbehavior | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Process the request, before or after the scripted fault if there is one.

        A completely received request is processed even if the client has disconnected, as on the
        real server.
        """
        try:
            body = await _read_all(receive, self._max_body)
        except ClientDisconnect:
            return
        ask = (
            self._app
            if body is not None
            else Response(f"Maximum request body size {self._max_body} exceeded.", 413)
        )
        replay = _replay(body or b"", receive)
        if wrong is None:
            await ask(scope, replay, send)
        elif wrong.kind.startswith("answer_"):
            await ask(
                scope,
                replay,
                _swallow if wrong.kind != "answer_slow" else _late(send, wrong.seconds),
            )
            await _misbehave(wrong, scope, receive, send)
        elif wrong.kind in ("slow", "hold"):
            await _misbehave(wrong, scope, receive, send)
            await ask(scope, replay, send)
        else:
            await _misbehave(wrong, scope, receive, send)


async def _misbehave(wrong: Misbehavior, scope: Scope, receive: Receive, send: Send) -> None:
    match wrong.kind:
        case "slow":
            await asyncio.sleep(wrong.seconds)
        case "hold" if wrong.hold is not None:
            await wrong.hold.wait()
        case "cut" | "answer_lost":
            await _cut(send)
        case "bad_json":
            half = Response('{"exec_info": {"queue_rem', media_type="application/json")
            await half(scope, receive, send)
        case kind if kind in _STATUS_OF:
            await Response("scripted misbehavior", _STATUS_OF[kind])(scope, receive, send)
        case _:  # a late response has been sent by now
            pass


async def _swallow(event: Message) -> None:
    """Drop a part of a response."""


def _late(send: Send, seconds: float) -> Send:
    async def late(event: Message) -> None:
        if event["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(event)

    return late


async def _cut(send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]}
    )
    await send(
        {
            "type": "http.response.body",
            "body": json.dumps({"half": "of"}).encode(),
            "more_body": True,
        }
    )


async def _read_all(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, None if it exceeds the limit. Reads to the end even then.

    Otherwise a client that is still sending would see a connection reset instead of the 413. Raises
    ClientDisconnect if the client disconnects first.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = event.get("body", b"")
        size += len(chunk)
        if size <= limit:
            parts.append(chunk)
        if not event.get("more_body", False):
            break
    return b"".join(parts) if size <= limit else None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _is_foreign(headers: Headers) -> bool:
    """Return whether another site's page sent the request: 403 on loopback (docs/comfyui.md#13)."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    origin = urlsplit(headers.get("origin", ""))
    host = urlsplit("//" + headers.get("host", ""))
    if not origin.hostname or not host.hostname or not _is_loopback(host.hostname):
        return False
    ports_matter = origin.port is not None and host.port is not None
    return origin.hostname != host.hostname or (ports_matter and origin.port != host.port)


def _is_loopback(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost"
