"""Allowlist of Gradio's own routes: only the routes that the page and scripts use, and only with
permitted content.

Gradio has many features that this app doesn't need. It proxies URLs, fetches files from a caller's
URL, records the screen, edits programs, and lets any other site's page call it.

Limits of a call to Gradio, checked before its content is used. Pure.

Owners of Gradio's sessions and calls, which only their owners may use, with limits per owner.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.json_values import levels
from comfy.base.messages import message
from comfy.media.checks import MIB
from ui.gradio.internals import (
    ANSWERS,
    CALL,
    ENDINGS,
    FILES_OF_PAGE,
    JOIN,
    PAGE,
    PRESS,
    STREAM,
    App,
    Sessions,
    app_address,
    call_in,
    refusal,
    session_and_call,
    session_of_stream,
)
from ui.web.identity import OWN_PAGE_ONLY, Identity
from ui.web.limits import WebLimits, read_object
from ui.web.responses import TOO_MANY_REQUESTS, wants_page
from ui.web.security_headers import with_gradio_policy
from ui.web.shares import Caller, FairSlots, caller_of
from ui.web.upload_folder import PLACE

_NOT_UPLOADED = "A file wasn't uploaded first."
# Gradio's page sends SVG files as text in the value instead of uploading them.
_NO_DRAWING = message("SVG drawings can't be used as images. Save it as PNG first.")
_MOST_NAME = 200  # characters of an ID that the browser generates
_READ = PAGE | ANSWERS | {STREAM}
_READ_BELOW = (*FILES_OF_PAGE, CALL)
_MADE = ENDINGS | {PRESS, JOIN}
_PARSING = 2  # bodies at once: each may be in memory four times
# Bodies with more bytes than this are read one at a time, because Gradio's own reading takes
# several times as much.
_LARGE = MIB
_REMEMBERED = 8  # remembered calls per allowed one: a script may ask for a call's end later
_NOTHING_HERE = "There is nothing here."
_PUT_ASIDE = message("This page was closed to make room for others.")


@dataclass(frozen=True, slots=True)
class Call:
    """Names in a call: the page's session, the listener's number, and the event of another call."""

    session: str | None = None
    listener: int | None = None
    event: str | None = None


def read_call(body: bytes, limits: WebLimits) -> Call | str:
    """Return the names in a call's JSON, or a message if the call is refused."""
    call = read_object(body, limits)
    if isinstance(call, str):
        return call
    for level in levels(call):
        for value in level:
            if isinstance(value, dict) and _names_other_file(value):
                drawing = str(value.get("url")).startswith("data:image/svg")
                return _NO_DRAWING if drawing else _NOT_UPLOADED
    session, event, listener = session_and_call(call)
    if not (_is_name(session) and _is_name(event)):
        return "An id must be a short text."
    return Call(session, listener if isinstance(listener, int) else None, event)


def _is_name(value: object) -> TypeGuard[str | None]:
    return value is None or (isinstance(value, str) and 0 < len(value) <= _MOST_NAME)


def _names_other_file(value: dict[str, Any]) -> bool:
    """Return whether this is Gradio's format for a file that isn't in this app's upload folder.
    Gradio would fetch any URL."""
    path, address = value.get("path"), value.get("url")
    if isinstance(address, str) and address.lower().lstrip().startswith("data:"):
        return True
    return isinstance(path, str) and not PLACE.fullmatch(path)


