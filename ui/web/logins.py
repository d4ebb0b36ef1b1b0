"""How a login lasts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.messages import message
from ui.web.guesses import Guesses
from ui.web.identity import OWN_PAGE_ONLY, Identity

log = logging.getLogger(__name__)

LASTS = 30 * 24 * 3600.0  # seconds
_MOST = 100  # logins of one person at once; the oldest ends first
LOOK_EVERY = 60.0  # seconds between two looks at logins that have ended or failed
_LOGOUT = "/logout"


class Tokens(dict[str, str]):
    """Names by the token of a login, as Gradio asks for them; each is forgotten after `LASTS`
    seconds, or when the same person has logged in `_MOST` times more."""

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[str, float] = {}

    def __setitem__(self, token: str, name: str) -> None:
        super().__setitem__(token, name)
        self._since[token] = time.monotonic()
        for old in [one for one, whose in self.items() if whose == name][:-_MOST]:
            self.pop(old)

    def get(self, token: str, default: object = None) -> Any:  # noqa: ANN401 - as dict's
        """The name, unless there is none or its time is over."""
        if token in self and time.monotonic() - self._since[token] > LASTS:
            self.pop(token)
        return super().get(token, default)

    def pop(self, token: str, default: object = None) -> Any:  # noqa: ANN401 - as dict's
        """Forget a token; the name it had."""
        self._since.pop(token, None)
        return super().pop(token, default)


def logout_routes(identity: Identity) -> APIRouter:
    """`POST /logout` ends the login of this one browser. A link or an image on another site's page
    cannot."""
    router = APIRouter()

    @router.post(_LOGOUT, status_code=204)
    async def log_out(request: Request, response: Response) -> None:
        if not identity.same_origin(request):
            raise HTTPException(403, OWN_PAGE_ONLY)
        for cookie in await identity.log_out(request):
            response.delete_cookie(cookie)

    @router.get(_LOGOUT)
    def not_by_a_link() -> None:
        raise HTTPException(405, message("Log out on the page."), {"Allow": "POST"})

    return router


class LogoutMiddleware:
    """ASGI middleware: a stream of events says nothing more once the login has ended with which it
    was asked for."""

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self.app = app
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on until then."""
        request = HTTPConnection(scope) if scope["type"] == "http" else None
        if request is None or self.identity.login is None or self.identity.owner(request) is None:
            await self.app(scope, receive, send)
            return
        streams = ended = False

        async def send_while_logged_in(message: Message) -> None:
            nonlocal streams, ended
            if message["type"] == "http.response.start":
                streams = (
                    Headers(raw=message["headers"])
                    .get("content-type", "")
                    .startswith("text/event-stream")
                )
            elif streams and not ended and self.identity.owner(request) is None:
                ended = True
                await send({"type": "http.response.body", "body": b""})
            if not ended:
                await send(message)

        await self.app(scope, receive, send_while_logged_in)


@contextlib.asynccontextmanager
async def watched_logins(identity: Identity, guesses: Guesses) -> AsyncIterator[None]:
    """Every minute, closes sockets whose login has ended and logs how many have failed."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await identity.close_ended()
            tell_failed(guesses)

    looking = asyncio.create_task(look())
    yield
    looking.cancel()
    tell_failed(guesses)


def tell_failed(guesses: Guesses) -> None:
    """Log what has failed since the last time."""
    for line in guesses.report():
        log.warning(line)
