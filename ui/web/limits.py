"""Limits of requests: of JSON, and of simultaneous requests and their bodies per address. Bytes are
counted as they arrive, regardless of the announced size. The defaults suit about twenty users
and 4 GB of free memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comfy.base.json_values import OF_REQUESTS, RefusedJson, parse_sent
from comfy.base.messages import message
from comfy.media.checks import MIB, FileLimits
from ui.web.addresses import client_address
from ui.web.failures import refusal_for
from ui.web.identity import Identity
from ui.web.responses import NOT_UNDERSTOOD, TOO_MANY_REQUESTS, AsciiJSON
from ui.web.shares import Caller, Share, caller_of

ENVELOPE = MIB  # bytes of a file's request in addition to the file
LOGIN_FORM = 16 * 1024  # bytes; a comment of 2,000 characters in any writing fits
_CALL_COMMAS = 400_000
_SMALL = 8 * 1024  # bytes: parsing as many takes at most a few milliseconds
_Read = TypeVar("_Read")
BUSY = message("ComfyForms is busy. Try again in a moment.")
_BODY_DONE = "comfyforms.body_done"  # scope key of the function that releases the request's bytes
_ALIVE = "/health"  # asked by programs that would restart the app without an answer
_LATE = message("The request took too long to arrive. Try again.")


class BodyLimit(Enum):
    """Kinds of request bodies. `WebLimits.most_of` has the maximum bytes of each."""

    PAGE = auto()  # any body for which its route declares nothing else
    FILES = auto()  # may contain an upload
    WORKFLOW = auto()  # a file with a workflow in it
    CALL = auto()  # a script's call, whose JSON may contain files
    LOGIN_FORM = auto()  # of callers without an account, who may send no other


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Limits of the web side; sizes in bytes, times in seconds. Runs have their own:
    `comfy.runs.limits.RunLimits`.

    `file`: one file. `body`: a script's call, which may contain files, and an opened workflow;
    `page_body`: any other request. The page sends about 1 kB; this allows a dozen texts as long as
    a field takes, at three bytes per character. `patience`: silence at a body's start; each
    `least_speed` bytes add one second, up to `pause`, in which a client must also take a piece of a
    large answer. `arriving`: all bodies in transit;
    `call_bodies`: bodies of calls, which may be in memory several times.
    `uploading`: simultaneous uploads. `uploads`, `upload_age`: files given for forms; the oldest is
    deleted first. `run_files`: all files of one run. `values`, `depth`: of one call's JSON.
    `connections`: open connections; `sockets`: WebSockets among them; `requests`: unfinished
    requests among them. `pages`: open pages with stored forms; the least recently used page of the
    largest owner goes first. `calls`: scripts' calls that wait or run. `…_reading`: see
    `TurnMiddleware`. `…_working`: page calls processed at a time, and as many batches; others wait,
    because each takes processor time from all.

    Names with `person_` and `address_` are the maximum per user and per address. A user's limit is
    far above the needs of many open tabs. An address has at most half of the total, which leaves
    space for another address. It has ten times a user's needs, enough for an office of twenty that
    shares one address.
    """

    file: FileLimits = field(default_factory=FileLimits)
    body: int = 24 * MIB
    page_body: int = 4 * MIB
    patience: float = 10.0
    least_speed: float = 10_000.0
    pause: float = 30.0
    arriving: int = 1024 * MIB
    person_arriving: int = 272 * MIB  # the largest file plus a margin
    address_arriving: int = 512 * MIB
    uploading: int = 32
    person_uploading: int = 8
    address_uploading: int = 16
    uploads: int = 4096 * MIB
    upload_age: float = 24 * 3600.0
    run_files: int = 512 * MIB
    values: int = 20_000
    depth: int = 50
    connections: int = 900  # most systems allow a process 1024 open files
    address_connections: int = 450
    # Counted while a body or a response is unfinished, by forwarded address behind a proxy. An
    # office of 50 behind one address has about three event streams each, and a page requests a
    # hundred files at once over HTTP/2, so 300 is enough for both. With `address_sockets`, these
    # are 600 of the 900 connections, so another address always finds some free.
    requests: int = 600
    address_requests: int = 300
    sockets: int = 600
    person_sockets: int = 100
    address_sockets: int = 300
    pages: int = 1000
    person_pages: int = 30
    address_pages: int = 300
    calls: int = 300
    person_calls: int = 60
    address_calls: int = 150
    call_bodies: int = 128 * MIB
    person_call_bodies: int = 48 * MIB
    address_call_bodies: int = 64 * MIB
    person_reading: int = 1
    address_reading: int = 2
    person_working: int = 2
    address_working: int = 8

    def most_of(self, body: BodyLimit) -> int:
        """Return the maximum bytes of a request body of this kind."""
        match body:
            case BodyLimit.PAGE:
                return self.page_body
            case BodyLimit.FILES:
                return self.file.size + ENVELOPE
            case BodyLimit.WORKFLOW:
                return 2 * self.body
            case BodyLimit.CALL:
                return self.body
            case BodyLimit.LOGIN_FORM:
                return LOGIN_FORM

    @classmethod
    def with_files_of(cls, size: int) -> WebLimits:
        """Return the defaults for files of this many bytes. Limits of file storage grow with
        them."""
        limits = cls()
        return replace(
            limits,
            file=FileLimits(size),
            arriving=max(limits.arriving, 4 * size),
            person_arriving=max(limits.person_arriving, size + 16 * MIB),
            address_arriving=max(limits.address_arriving, 2 * size),
            uploads=max(limits.uploads, 16 * size),
            run_files=max(limits.run_files, 2 * size),
        )


