"""Requests that start or change something, and repeats with the same key.

Webhook address that a request names, for the end of the run, batch or chain that it starts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
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
from ui.web.access import Owner
from ui.web.limits import body_done
from ui.web.responses import AsciiJSON
from ui.web.shares import Caller, shared_address, turn_done

_LONGEST_KEY = 255
_LONG_KEY = f"An Idempotency-Key can have at most {_LONGEST_KEY} characters."
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
    def of(cls, owner: str, scope: Scope) -> Self:
        """Return the owner with the address and name of a request."""
        return cls(owner, shared_address(owner, scope), Caller.of(owner, scope).person)


@dataclass(frozen=True, slots=True)
class StartOutcome:
    """Ids of the runs, batch or chain that a request started, now or earlier (`again`). `refused`:
    why the rest did not start. `counted`: the request has a count."""

    ids: tuple[str, ...]
    refused: ComfyError | None = None
    again: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """Request that starts or changes something, with its Idempotency-Key, empty for none."""

    request: Request
    owner: str
    key: str

    @property
    def requester(self) -> Requester:
        """Return the caller of a start."""
        return Requester.of(self.owner, self.request.scope)

    @property
    def caller(self) -> Caller:
        """Return the caller for limits."""
        return Caller.of(self.owner, self.request.scope)


@dataclass(frozen=True, slots=True)
class StartRequest(KeyedRequest):
    """Request that starts something. `wait`: answer only after that has ended."""

    wait: bool


async def keyed_request(
    request: Request, owner: Owner, idempotency_key: str = Header("")
) -> KeyedRequest:
    """Return the request (dependency of routes that change something)."""
    return KeyedRequest(request, owner, idempotency_key)


async def start_request(
    *, keyed: KeyedRequest = Depends(keyed_request), wait: bool = False
) -> StartRequest:
    """Return the request (dependency of routes that start something)."""
    return StartRequest(keyed.request, keyed.owner, keyed.key, wait)


@dataclass(frozen=True, slots=True)
class Requests:
    """Handler of requests that start or change something, each once per Idempotency-Key."""

    bodies: Bodies
    history: RunStore

    async def begun(
        self,
        asked: StartRequest,
        what: tuple[str, str],
        begin: Callable[[Sent, Requester], StartOutcome],
        *,
        ends: Callable[[StartOutcome], Awaitable[bool]],
        stop: Callable[[StartOutcome], object],
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> StartOutcome:
        """Return the runs that the request starts, or has started earlier.

        `begin` starts them in a thread and in its `turn`, or in the request's. If the caller waits,
        return after they end (`ends`). If the caller disconnects first (`ends` returns False)
        without a key to find the runs again, `stop` them. For `what` and exceptions, see `once`.
        """
        sent = await self.bodies.read(asked.request, asked.owner)
        if turn is not None:
            await turn_done(asked.request)
        async with turn or nullcontext():
            outcome = await asyncio.to_thread(self.once, asked, what, sent, begin)
        del sent  # it may contain files
        body_done(asked.request.scope)
        await turn_done(asked.request)
        if asked.wait and not await ends(outcome) and not asked.key:
            await asyncio.to_thread(stop, outcome)
        return outcome

    def once(
        self,
        keyed: KeyedRequest,
        what: tuple[str, str],
        sent: Sent,
        begin: Callable[[Sent, Requester], StartOutcome],
    ) -> StartOutcome:
        """Return the objects that the request starts, or has started earlier. `what`: their type,
        and the workflow or chain. Raises like `begin` and `StartedRequests.begin`, and
        HTTPException."""
        requester = keyed.requester
        if not keyed.key:
            return begin(sent, requester)
        if len(keyed.key) > _LONGEST_KEY:
            raise HTTPException(422, _LONG_KEY)
        started = self.history.requests
        content = self._content(keyed.owner, what, sent)
        starting = started.begin(requester.name, keyed.key, content, requester.address)
        if isinstance(starting, tuple):
            return StartOutcome(starting, again=True, counted="count" in sent.body)
        try:
            outcome = begin(sent, replace(requester, at_start=starting.note))
        except BaseException:
            started.failed(starting)
            raise
        started.started(starting, outcome.ids)
        return outcome

    def changed_once(
        self, keyed: KeyedRequest, what: tuple[str, str], change: Callable[[], object]
    ) -> StartOutcome:
        """Do the same for a request without a body that changes an object. `what`: the change, and
        the object's id."""

        def begin(*_: object) -> StartOutcome:
            change()
            return StartOutcome((what[1],))

        return self.once(keyed, what, Sent({}), begin)

    def _content(self, owner: str, what: tuple[str, str], sent: Sent) -> str:
        """Return the identity of a request, with the names and contents of its files."""
        body = dict(sent.body)
        for key in sent.files:
            path = self.bodies.uploads.find(owner, body["values"][key])
            if path is not None:
                file = {"name": path.name, "sha256": content_of(Upload(path.name, path))}
                body["values"] = body["values"] | {key: file}
        return json.dumps([*what, body], sort_keys=True)


def answer_of(begun: StartOutcome, said: object, url: str = "") -> AsciiJSON:
    """Return the answer to a start, with the URL of a single object."""
    headers = {"location": url} if url else {}
    return AsciiJSON(said, 200 if begun.again else 201, headers | _replayed(begun))


def changed_answer(begun: StartOutcome, said: object) -> AsciiJSON:
    """Return the answer to a change."""
    return AsciiJSON(said, headers=_replayed(begun))


def _replayed(begun: StartOutcome) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if begun.again else {}


def callback_of(webhooks: Webhooks, callback: object) -> str:
    """Return the webhook address in a request; empty if it has none. Raises CallbackRefused."""
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
