"""Who is asking: the login where there is one, else an unguessable cookie of this browser."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

import gradio as gr
from gradio.routes import App
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "comfyforms"
KNOWN = re.compile(r"[\w-]{32,64}")
NOBODY = "browser:"  # whoever sends no cookie of ours, as scripts: their runs are found by their ids, and never listed
COOKIE_AGE = 400 * 24 * 3600  # seconds; browsers keep no cookie longer


class Identity:
    """Tells the owner of a request. `login` is Gradio's own app when people must log in, else None."""

    def __init__(self, login: App | None = None) -> None:
        self.login = login

    def owner(self, request: HTTPConnection) -> str | None:
        """The owner's name, or None when a login is asked for and this request has none.

        Own routes are not covered by Gradio's login, so each of them asks here.
        """
        if self.login is None:
            browser = request.cookies.get(COOKIE, "")
            return f"browser:{browser}" if KNOWN.fullmatch(browser) else NOBODY
        cookie = self.login.cookie_id
        for name in (f"access-token-{cookie}", f"access-token-unsecure-{cookie}"):
            if user := self.login.tokens.get(request.cookies.get(name, "")):
                return f"user:{user}"
        return None

    def person(self, request: gr.Request) -> str:
        """The owner behind one of Gradio's own requests, which its login has let through already."""
        return (self.owner(request.request) if request.request else None) or ""

    @staticmethod
    def same_origin(request: HTTPConnection) -> bool:
        """Whether a browser's page of this very site is asking; a client without an Origin header is no browser."""
        origin = request.headers.get("origin")
        if origin is None:
            return True
        hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")}
        try:
            return urlsplit(origin).netloc in hosts
        except ValueError:  # no address at all
            return False


class GiveCookie:
    """ASGI middleware: a browser that has no identity yet gets one with its first page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, adding the cookie to the head of an HTML answer."""
        if scope["type"] != "http" or KNOWN.fullmatch(HTTPConnection(scope).cookies.get(COOKIE, "")):
            await self.app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "text/html" in headers.get("content-type", ""):
                    headers.append("set-cookie", new_cookie(HTTPConnection(scope)))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def new_cookie(request: HTTPConnection) -> str:
    """The Set-Cookie header that gives this browser an identity."""
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    answer = Response()
    # Inside another site's frame (Hugging Face shows Spaces so) only SameSite=None cookies are kept.
    answer.set_cookie(
        COOKIE,
        secrets.token_urlsafe(32),
        max_age=COOKIE_AGE,
        httponly=True,
        secure=secure,
        samesite="none" if secure else "lax",
    )
    return answer.headers["set-cookie"]