def read_object(body: bytes, limits: WebLimits) -> dict[str, Any] | str:
    """Parse a call's JSON object. Return a message instead if it isn't an object, has more or
    deeper values than allowed, or has a value that `refused_value` rejects."""
    within = replace(
        OF_REQUESTS,
        parts=_CALL_COMMAS,
        commas=_CALL_COMMAS,
        depth=limits.depth,
        values=limits.values,
    )
    try:
        call = parse_sent(body, within)
    except RefusedJson as problem:
        return str(problem)
    return call if isinstance(call, dict) else "The request must be a JSON object."


async def off_loop(read: Callable[[bytes], _Read], body: bytes) -> _Read:
    """Read a body in a thread, unless it is small."""
    return read(body) if len(body) <= _SMALL else await asyncio.to_thread(read, body)


class JsonRequest(Request):
    """Request whose JSON is read within limits. All routes have it, except those that read bodies
    themselves, such as the one that opens a workflow, in which ComfyUI writes NaN."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON value. Raises HTTPException 422 if it can't be used."""
        try:
            return await off_loop(parse_sent, await self.body())
        except RefusedJson as problem:
            raise HTTPException(422, str(problem)) from None


async def validation_error(_: Request, problem: Exception) -> Response:
    """Return the location and reason of FastAPI's validation errors, without the sent values, which
    may be of any size."""
    assert isinstance(problem, RequestValidationError)
    details = [
        {"loc": one["loc"], "msg": one["msg"], "type": one["type"]} for one in problem.errors()
    ]
    return AsciiJSON({"detail": details}, 422)