class Owners:
    """Names and their callers: at most `most` in total, with limits per user and per address.

    A new name replaces the least recently used one: the user's own, otherwise the address's,
    otherwise one of the largest address. `forget` is called with each replaced name. Not
    thread-safe; belongs to the event loop.
    """

    def __init__(self, most: int, person: int, address: int, forget: Callable[[str], None]) -> None:
        self.most = most
        self.person = person
        self.address = address
        self._forget = forget
        self._callers: OrderedDict[str, Caller] = OrderedDict()  # least recently used first

    def claim(self, name: str, caller: Caller) -> bool:
        """Claim a name for a caller on first use; return False if it belongs to another caller."""
        if name in self._callers:
            if not self.belongs(name, caller):
                return False
            self._callers.move_to_end(name)
            return True
        self._callers[name] = caller
        self._keep(
            self.person,
            [one for one, owner in self._callers.items() if owner.person == caller.person],
        )
        self._keep(self.address, self._from(caller.address))
        if len(self._callers) > self.most:
            (most_used, _), *_ = Counter(
                owner.address for owner in self._callers.values()
            ).most_common(1)
            self._drop(self._from(most_used)[0])
        return True

    def belongs(self, name: str, caller: Caller) -> bool:
        """Return whether this name is known and belongs to this user."""
        known = self._callers.get(name)
        return known is not None and known.person == caller.person

    def has(self, name: str) -> bool:
        return name in self._callers

    def of(self, caller: Caller) -> tuple[list[str], list[str]]:
        """Return this user's names, and the names from this address."""
        own = [name for name, owner in self._callers.items() if owner.person == caller.person]
        return own, self._from(caller.address)

    def _from(self, address: str) -> list[str]:
        return [name for name, owner in self._callers.items() if owner.address == address]

    def _keep(self, most: int, names: list[str]) -> None:
        for name in names[: max(0, len(names) - most)]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if self._callers.pop(name, None) is not None:
            self._forget(name)


