"""Requests that start or change something, and repeats with the same key.

Webhook address that a request names, for the end of the run, batch or chain that it starts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Self

from fastapi import Depends, Header, Request
from starlette.exceptions import HTTPException
from starlette.types import Scope

from comfy.base.errors import ComfyError
from comfy.launch.uploads import Upload, content_of
from comfy.records.database import AtStart, both, nothing_at_start
from comfy.records.store import RunStore
from comfy.records.webhooks import Subject, Webhook
from comfy.webhooks.waiting import Webhooks
from ui.api.values import Bodies, Sent
from ui.web.limits import body_done, place_held
from ui.web.responses import AsciiJSON
from ui.web.shares import Caller, Share, caller_of, shared_address
from ui.web.upload_folder import UploadFolder

_LONGEST_KEY = 255
_LONG_KEY = f"An Idempotency-Key can have at most {_LONGEST_KEY} characters."
_NO_HISTORY = "This app stores no runs, so it can't accept an Idempotency-Key."
REPLAYED: dict[str, Any] = {
    "description": "Its current state: an earlier request had the same key.",
    "content": {"application/json": {}},
}


@dataclass(frozen=True, slots=True)
class Requester:
    """Caller of a start: `owner` of the runs, the `address` for limits, and the `name` for
    idempotency keys. The name also separates callers with a shared owner. `at_start`: see
    `Origin`."""

    owner: str
    address: str
    name: str
    at_start: AtStart = nothing_at_start

    @classmethod
    def of(cls, owner: str, scope: Scope, caller: Caller) -> Self:
        """Return the owner with the address and name of a request."""
        return cls(owner, shared_address(owner, scope), caller.person)


@dataclass(frozen=True, slots=True)
class StartOutcome:
    """Ids of the runs, batch or chain that a request started, now or earlier (`again`). `refused`:
    why the rest did not start. `counted`: the request has a count."""

    ids: tuple[str, ...]
    refused: ComfyError | None = None
    again: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Request that starts something. `wait`: answer only after that has ended. `waiting`: room for
    waiting clients."""

    bodies: Bodies
    waiting: Share
    request: Request
    keyed: KeyedRequest
    wait: bool

    @property
    def owner(self) -> str:
        """Return the owner of the new runs."""
        return self.keyed.requester.owner

    @property
    def caller(self) -> Caller:
        """Return the caller for limits."""
        return caller_of(self.request.scope, self.bodies.identity)

    async def begun(
        self,
        what: tuple[str, str],
        begin: Callable[[Sent, Requester], StartOutcome],
        *,
        ends: Callable[[StartOutcome], Awaitable[bool]],
        stop: Callable[[StartOutcome], object],
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> StartOutcome:
        """Return the runs that the request starts, or has started earlier.

        `begin` starts them in a thread and in its `turn`. If the caller waits, return after they
        end (`ends`). If the caller disconnects first (`ends` returns False) without a key to find
        the runs again, `stop` them. For `what` and exceptions, see `KeyedRequest.once`.
        """
        sent = await self.bodies.read(self.request, self.owner)
        with place_held(self.waiting, self.caller):
            async with turn or nullcontext():
                outcome = await asyncio.to_thread(self.keyed.once, what, sent, begin)
            del sent  # it may contain files
            body_done(self.request.scope)
            if self.wait and not await ends(outcome) and not self.keyed.key:
                await asyncio.to_thread(stop, outcome)
        return outcome


@dataclass(frozen=True, slots=True)
class Requests:
    """Dependencies of routes that read requests: `keys` for routes that change something, `starts`
    for routes that start something."""

    bodies: Bodies
    waiting: Share
    keys: Callable[..., Awaitable[KeyedRequest]]
    starts: Callable[..., Awaitable[StartRequest]]

    @classmethod
    def of(cls, bodies: Bodies, history: RunStore | None, waiting: Share) -> Self:
        """Create the dependencies. `waiting`: room for waiting clients."""
        keys = _keyed_requests(history, bodies)
        return cls(bodies, waiting, keys, _start_requests(bodies, keys, waiting))


def _keyed_requests(
    history: RunStore | None, bodies: Bodies
) -> Callable[..., Awaitable[KeyedRequest]]:
    """Return the dependency of routes that change something: the caller and the key."""
    identity = bodies.identity

    async def asked(
        request: Request,
        *,
        idempotency_key: str = Header(""),
        owner: str = Depends(identity.caller),
    ) -> KeyedRequest:
        requester = Requester.of(owner, request.scope, caller_of(request.scope, identity))
        return KeyedRequest(history, bodies.uploads, requester, idempotency_key)

    return asked


def _start_requests(
    bodies: Bodies, keys: Callable[..., Awaitable[KeyedRequest]], waiting: Share
) -> Callable[..., Awaitable[StartRequest]]:
    """Return the dependency of routes that start something and may wait for its end.
    `StartRequest.begun` reads the body."""

    async def asked(
        request: Request, *, wait: bool = False, keyed: KeyedRequest = Depends(keys)
    ) -> StartRequest:
        return StartRequest(bodies, waiting, request, keyed, wait)

    return asked


def answer_of(begun: StartOutcome, said: object, url: str = "") -> AsciiJSON:
    """Return the answer to a start, with the URL of a single object."""
    headers = {"location": url} if url else {}
    return AsciiJSON(said, 200 if begun.again else 201, headers | _replayed(begun))


def changed_answer(begun: StartOutcome, said: object) -> AsciiJSON:
    """Return the answer to a change."""
    return AsciiJSON(said, headers=_replayed(begun))


def _replayed(begun: StartOutcome) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if begun.again else {}


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its Idempotency-Key, empty for none. Without a `history`, keys aren't
    supported."""

    history: RunStore | None
    uploads: UploadFolder
    requester: Requester
    key: str

    def once(
        self, what: tuple[str, str], sent: Sent, begin: Callable[[Sent, Requester], StartOutcome]
    ) -> StartOutcome:
        """Return the objects that the request starts, or has started earlier. `what`: their type,
        and the workflow or chain. Raises like `begin` and `StartedRequests.begin`, and
        HTTPException."""
        if not self.key:
            return begin(sent, self.requester)
        if len(self.key) > _LONGEST_KEY:
            raise HTTPException(422, _LONG_KEY)
        if self.history is None:
            raise HTTPException(409, _NO_HISTORY)
        requests, name = self.history.requests, self.requester.name
        content = self._content(what, sent)
        starting = requests.begin(name, self.key, content, self.requester.address)
        if isinstance(starting, tuple):
            return StartOutcome(starting, again=True, counted="count" in sent.body)
        try:
            outcome = begin(sent, replace(self.requester, at_start=starting.note))
        except BaseException:
            requests.failed(starting)
            raise
        requests.started(starting, outcome.ids)
        return outcome

    def changed_once(self, what: tuple[str, str], change: Callable[[], object]) -> StartOutcome:
        """Do the same for a request without a body that changes an object. `what`: the change, and
        the object's id."""

        def begin(*_: object) -> StartOutcome:
            change()
            return StartOutcome((what[1],))

        return self.once(what, Sent({}), begin)

    def _content(self, what: tuple[str, str], sent: Sent) -> str:
        """Return the identity of a request, with the names and contents of its files."""
        body = dict(sent.body)
        for key in sent.files:
            path = self.uploads.find(self.requester.owner, body["values"][key])
            if path is not None:
                file = {"name": path.name, "sha256": content_of(Upload(path.name, path))}
                body["values"] = body["values"] | {key: file}
        return json.dumps([*what, body], sort_keys=True)


CALLBACK: Mapping[str, Any] = {
    "type": ["string", "null"],
    "format": "uri",
    "description": (
        "The URL that gets a webhook at the end. The administrator must have allowed its host."
    ),
}


def callback_of(webhooks: Webhooks, told: Mapping[str, Any]) -> str:
    """Return the webhook address in a request; empty if it has none. Raises CallbackRefused."""
    callback = told.get("callback")
    if callback is None:
        return ""
    webhooks.check(callback)
    return str(callback)


@contextmanager
def registered(
    webhooks: Webhooks, callback: str, requester: Requester, *subjects: Subject
) -> Iterator[Requester]:
    """Register the address, unless it is empty, for the ends or pauses of what the block starts for
    the yielded requester. It is stored in the transaction that records the start."""
    if not callback:
        yield requester
        return
    added: list[Webhook] = []
    add = webhooks.adding(subjects, requester.owner, callback, added)
    yield replace(requester, at_start=both(requester.at_start, add))
    webhooks.note_added(added)


def register_chain(
    webhooks: Webhooks, callback: str, chain_id: str, owner: str, stop: Callable[[], object]
) -> None:
    """Register the address, unless it is empty, for the end of a chain that was continued. If it
    can't be stored, call `stop` and raise ComfyError, because the caller would wait forever."""
    if not callback:
        return
    try:
        webhooks.add("chain", [chain_id], owner, callback)
    except ComfyError:
        stop()
        raise