class RequestLimitMiddleware:
    """ASGI middleware that limits the unfinished requests of each address, from the moment a head
    is read. It runs behind `ProxyMiddleware`, so behind a trusted proxy it counts by forwarded
    address. The proxy's own connections have no limit of their own. If sign-in is on, callers
    without an account have at most half of everything."""

    def __init__(self, app: ASGIApp, identity: Identity, limits: WebLimits) -> None:
        self.app = app
        self.identity = identity
        most, address = limits.requests, limits.address_requests
        self.unfinished = Share(most, most, address)
        self.of_visitors = Share(most // 2, most // 2, address // 2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or refuse it immediately.
        `SocketLimitMiddleware` counts WebSockets."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = client_address(scope)
        is_visitor = scope["path"] != _ALIVE and self.identity.owner(HTTPConnection(scope)) is None
        shares = [self.of_visitors] * is_visitor + [self.unfinished]
        with ExitStack() as held:
            if all(held.enter_context(one.held(Caller(address, address))) for one in shares):
                await self.app(scope, receive, send)
                return
        answer = refusal_for(scope, TOO_MANY_REQUESTS, 429)
        answer.headers["retry-after"] = "1"
        await answer(scope, receive, send)


class BodyLimitMiddleware:
    """ASGI middleware that refuses bodies that are too large for their route, too slow, or too many
    at a time. `body_of`: returns the kind of a request's body."""

    def __init__(
        self,
        app: ASGIApp,
        identity: Identity,
        limits: WebLimits,
        body_of: Callable[[Scope], BodyLimit],
    ) -> None:
        self.app = app
        self.identity = identity
        self.limits = limits
        self.body_of = body_of
        self.arriving = Share(limits.arriving, limits.person_arriving, limits.address_arriving)
        self.calls = Share(
            limits.call_bodies, limits.person_call_bodies, limits.address_call_bodies
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request and count its bytes. A body that is too large leads to the app's own
        response to an HTTPException."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = self.body_of(scope)
        most, room = (
            self.limits.most_of(body),
            self.calls if body is BodyLimit.CALL else self.arriving,
        )
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed[:20]) > most:
            await refusal_for(scope, too_large(most), 413)(scope, receive, send)
            return
        caller = caller_of(scope, self.identity)
        pace = LeastSpeed(self.limits)
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            event = await pace.next(receive)
            size = len(event.get("body", b""))
            if arrived + size > most:
                raise HTTPException(413, too_large(most))
            if not room.take(caller, size):
                raise HTTPException(503, BUSY)
            arrived += size
            return event

        given = [0]  # bytes of `arrived` that were already released

        def give_back() -> None:
            room.give_back(caller, arrived - given[0])
            given[0] = arrived

        try:
            await self.app({**scope, _BODY_DONE: give_back}, counted, send)
        finally:
            give_back()


class LeastSpeed:
    """Time limit for the next piece of a body. Only time spent waiting for the client counts.

    A body may be silent for `patience` seconds at its start. Data that arrives at `least_speed` or
    faster never runs out of time; the credit is capped at `pause` seconds.
    """

    def __init__(self, limits: WebLimits) -> None:
        self.limits = limits
        self.left: float | None = limits.patience

    async def next(self, receive: Receive) -> Message:
        """Return the next message of a request. Raises HTTPException 408 if it doesn't arrive in
        time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.left):
                event = await receive()
        except TimeoutError:
            raise HTTPException(408, _LATE) from None
        if not event.get("more_body"):
            self.left = None  # the next message is the browser's disconnect
        elif self.left is not None:
            waited, gained = (
                time.monotonic() - began,
                len(event["body"]) / self.limits.least_speed,
            )
            self.left = min(
                self.left - waited + gained, max(self.limits.patience, self.limits.pause)
            )
        return event


def body_done(scope: Scope) -> None:
    """Release the bytes of a request after its body is read and stored, before its response.
    Otherwise a handler that waits for a run would block space for other uploads. Call it on the
    event loop."""
    if give_back := scope.get(_BODY_DONE):
        give_back()


@contextmanager
def place_held(room: Share, caller: Caller) -> Iterator[None]:
    """Hold one slot of `room` during the block. Raises HTTPException 503 if this caller has none
    left."""
    with room.held(caller) as has_slot:
        if not has_slot:
            raise HTTPException(503, BUSY)
        yield


def too_large(most: int) -> str:
    """Return the message about a body larger than `most` bytes. The page sends nothing as large to
    a path with a limit below 1 MiB."""
    if most < MIB:
        return NOT_UNDERSTOOD
    return message("This is too large. The maximum is {size}\xa0MB.", size=most // MIB)