class GradioAllowlist:
    """ASGI app in front of Gradio's that only lets permitted requests through."""

    def __init__(
        self,
        gradio: App,
        identity: Identity,
        limits: WebLimits,
        sign_in: Callable[[Request], ASGIApp],
        not_found: Callable[[str], ASGIApp],
    ) -> None:
        """Create the app. `sign_in` returns the sign-in page for a request.
        `not_found` returns the page for unknown URLs, from the app's URL."""
        self.gradio = gradio
        self.sign_in = sign_in
        self.not_found = not_found
        self.identity = identity
        self.limits = limits
        self.parsing = asyncio.Semaphore(_PARSING)
        self.turns = FairSlots(limits.person_working, limits.address_working)
        self.sessions = Sessions(gradio)
        self.pages = Owners(
            limits.pages, limits.person_pages, limits.address_pages, self.sessions.forget
        )
        most, person, address = (
            _REMEMBERED * calls
            for calls in (limits.calls, limits.person_calls, limits.address_calls)
        )
        self.events = Owners(most, person, address, self._forget_event)
        self.sizes: dict[str, int] = {}  # bytes in the body of each of these calls
        self.large = asyncio.Semaphore(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        path = scope["path"].rstrip("/") or "/"
        match scope["type"], scope.get("method"):
            case "http", "GET" | "HEAD" if path == "/" and self._has_no_login(scope):
                await self.sign_in(Request(scope))(scope, receive, send)
            case "http", "GET" | "HEAD" if self._may_read(path, scope):
                sent = with_gradio_policy(send) if path == "/" else send
                await self.gradio(scope, receive, sent)
            case "http", "POST" if not self.identity.same_origin(HTTPConnection(scope)):
                await refusal(OWN_PAGE_ONLY, 403)(scope, receive, send)
            case "http", "POST" if path in _MADE or path.startswith(CALL):
                await self._call(path, scope, receive, send)
            case "http", "GET" | "HEAD" if wants_page(Request(scope)):
                address = app_address(Request(scope), self.gradio.root_path)
                await self.not_found(address)(scope, receive, send)
            case "http", _:
                await refusal(_NOTHING_HERE, 404)(scope, receive, send)
            case "websocket", _:
                await send({"type": "websocket.close", "code": 4404})

    def _has_no_login(self, scope: Scope) -> bool:
        return self.identity.owner(HTTPConnection(scope)) is None

    def _may_read(self, path: str, scope: Scope) -> bool:
        """Return whether this caller may read this path. Only a call's own caller can read its
        state."""
        if path == STREAM:
            session = session_of_stream(HTTPConnection(scope))
            return self.pages.belongs(
                session, caller_of(scope, self.identity)
            ) and self.sessions.is_told(session)
        if path.startswith(CALL):
            event = path.rpartition("/")[2]
            return self.events.belongs(
                event, caller_of(scope, self.identity)
            ) and self.sessions.has_news(event)
        return is_open(path)

    async def _call(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if len(body) <= _LARGE:
            await self._judged_call(path, body, scope, receive, send)
            return
        async with self.large:
            gc.collect()  # a failed call keeps its body in a reference cycle
            await self._judged_call(path, body, scope, receive, send)

    async def _judged_call(
        self, path: str, body: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = caller_of(scope, self.identity)
        async with self.parsing:
            call = await asyncio.to_thread(read_call, body, self.limits)
        if isinstance(call, str):
            await refusal(call, 422)(scope, receive, send)
            return
        if path in ENDINGS:
            event = self._own_event(call, caller)
            if event is None:
                await refusal(_NOTHING_HERE, 404)(scope, receive, send)
                return
            await self.sessions.end(event)
        elif call.listener is not None and not self.sessions.has_listener(
            call.session, call.listener
        ):
            await _page_forgotten(422, scope, receive, send)
            return
        elif call.session is not None and not self._claim(call.session, caller):
            await _page_forgotten(404, scope, receive, send)
            return
        if path == JOIN or path.startswith(CALL):
            if self._has_too_many(caller, len(body)):
                await refusal(TOO_MANY_REQUESTS, 503)(scope, receive, send)
                return
            send = self._noting_the_event(caller, len(body), send)
        async with self.turns.turn(caller):
            await self.gradio(scope, replay(body, receive), send)

    def _claim(self, session: str, caller: Caller) -> bool:
        """Assign a session to this caller, if it is free. An unclaimed session with news of a call
        belongs to a script's call, not to a page."""
        if not self.pages.has(session) and self.sessions.is_told(session):
            return False
        return self.pages.claim(session, caller)

    def _own_event(self, call: Call, caller: Caller) -> str | None:
        """Return the call to end if the caller owns it and its session: Gradio ends everything in
        the session."""
        if call.event is None or not self.events.belongs(call.event, caller):
            return None
        is_own = call.session in (None, call.event) or self.pages.belongs(call.session, caller)
        return call.event if is_own else None

    def _has_too_many(self, caller: Caller, size: int) -> bool:
        """Return whether this caller's waiting and active calls leave no room for another of this
        size."""
        own, near = (
            [name for name in names if self.sessions.goes_on(name)]
            for names in self.events.of(caller)
        )
        held, there, all_held = (
            size + sum(self.sizes[name] for name in names if self.sessions.goes_on(name))
            for names in (own, near, self.sizes)
        )
        return (
            len(own) >= self.limits.person_calls
            or len(near) >= self.limits.address_calls
            or held > self.limits.person_call_bodies
            or there > self.limits.address_call_bodies
            or all_held > self.limits.call_bodies
        )

    def _forget_event(self, event: str) -> None:
        self.sizes.pop(event, None)
        self.sessions.forget(event)

    def _noting_the_event(self, caller: Caller, size: int, send: Send) -> Send:
        """Wrap `send` to record the caller as the owner of the call that the answer names."""
        body, status = b"", 0

        async def noting(sent: Message) -> None:
            nonlocal body, status
            status = sent.get("status", status)
            body += sent.get("body", b"")
            if sent["type"] == "http.response.body" and not sent.get("more_body") and status == 200:
                event = call_in(body)
                self.sizes[event] = size
                self.events.claim(event, caller)
            await send(sent)

        return noting


def is_open(path: str) -> bool:
    """Return whether every user may read this path. Parts longer than any file name are
    rejected."""
    return path in _READ or (
        path.startswith(_READ_BELOW) and all(len(part) < 256 for part in path.split("/"))
    )


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that replays a body that was already read, then receives the rest."""
    rest: list[Message] = [{"type": "http.request", "body": body}]

    async def next_message() -> Message:
        return rest.pop() if rest else await receive()

    return next_message


async def _page_forgotten(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Notify a page that its form was dropped. Its script loads the form again with the typed
    values."""
    await refusal(_PUT_ASIDE, status, reload=True)(scope, receive, send)
