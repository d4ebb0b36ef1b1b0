"""Limited resources: how much of a resource is in use in total, by each user, and from each
address.

One visitor alone could use up a total limit, and a limit per user doesn't prevent that if a user is
only a cookie. Many users may share an address (an office, a proxy that forwards none), so an
address gets much more than a user, but never everything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

import gradio as gr
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gradio.internals import connection
from ui.web.addresses import client_address
from ui.web.identity import NOBODY, Identity

_VISITORS, _VISITORS_OF_ADDRESS = 100, 10


@dataclass(frozen=True, slots=True)
class Caller:
    """Caller of a request: a user ("" if unauthenticated) at an address."""

    person: str
    address: str

    @classmethod
    def of(cls, owner: str, scope: Scope) -> Self:
        """Return the caller with this owner's name. Callers without our cookie share one name and
        differ by address."""
        address = client_address(scope)
        return cls(f"{NOBODY}@{address}" if owner == NOBODY else owner, address)


def caller_of(scope: Scope, identity: Identity) -> Caller:
    """Return the caller of a request that no route has identified yet."""
    return Caller.of(identity.owner(HTTPConnection(scope)) or "", scope)


def shared_address(owner: str, scope: Scope) -> str:
    """Return a run owner's address if several users may share the owner; "" for a user with an
    account."""
    return client_address(scope) if owner.startswith(NOBODY) else ""


def where(request: gr.Request, owner: str) -> str:
    """Return the caller of one of Gradio's own requests."""
    inner = connection(request)
    return shared_address(owner, inner.scope) if inner else ""


class Share:
    """Counter of a shared resource: at most `most` in total, `person` per user and `address` per
    address. Stores numbers only for current holders. Not thread-safe; belongs to the event loop."""

    def __init__(self, most: int, person: int, address: int) -> None:
        self.most = most
        self.person = person
        self.address = address
        self.taken = 0
        self._persons: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def take(self, caller: Caller, amount: int = 1) -> bool:
        """Take an amount for a caller; return False, and take nothing, if it exceeds
        their share."""
        if (
            self.taken + amount > self.most
            or self._persons[caller.person] + amount > self.person
            or self._addresses[caller.address] + amount > self.address
        ):
            return False
        self._add(caller, amount)
        return True

    def give_back(self, caller: Caller, amount: int = 1) -> None:
        """Release an amount that a caller took."""
        self._add(caller, -amount)

    @contextlib.contextmanager
    def held(self, caller: Caller) -> Iterator[bool]:
        """Hold one unit during the block; the value is False if this caller has none left."""
        taken = self.take(caller)
        try:
            yield taken
        finally:
            if taken:
                self.give_back(caller)

    def _add(self, caller: Caller, amount: int) -> None:
        self.taken += amount
        for counted, name in ((self._persons, caller.person), (self._addresses, caller.address)):
            counted[name] += amount
            if not counted[name]:
                del counted[name]


class Room(Enum):
    """Kinds of places that a request holds from before its body is read until it is answered."""

    CALLS = auto()  # of a call that waits or runs, and of a stream
    UPLOADS = auto()


@dataclass(frozen=True, slots=True)
class Rooms:
    """Places of one app. Callers without an account have their own, so they never take a user's."""

    calls: Share
    uploads: Share
    visitors: Share = field(
        default_factory=lambda: Share(_VISITORS, _VISITORS, _VISITORS_OF_ADDRESS)
    )

    def of(self, room: Room, caller: Caller) -> Share:
        if not caller.person:
            return self.visitors
        return self.calls if room is Room.CALLS else self.uploads


class FairSlots:
    """Limit on simultaneous work per user and per address; other callers wait."""

    def __init__(self, person: int, address: int) -> None:
        self._most = {"person": person, "address": address}
        self._slots: dict[tuple[str, str], asyncio.Semaphore] = {}
        self._users: Counter[tuple[str, str]] = Counter()

    @contextlib.asynccontextmanager
    async def turn(self, caller: Caller) -> AsyncIterator[None]:
        """Wait for a turn, and hold it during the block. Callers without an account differ by
        address."""
        person = caller.person or caller.address
        async with self._slot("person", person), self._slot("address", caller.address):
            yield

    @contextlib.asynccontextmanager
    async def _slot(self, kind: str, name: str) -> AsyncIterator[None]:
        key = kind, name
        slot = self._slots.setdefault(key, asyncio.Semaphore(self._most[kind]))
        self._users[key] += 1
        try:
            async with slot:
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._slots[key]


class Work(Enum):
    """Kinds of requests that take turns: what each one needs."""

    PROCESSOR = auto()
    FILE = auto()  # reads a run to send one of its files; a page shows many
    CATALOG = auto()  # a processor; may wait for the ComfyUI server's catalog
    HEALTH = auto()  # may wait for a health check of the ComfyUI server


class TurnMiddleware:
    """ASGI middleware that gives each user and each address a limited number of simultaneous
    GET requests of each kind of work.

    `work_of`: returns the kind of a request, or None for a cheap one. Each kind has its own turns,
    so a request that waits for ComfyUI doesn't block the others. A turn ends when the app has
    computed the response, so a slow reader holds none.
    """

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        work_of: Callable[[Scope], Work | None],
        person: int,
        address: int,
    ) -> None:
        self.app = app
        self.identity = identity
        self.work_of = work_of
        self.turns = {work: FairSlots(person, address) for work in Work}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request in its turn, and everything else immediately."""
        turns = self._turns(scope)
        if turns is None:
            await self.app(scope, receive, send)
            return
        caller = caller_of(scope, self.identity)
        async with contextlib.AsyncExitStack() as turn:
            await turn.enter_async_context(turns.turn(caller))

            async def send_between_turns(event: Message) -> None:
                if event["type"] == "http.response.body":
                    await turn.aclose()
                await send(event)
                if event.get("more_body"):
                    await turn.enter_async_context(turns.turn(caller))

            await self.app(scope, receive, send_between_turns)

    def _turns(self, scope: Scope) -> FairSlots | None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        work = self.work_of(scope)
        return self.turns[work] if work else None
