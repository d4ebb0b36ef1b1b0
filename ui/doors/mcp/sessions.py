"""Assistants' sessions. A new one replaces an idle one instead of being refused."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from starlette.authentication import BaseUser
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ID = "mcp-session-id"  # the header that names a session


@dataclass(slots=True)
class _Session:
    """An open session. `user`: the user who opened it, in the package's format. `busy`: the number
    of unanswered requests."""

    address: str
    user: BaseUser
    busy: int = 0


class OpenSessions:
    """Limiter of open sessions: `most` in total, and `most_of_address` per address.

    A session above the limit per address ends that address's longest idle one. At the total limit,
    the address with the most sessions loses its longest idle one. A session with a request in
    progress never ends this way. `handle`: the package's ASGI app. Not thread-safe: for the event
    loop.
    """

    def __init__(self, most: int, most_of_address: int, handle: ASGIApp) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._handle = handle
        self._sessions: OrderedDict[str, _Session] = OrderedDict()  # longest idle first

    async def begin(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that opens a session, then end excess sessions."""

        async def noting(event: Message) -> None:
            if event["type"] == "http.response.start" and event["status"] < 400:
                session_id = Headers(raw=event["headers"]).get(_ID, "")
                if session_id:
                    self._sessions.setdefault(session_id, _Session(address, scope["user"]))
            await send(event)

        await self._handle(scope, receive, noting)
        while surplus := self._surplus(address):
            await self._end(surplus)

    async def use(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer any other request. The session that it belongs to becomes the last to be ended."""
        session_id = Headers(scope=scope).get(_ID, "")
        session = self._sessions.get(session_id)
        if session is None or session.user.display_name != scope["user"].display_name:
            await self._handle(scope, receive, send)
            return
        session.busy += 1
        status = 0

        async def noting(event: Message) -> None:
            nonlocal status
            status = event.get("status", status)
            await send(event)

        try:
            await self._handle(scope, receive, noting)
        finally:
            session.busy -= 1
            # 404: the package ended the session after half an hour.
            if status == 404 or scope["method"] == "DELETE":
                self._sessions.pop(session_id, None)
            elif session_id in self._sessions:
                self._sessions.move_to_end(session_id)

    def _surplus(self, address: str) -> str:
        """Return the id of a session to end; empty if there is room for all, or if no session is
        idle."""
        counts = Counter(one.address for one in self._sessions.values())
        if counts[address] > self._most_of_address:
            return self._longest_idle(address)
        if len(self._sessions) > self._most:
            return self._longest_idle(counts.most_common(1)[0][0])
        return ""

    def _longest_idle(self, address: str) -> str:
        idle = (
            name for name, one in self._sessions.items() if one.address == address and not one.busy
        )
        return next(idle, "")

    async def _end(self, session_id: str) -> None:
        """End a session as its own assistant would: with a DELETE request in its name."""
        session = self._sessions.pop(session_id)
        scope = {
            "type": "http",
            "method": "DELETE",
            "path": "/mcp",
            "query_string": b"",
            "headers": [(_ID.encode(), session_id.encode()), (b"accept", b"application/json")],
            "user": session.user,
        }
        await self._handle(scope, _nothing, _unheard)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _unheard(_: Message) -> None:
    pass
