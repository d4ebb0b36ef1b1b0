"""The way to Gradio's own routes: only those that the page and scripts use, and only with what they may carry.

Gradio brings much that this app does not need: it proxies addresses, fetches files that a caller names by address,
records the screen, edits programs, and lets any other site's page call it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Iterator
from typing import Any

from gradio.route_utils import API_PREFIX
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.addresses import client_address
from ui.guesses import Guesses
from ui.identity import Identity
from ui.limits import WebLimits
from ui.upload_folder import PLACE

log = logging.getLogger(__name__)

READ = frozenset(
    {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/login"}
    | {f"{API_PREFIX}/{name}" for name in ("info", "openapi.json", "queue/data", "login_check", "user", "app_id")}
)
READ_BELOW = ("/static/", "/assets/", "/svelte/", f"{API_PREFIX}/call/")
LOGIN = "/login"
CALLS = frozenset(f"{API_PREFIX}/{name}" for name in ("run/predict", "queue/join", "cancel", "reset"))
CALLS_BELOW = (f"{API_PREFIX}/call/",)

WRONG_PASSWORD = 1.0  # seconds that the answer takes at least
MOST_MARKS = 500_000  # brackets and commas, also of texts: each may become a hundred bytes of memory and more
NOT_UNDERSTOOD = "The app could not use this request. Reload the page and try again."


class Door:
    """ASGI app in front of Gradio's."""

    def __init__(self, gradio: ASGIApp, identity: Identity, limits: WebLimits, guesses: Guesses) -> None:
        self.gradio = gradio
        self.identity = identity
        self.limits = limits
        self.guesses = guesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        path = scope["path"].rstrip("/") or "/"
        match scope["type"], scope.get("method"):
            case "http", "GET" | "HEAD" if is_open(path):
                await self.gradio(scope, receive, send)
            case "http", "POST" if not self.identity.same_origin(HTTPConnection(scope)):
                await _answer(403, "This app answers its own page only.", scope, receive, send)
            case "http", "POST" if path == LOGIN:
                await self._login(scope, receive, send)
            case "http", "POST" if path in CALLS or path.startswith(CALLS_BELOW):
                await self._call(scope, receive, send)
            case "http", _:
                await _answer(404, "There is nothing here.", scope, receive, send)
            case "websocket", _:
                await send({"type": "websocket.close", "code": 4404})

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whoever guesses passwords waits after each, and the longer the more of them were wrong."""
        body = await Request(scope, receive).body()
        name, address = await name_in(scope, body), client_address(scope)
        if wait := self.guesses.attempt(name, address, time.monotonic()):
            sentence = f"Too many wrong passwords. Try again in {math.ceil(wait)} seconds."
            await _answer(400, sentence, scope, receive, send)  # Gradio's form shows nothing for any other number
            return

        async def later(message: Message) -> None:
            match message:
                case {"type": "http.response.start", "status": 200}:
                    self.guesses.right(name, address)
                case {"type": "http.response.start"}:
                    await asyncio.sleep(WRONG_PASSWORD)
            await send(message)

        await self.gradio(scope, replay(body, receive), later)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if why := problem_with_call(body, self.limits):
            await _answer(422, why, scope, receive, send)
            return
        replaced = False

        async def without_failure(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 500:
                replaced = True
                await _answer(422, NOT_UNDERSTOOD, scope, receive, send)
            if not replaced:
                await send(message)

        try:
            await self.gradio(scope, replay(body, receive), without_failure)
        except Exception as error:
            if not replaced:
                raise
            log.warning("A call could not be answered: %r", error)


def replay(body: bytes, receive: Receive) -> Receive:
    """The same body once more, and then what comes after it."""
    rest: list[Message] = [{"type": "http.request", "body": body}]

    async def next_message() -> Message:
        return rest.pop() if rest else await receive()

    return next_message


async def name_in(scope: Scope, body: bytes) -> str:
    """Who wants to log in, as Gradio reads it; "" where its form cannot be read."""
    request = Request({**scope, "app": None}, replay(body, _nothing_more))
    try:
        async with request.form() as form:
            return str(form.get("username", "")).strip()
    except HTTPException:
        return ""


def is_open(path: str) -> bool:
    """Whether this is something to be read here."""
    return path in READ or path.startswith(READ_BELOW)


def problem_with_call(body: bytes, limits: WebLimits) -> str:
    """Why a call's JSON is not handed on, as a sentence; "" if it is."""
    if sum(map(body.count, (b"[", b"{", b","))) > MOST_MARKS:
        return too_many(limits)
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return "This is not JSON."
    if not isinstance(call, dict):
        return "A call is a JSON object."
    for number, (depth, value) in enumerate(_walk(call), start=1):
        if depth > limits.depth:
            return "These values are nested too deeply."
        if number > limits.values:
            return too_many(limits)
        if isinstance(value, dict) and _names_other_file(value):
            return "Files have to be uploaded first, and one of these was not."
    return ""


def too_many(limits: WebLimits) -> str:
    """The sentence for more values than a call may have."""
    return f"These are more than {limits.values:,} values."


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    level, depth = [value], 0
    while level:
        yield from ((depth, one) for one in level)
        level = [
            child
            for one in level
            for child in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        depth += 1


def _names_other_file(value: dict[str, Any]) -> bool:
    """Whether this is Gradio's word for a file whose place is none of this app's. It would fetch any address."""
    place, address = value.get("path"), value.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith("data:"):
        return True
    return isinstance(place, str) and not PLACE.fullmatch(place)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


async def _answer(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    # Gradio's page reads `error`, its Python client `detail`.
    await JSONResponse({"error": sentence, "detail": sentence}, status)(scope, receive, send)
