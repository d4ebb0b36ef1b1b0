"""Identification of a request's owner: the signed-in user, or a signed cookie of this browser."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import gradio as gr
from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.client.address import DEFAULT_PORTS
from comfy.records.administration import Notice
from comfy.records.tables import digest
from ui.accounts.login import TOKEN_PREFIX, Login, SignedIn
from ui.accounts.store import Way
from ui.gradio.internals import connection
from ui.languages.current import translated
from ui.web.addresses import FORWARDED_USER, client_address
from ui.web.cookies import Cookies
from ui.web.rates import Rate

# Callers without our cookie, such as scripts: only IDs lead to their runs, and no list shows them.
NOBODY = "browser:"
# Prefixes of owners: users of different kinds may have the same name.
_KINDS: Mapping[Way, str] = {
    "password": "user:",
    "proxy": "user:",
    "openid": "openid:",
    "guest": NOBODY,
}
LOG_IN_FIRST = message("Sign in first.")
# Scope key of a function that returns the user for whom a plugin's middleware lets a request in, or
# None if it no longer does.
GRANTED = "comfyforms.granted"
_GUEST = message("Guest")
OWN_PAGE_ONLY = "Cross-site requests aren't allowed."
NO_LOGIN = 4401  # close code: the page needs a login, which has ended or never existed
REPLACED = 4409  # close code: a user has signed in on this browser; the page reconnects
_CLOSING = 1.0  # maximum seconds for closing sockets
NEW_BROWSERS = 100  # new browsers at once from one address
NEW_BROWSER = 10.0  # seconds until the address may have another one
_asking: ContextVar[tuple[Identity, HTTPConnection] | None] = ContextVar("asking", default=None)


@dataclass(frozen=True, slots=True)
class PageUser:
    """Signed-in user, as a page's header shows them."""

    name: str
    operates: bool
    may_sign_out: bool


def current_user() -> PageUser | None:
    """Return the user of the request that is answered; None without one, or without sign-in."""
    asking = _asking.get()
    return asking[0].page_user(asking[1]) if asking else None


def current_notice() -> Notice | None:
    """Return the administrator's notice, without an id if there is no notice; None if the request
    that is answered may not see it: it is neither a signed-in user's nor of an app without
    sign-in."""
    asking = _asking.get()
    if asking is None or asking[0].owner(asking[1]) is None:
        return None
    return asking[0].notice() or Notice("", "")


def current_pages() -> Sequence[tuple[str, str, int]]:
    """Return the addresses and labels of plugins' pages, and how many things wait there for the
    user, for the header of the page. Blocks."""
    if (asking := _asking.get()) is None:
        return ()
    identity, request = asking
    owner, counts = identity.owner(request), dict[str, int]()
    with contextlib.suppress(ComfyError):  # the page has other things to show
        counts |= identity.counts(owner) if owner and owner != NOBODY else {}
    return [(address, label, counts.get(address, 0)) for address, label in identity.pages]


def current_path() -> str:
    """Return the path of the request that is answered, like "/operator"."""
    asking = _asking.get()
    return str(asking[1].scope["path"]) if asking else ""


def owner_of_user(who: SignedIn) -> str:
    return f"{_KINDS[who.way]}{who.name}"


