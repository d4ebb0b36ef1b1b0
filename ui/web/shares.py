"""Limited resources: how much of a resource is in use in total, by each user, and from each
address.

One visitor alone could use up a total limit, and a limit per user doesn't prevent that if a user is
only a cookie. Many users may share an address (an office, a proxy that forwards none), so an
address gets much more than a user, but never everything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Self, TypeVar

import gradio as gr
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gradio.internals import connection
from ui.web.addresses import client_address
from ui.web.identity import NOBODY, Identity

_VISITORS, _VISITORS_OF_ADDRESS = 100, 10
_TURNS = "comfyforms.turns"  # scope key of the app's `TurnMiddleware`
_BEGIN, _END = "comfyforms.turn_begun", "comfyforms.turn_done"  # scope keys of functions
_LARGE, _PIECE = 1 << 20, 1 << 18  # bytes of a body
_Check = Callable[[], Awaitable[object]]
_Result = TypeVar("_Result")


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
    HEALTH = auto()  # may wait for the answer of ComfyUI or of another service


class TurnMiddleware:
    """ASGI middleware that gives each user and each address a limited number of simultaneous
    requests of each kind of work.

    `work_of`: returns the kind of a request, or None for a cheap one. Each kind has its own turns,
    so a request that waits for ComfyUI doesn't block the others. A turn ends when the app has
    computed the response, so a slow reader holds none. But a large body is in memory until it is
    sent: its turn ends when one of `sending` begins, and the connection if its client takes no
    piece for `patience` seconds. `Gate` calls `answer_in_turn` for requests that aren't GET.
    """

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        work_of: Callable[[Scope], Work | None],
        person: int,
        address: int,
        patience: float,
    ) -> None:
        self.app = app
        self.identity = identity
        self.work_of = work_of
        self.turns = {work: FairSlots(person, address) for work in Work}
        self.sending = FairSlots(person, address)
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a GET in its turn, and everything else immediately."""
        scope[_TURNS] = self
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            work = self.work_of(scope)
            if work is not None:
                await answer_in_turn(self.app, work, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def send_large(self, body: bytes, send: Send) -> None:
        """Send a body in pieces. Raises ClientDisconnect if the client doesn't take one in time."""
        for start in range(0, len(body), _PIECE):
            end = start + _PIECE
            piece = {"type": "http.response.body", "body": body[start:end]}
            try:
                async with asyncio.timeout(self.patience):
                    await send({**piece, "more_body": end < len(body)})
            except TimeoutError:
                raise ClientDisconnect from None


def turn_of(
    connection: HTTPConnection, work: Work = Work.PROCESSOR
) -> contextlib.AbstractAsyncContextManager[None]:
    """Wait for a turn of the caller of a socket, or of a stream, or of a request that has waited
    for a run, and hold it during the block, which reads what people store, but waits for no run."""
    turns: TurnMiddleware = connection.scope[_TURNS]
    return turns.turns[work].turn(caller_of(connection.scope, turns.identity))


async def in_turn(
    connection: HTTPConnection, function: Callable[..., _Result], *arguments: object
) -> _Result:
    """Call a function in a thread and in a turn, like `turn_of`. It may wait for the catalog."""
    async with turn_of(connection, Work.CATALOG):
        return await asyncio.to_thread(function, *arguments)


async def turn_begun(request: HTTPConnection) -> None:
    """Wait for the turn of a request whose body was read and may have had files."""
    if begin := request.scope.get(_BEGIN):
        await begin()


async def turn_done(request: HTTPConnection) -> None:
    """End the turn of a request with a room. Call it before waiting for a run or a service."""
    if end := request.scope.get(_END):
        await end()


async def answer_in_room(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    check: _Check,
    *,
    takes_files: bool,
) -> None:
    """Forward a request that waits for a run or streams. Its turn begins after its body, or with
    `turn_begun` if it `takes_files`, since uploads are limited until they are stored. It ends with
    `turn_done` or with the response. `check`: raises HTTPException if the caller's right has ended
    meanwhile."""
    async with contextlib.AsyncExitStack() as held:

        async def begin() -> None:
            turn = turn_of(HTTPConnection(scope), Work.CATALOG)
            if not await _ends_before(held.enter_async_context(turn), receive()):
                raise ClientDisconnect
            await check()

        async def receive_in_turn() -> Message:
            event = await receive()
            if event["type"] == "http.request" and not event.get("more_body"):
                await begin()
            return event

        async def send_after_turn(event: Message) -> None:
            if event["type"] == "http.response.body":
                await held.aclose()
            await send(event)

        if takes_files:
            await app({**scope, _BEGIN: begin, _END: held.aclose}, receive, send_after_turn)
        else:
            await app({**scope, _END: held.aclose}, receive_in_turn, send_after_turn)


async def answer_in_turn(
    app: ASGIApp,
    work: Work,
    scope: Scope,
    receive: Receive,
    send: Send,
    check: _Check | None = None,
) -> None:
    """Forward a request in a turn of its caller, after its body has arrived. A client that hangs
    up leaves the line. `check`: see `answer_in_room`."""
    turns: TurnMiddleware = scope[_TURNS]
    caller = caller_of(scope, turns.identity)
    arrived = deque([await receive()])
    while arrived[-1].get("more_body"):
        arrived.append(await receive())

    async def receive_arrived() -> Message:
        return arrived.popleft() if arrived else await receive()

    async with contextlib.AsyncExitStack() as turn:

        async def take_turn() -> None:
            await turn.enter_async_context(turns.turns[work].turn(caller))

        async def send_between_turns(event: Message) -> None:
            body, is_last = event.get("body", b""), not event.get("more_body")
            if is_last and len(body) > _LARGE:
                async with turns.sending.turn(caller):
                    await turn.aclose()
                    await turns.send_large(body, send)
                return
            if event["type"] == "http.response.body":
                await turn.aclose()
            await send(event)
            if not is_last:
                await take_turn()

        if await _ends_before(take_turn(), receive()):
            if check is not None:
                await check()
            await app(scope, receive_arrived, send_between_turns)


async def _ends_before(job: Coroutine[Any, Any, object], other: Awaitable[object]) -> bool:
    """Return whether a job ends before another one, and cancel the slower one."""
    tasks = asyncio.ensure_future(job), asyncio.ensure_future(other)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return not tasks[1].done()
    finally:
        for task in tasks:
            task.cancel()
