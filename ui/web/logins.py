"""Sign-in middleware: open paths, the end of sessions, and answers to unauthenticated requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.base.threads import background, repeated
from comfy.records.api_keys import ApiKeys
from comfy.runs.interface import AppProcesses
from ui.accounts.database import SignInStoreError
from ui.accounts.login import PROGRAMS
from ui.web.failures import refusal_for
from ui.web.guesses import FailedSignIns, Guesses
from ui.web.identity import LOG_IN_FIRST, Identity, bearer_token
from ui.web.socket_limits import set_from_thread

log = logging.getLogger(__name__)

SIGN_INS_ENDED = "accounts"  # topic of hints between processes
_STREAMS = ("text/event-stream", "multipart/x-mixed-replace")
LOOK_EVERY = 60.0  # seconds between two checks for ended logins
REPORT_EVERY = 2.0  # seconds between two reports of failed sign-ins
_TOKEN_FIRST = message("Programs need a token. Create one on the page “Your account”.")
_NOT_OPENED = message("This token doesn't open this address.")
_REFRESH_EVERY = 1.0  # maximum seconds until a removed user is signed out


class LoginMiddleware:
    """ASGI middleware that answers 401 to unauthenticated requests before reading a body. Only
    requests that `is_public` accepts are open. A token with a scope opens nothing outside it, not
    even what everyone may see."""

    def __init__(
        self, app: ASGIApp, identity: Identity, is_public: Callable[[Scope], bool]
    ) -> None:
        self.app = app
        self.identity = identity
        self.is_public = is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward public and authenticated requests."""
        login = self.identity.login
        if login is None or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        if who := self.identity.signed_in(request):
            login.touch(who)
        elif self.identity.is_out_of_scope(request):
            await refusal_for(scope, _NOT_OPENED, 404)(scope, receive, send)
            return
        elif not self.is_public(scope):
            await self._refuse(request, receive, send)
            return

        async def send_with_challenge(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] == 401:
                MutableHeaders(scope=event).setdefault("www-authenticate", _challenge(request))
            await send(event)

        await self.app(scope, receive, send_with_challenge)

    async def _refuse(self, request: HTTPConnection, receive: Receive, send: Send) -> None:
        """Refuse a request, or a socket before it is accepted, with the same response."""
        is_program = self.identity.scope_of(request.scope) == PROGRAMS
        sentence = _TOKEN_FIRST if is_program else LOG_IN_FIRST
        answer = refusal_for(request.scope, sentence, 401)
        answer.headers["www-authenticate"] = _challenge(request)
        await answer(request.scope, receive, send)


def _challenge(request: HTTPConnection) -> str:
    """Return the header by which a 401 shows scripts how to authenticate."""
    wrong = ', error="invalid_token"' if bearer_token(request) else ""
    return f'Bearer realm="ComfyForms"{wrong}'


class LogoutMiddleware:
    """ASGI middleware that stops a stream of events or images when the login of its request
    ends."""

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self.app = app
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything until the login ends."""
        request = HTTPConnection(scope) if scope["type"] == "http" else None
        if request is None or self.identity.login is None or self.identity.owner(request) is None:
            await self.app(scope, receive, send)
            return
        streams = ended = False

        async def send_while_logged_in(event: Message) -> None:
            nonlocal streams, ended
            if event["type"] == "http.response.start":
                streams = Headers(raw=event["headers"]).get("content-type", "").startswith(_STREAMS)
            elif streams and not ended and self.identity.owner(request) is None:
                ended = True
                await send({"type": "http.response.body", "body": b""})
            if not ended:
                await send(event)

        await self.app(scope, receive, send_while_logged_in)


@contextlib.asynccontextmanager
async def watched_logins(
    identity: Identity,
    guesses: Guesses,
    processes: AppProcesses | None = None,
    keys: ApiKeys | None = None,
    note: Callable[[FailedSignIns], None] = lambda _: None,
) -> AsyncIterator[None]:
    """Maintain logins during the block. Each second, notice removed users. Every two, log failed
    sign-ins, also with `note`. Every minute, close sockets whose login has ended, store last-used
    times, and delete the API keys of removed users."""
    watch, login = LoginWatch(identity, guesses, keys, note), identity.login
    leave = None
    if processes is not None:
        wake = partial(set_from_thread, asyncio.get_running_loop(), watch.hinted)
        leave = processes.on_hint(SIGN_INS_ENDED, wake)
    try:
        async with background(
            partial(repeated, watch.look, LOOK_EVERY),
            partial(repeated, watch.tell_failed, REPORT_EVERY),
            partial(repeated, watch.refresh, watch.pause),
        ):
            yield
    finally:
        if leave is not None:
            leave()
    await watch.tell_failed()
    if login is not None:
        try:
            await asyncio.to_thread(login.close)  # another process may lock the file
        except ComfyError as error:
            log.warning("%s %s", error, error.hint)


@dataclass(slots=True)
class LoginWatch:
    """Repeated tasks of `watched_logins`. `hinted`: another process has ended sign-ins. `problem`:
    with the users file or the sign-ins, logged once."""

    identity: Identity
    guesses: Guesses
    keys: ApiKeys | None
    note: Callable[[FailedSignIns], None]
    hinted: asyncio.Event = field(default_factory=asyncio.Event)
    problem: str = ""

    async def look(self) -> None:
        """Close sockets and store what has changed."""
        login = self.identity.login
        try:
            if login is not None:
                await asyncio.to_thread(login.keep)
            if self.keys is not None and not self.problem:
                await asyncio.to_thread(self.keys.forget, self.identity.is_removed)
            await self.guesses.forget(time.time())
        finally:
            await self.identity.close_expired()

    async def tell_failed(self) -> None:
        """Log the failed sign-ins since the last report."""
        for failed in self.guesses.report():
            log.warning(failed.sentence)
            await asyncio.to_thread(self.note, failed)

    async def refresh(self) -> None:
        """Notice removed users, and close their sockets."""
        login = self.identity.login
        if login is None:
            return
        try:
            has_changed, now = await asyncio.to_thread(login.refresh), ""
        except SignInStoreError as error:
            has_changed, now = True, f"{error} Signed-in users stay signed in until it works again."
        except ComfyError as error:
            has_changed = True
            now = f"{error} {error.hint} Its users can't sign in until it can be read."
        if now not in ("", self.problem):
            log.error(now)
        self.problem = now
        if has_changed:
            await self.identity.close_expired()

    async def pause(self) -> None:
        """Wait for a hint, or until the next refresh is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_REFRESH_EVERY):
                await self.hinted.wait()
        self.hinted.clear()