class Identity:
    """Finder of a request's owner. `login` authenticates users; None turns sign-in off. `ended` is
    called after this process has ended sign-ins."""

    def __init__(
        self,
        cookies: Cookies,
        login: Login | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.cookies = cookies
        self.login = login
        self._ended = ended
        # Returns the word in a token's scope that opens the route of a request.
        self.scope_of: Callable[[Scope], str] = lambda _: ""
        self.operates: Callable[[HTTPConnection], bool] = lambda _: False  # an administrator
        self.notice: Callable[[], Notice | None] = lambda: None  # to everyone
        self.pages: Sequence[tuple[str, str]] = ()  # plugins': addresses and labels
        self.counts: Callable[[str], Mapping[str, int]] = lambda _: {}  # see `PluginParts`
        self._sockets = WeakKeyDictionary[WebSocket, Callable[[HTTPConnection], bool]]()

    def owner(self, request: HTTPConnection) -> str | None:
        """Return the owner's name; None if sign-in is on and this request has no login.

        A guest is a browser that was let in, and shares the limits of its address like any other.
        """
        if self.login is None:
            return NOBODY + (self.cookies.browser(request) or "")
        who = self.signed_in(request)
        if who is None:
            return None
        return owner_of_user(who)

    def is_removed(self, owner: str) -> bool:
        """Return whether an owner is a user who may no longer sign in."""
        kind, _, name = owner.partition(":")
        if self.login is None or kind not in ("user", "openid"):
            return False
        return not self.login.knows(name, by_provider=kind == "openid")

    def is_removed_name(self, name: str) -> bool:
        """Return whether no user with this name may sign in; False for "", people without an
        account."""
        openid = self.login.ways.openid if self.login else None
        owners = (f"user:{name}", *(f"openid:{one}" for one in (openid.people if openid else ())))
        named = (one for one in owners if self.name_of(one) == name)
        return bool(name) and all(map(self.is_removed, named))

    def is_removed_key(self, key: str, name: str) -> bool:
        """Return the same for the digest of an owner. `name`: of the owner's account, "" for an
        owner without one."""
        openid = self.login.ways.openid if self.login else None
        owners = (f"user:{name}", *(f"openid:{one}" for one in (openid.people if openid else ())))
        owner = next((one for one in owners if digest(one) == key), "openid:")
        return bool(name) and self.is_removed(owner)

    def signed_in(self, request: HTTPConnection) -> SignedIn | None:
        """Return the signed-in user, if sign-in is on. A plugin's grant excludes other credentials,
        then one of our tokens. Next come the trusted proxy's header and the session cookie."""
        if self.login is None:
            return None
        if granted := request.scope.get(GRANTED):
            who = granted()
            return who if who and self._opens(who, request) else None
        if token := bearer_token(request) or _basic_token(request):
            who = self.login.by_token(token)
            return who if who and self._opens(who, request) else None
        return self.login.by_proxy(request.scope.get(FORWARDED_USER, "")) or self.login.by_cookie(
            self.cookies.session(request)
        )

    def is_out_of_scope(self, request: HTTPConnection) -> bool:
        """Return whether a request has a valid token that doesn't open its route."""
        token = bearer_token(request) or _basic_token(request)
        who = self.login.by_token(token) if self.login and token else None
        return who is not None and not self._opens(who, request)

    def _opens(self, who: SignedIn, request: HTTPConnection) -> bool:
        return not who.scope or self.scope_of(request.scope) in who.scope.split()

    def shown_name(self, request: HTTPConnection) -> str | None:
        """Return the caller's name for the page; None without a user, and if sign-in is off."""
        who = self.signed_in(request)
        if self.login is None or who is None:
            return None
        return self.login.shown_name(who) or translated(_GUEST)

    def page_user(self, request: HTTPConnection) -> PageUser | None:
        """Return the signed-in user; None without one."""
        who, name = self.signed_in(request), self.shown_name(request)
        if self.login is None or who is None or name is None:
            return None
        return PageUser(name, self.operates(request), self.login.may_sign_out(who))

    async def caller(self, request: Request) -> str:
        """Return the owner (route dependency). Raises 401 without one, and for another site's
        page."""
        if not self.same_origin(request):
            raise HTTPException(401, LOG_IN_FIRST)
        return await self.reader(request)

    async def reader(self, request: Request) -> str:
        """Return the owner like `caller`, for file URLs that any site's page may link to (route
        dependency)."""
        owner = self.owner(request)
        if owner is None:
            raise HTTPException(401, LOG_IN_FIRST)
        return owner

    def person(self, request: gr.Request) -> str:
        """Return the owner behind one of Gradio's own requests, which its login check has already
        admitted."""
        inner = connection(request)
        return (self.owner(inner) if inner else None) or ""

    def may_sign_out(self, request: gr.Request) -> bool:
        """Return whether the caller of Gradio's own request can sign out."""
        inner = connection(request)
        who = self.signed_in(inner) if inner else None
        return self.login is not None and who is not None and self.login.may_sign_out(who)

    def name_of(self, owner: str) -> str:
        """Return a signed-in user's name by owner; "" for others."""
        kind, _, name = owner.partition(":")
        if kind == "openid" and self.login is not None:
            return self.login.shown_name(SignedIn(name, "openid"))
        return name if kind == "user" else ""

    @staticmethod
    async def own_page(request: Request) -> None:
        """Allow this site's pages and non-browsers (route dependency). Raises 403 for another
        site's page."""
        if not Identity.same_origin(request):
            raise HTTPException(403, OWN_PAGE_ONLY)

    @staticmethod
    def same_origin(request: HTTPConnection) -> bool:
        """Return whether this site's own page sent the request. A client without an Origin header
        isn't a browser, and another site's page can't send our tokens."""
        if bearer_token(request):
            return True
        match request.headers.getlist("origin"):
            case []:
                return True
            case [origin]:
                scheme = request.scope["scheme"].replace("ws", "http")
                here = f"{scheme}://{request.headers.get('host', '')}"
                return (site := site_of(origin)) is not None and site == site_of(here)
            case _:
                return False

    def opened(
        self, socket: WebSocket, has_right: Callable[[HTTPConnection], bool] = lambda _: True
    ) -> None:
        """Remember a socket, to close it when its login ends, or its user no longer has the right
        that it depends on."""
        self._sockets[socket] = has_right

    def is_connected(self, owner: str) -> bool:
        """Return whether an owner has a socket open at this process."""
        return any(
            one.client_state is WebSocketState.CONNECTED and self.owner(one) == owner
            for one in list(self._sockets)
        )

    async def log_out(self, request: HTTPConnection, *, everywhere: bool) -> None:
        """End the session of the requesting browser, or all sessions of this user, and close their
        sockets."""
        who = self.signed_in(request)
        if self.login is None or who is None:
            return
        end = self.login.end_all if everywhere else self.login.end
        await asyncio.to_thread(end, who)
        await self.close_ended()

    async def end_replaced(self, request: HTTPConnection) -> None:
        """End the session that this sign-in replaces, and close its sockets, so that open pages
        learn about the new user."""
        login = self.login
        who = login.by_cookie(self.cookies.session(request)) if login else None
        if login is None or who is None:
            return
        await asyncio.to_thread(login.end, who)
        await self.close_ended(REPLACED)

    async def close_ended(self, code: int = NO_LOGIN) -> None:
        """Close the sockets whose login this process has just ended, also at other processes."""
        self._ended()
        await self.close_expired(code)

    async def close_expired(self, code: int = NO_LOGIN) -> None:
        """Close the sockets whose login has ended, or whose user has lost a right."""
        ended = [
            asyncio.create_task(close(one, code))
            for one, has_right in list(self._sockets.items())
            if self.owner(one) is None or not has_right(one)
        ]
        if ended:
            await asyncio.wait(ended, timeout=_CLOSING)


def bearer_token(request: HTTPConnection) -> str:
    """Return our token from the request, or "". Other tokens are for proxies in front of the app,
    such as a private Space's."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(TOKEN_PREFIX) else ""


def _basic_token(request: HTTPConnection) -> str:
    """Return our token from the password of a request, as clients send it that only take an address
    (`http://any:TOKEN@host`), or "". Browsers may add a password to another site's request, so it
    doesn't replace the check of the origin."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
    return password if password.startswith(TOKEN_PREFIX) else ""


async def close(socket: WebSocket, code: int = NO_LOGIN) -> None:
    """Close a socket that has no login, unless it is already closed or its browser is gone."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(code)


def site_of(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a browser's Origin, None if it is invalid."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    plain = parts.hostname and not (
        parts.path or parts.query or parts.fragment or "@" in parts.netloc
    )
    return (parts.scheme, parts.hostname or "", port) if plain else None


class CookieMiddleware:
    """ASGI middleware that gives a new browser an identity with its first page, unless sign-in is
    on. It also gives all cookies of the app the flags that suit the request, and pages the
    `current_user`, `current_notice`, `current_pages` and `current_path`."""

    def __init__(self, app: ASGIApp, identity: Identity) -> None:
        self.app = app
        self.identity = identity
        self._new = Rate(NEW_BROWSERS, NEW_BROWSER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward everything, and set the cookies in the head of the response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, cookies = HTTPConnection(scope), self.identity.cookies

        async def send_with_cookies(event: Message) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                given = [cookies.flagged(one, request) for one in headers.getlist("set-cookie")]
                del headers["set-cookie"]
                if "text/html" in headers.get("content-type", "") and self._is_new(request):
                    given.append(cookies.new(request))
                for cookie in given:
                    headers.append("set-cookie", cookie)
            await send(event)

        before = _asking.set((self.identity, request))
        try:
            await self.app(scope, receive, send_with_cookies)
        finally:
            _asking.reset(before)

    def _is_new(self, request: HTTPConnection) -> bool:
        """Return whether this is a new browser to identify from now on. The number per address is
        limited."""
        return (
            self.identity.login is None
            and self.identity.cookies.browser(request) is None
            and self._new.take(client_address(request.scope), time.monotonic())
        )
