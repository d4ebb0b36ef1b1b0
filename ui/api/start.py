"""Starting and stopping runs for programs; the same request, sent again with its key, does nothing
more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from comfy.base.errors import ComfyError, RunNotFound
from comfy.launch.start import StartedRuns
from comfy.launch.uploads import Upload, content_of
from comfy.runs.interface import Origin, RunPolicy
from ui.api.callbacks import CALLBACK, call_back, callback_of
from ui.api.problems import problem_of
from ui.api.runs import Runs
from ui.api.values import Bodies, Sent, SentValues, either_way, form_for
from ui.api.watch import ends_first
from ui.documents.run_doc import RunDoc, RunsDoc
from ui.routes.run_socket import KEY_HEADER, WaitingSockets
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.body_limits import body_done, place_held
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Caller, caller_of, shared_address

_MOST_AT_ONCE = 16  # runs of one request, as on the page
_LONGEST_KEY = 255
_COUNT = f"“count” is a whole number from 1 to {_MOST_AT_ONCE}."
_IS_CHAIN = "This is a chain of several workflows. Start it with POST …/chains."
_TEXT_SOURCES = "“text_sources” is a list of up to 16 run ids."
_LONG_KEY = f"An Idempotency-Key has at most {_LONGEST_KEY} characters."
_NO_HISTORY = "This app remembers no runs, so it knows no Idempotency-Key."
REPLAYED: dict[str, Any] = {
    "description": "As it is now: its key was used for it before.",
    "content": {"application/json": {}},
}
WATCHED: dict[str, Any] = {
    "type": "boolean",
    "description": "Sent by a page: it stops when its user has closed all pages.",
}
TEXT_SOURCES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string"},
    "maxItems": 16,
    "description": "Runs whose texts the values use: they become parents.",
}
_BODY: dict[str, Any] = {
    "content": either_way(
        {
            "schema": {
                "type": "object",
                "properties": {
                    "values": {"type": "object", "description": "Values by field key."},
                    "count": {"type": "integer", "minimum": 1, "maximum": _MOST_AT_ONCE},
                    "watched": WATCHED,
                    "keeps_going": {
                        "type": "boolean",
                        "description": "With `watched`: it goes on without any page.",
                    },
                    "text_sources": TEXT_SOURCES,
                    "callback": CALLBACK,
                },
                "additionalProperties": False,
            },
            "example": {"values": {"2.text": "a lighthouse at dusk"}},
        }
    )
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Caller of a start: `owner` of the runs, at the `address` for limits, and the `name` for
    idempotency keys, which also separates callers with a shared owner."""

    owner: str
    address: str
    name: str

    @classmethod
    def of(cls, owner: str, scope: Scope, caller: Caller) -> Self:
        """An owner, behind a request of this caller's."""
        return cls(owner, shared_address(owner, scope), caller.person)


@dataclass(frozen=True, slots=True)
class Begun:
    """The ids of what a request has started, now or before (`again`): runs, or one batch or chain;
    why the rest was not started, None where all were. `counted`: the request has said how many."""

    ids: tuple[str, ...]
    refused: ComfyError | None = None
    again: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A request that starts something. `wait`: it is answered once that has ended."""

    bodies: Bodies
    request: Request
    keyed: KeyedRequest
    wait: bool

    @property
    def owner(self) -> str:
        """Return the owner of the new runs."""
        return self.keyed.asker.owner

    @property
    def caller(self) -> Caller:
        """Return the caller for limits."""
        return caller_of(self.request.scope, self.bodies.identity)

    async def begun(
        self,
        what: tuple[str, str],
        begin: Callable[[Sent, Asker], Begun],
        *,
        ends: Callable[[Begun], Awaitable[bool]],
        stop: Callable[[Begun], object],
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> Begun:
        """Return the runs that it starts, in a thread by `begin` and in its `turn`, or has started
        earlier. If the caller waits, return after they `ends`; if it leaves first (False)
        without a key to find them again, `stop` them. `what`: see `KeyedRequest.once`, also for
        exceptions."""
        sent = await self.bodies.read(self.request, self.owner)
        with place_held(self.bodies.services.waiting, self.caller):
            async with turn or nullcontext():
                begun = await asyncio.to_thread(self.keyed.once, what, sent, begin)
            del sent  # files may be among it
            body_done(self.request.scope)
            if self.wait and not await ends(begun) and not self.keyed.key:
                await asyncio.to_thread(stop, begun)
        return begun


Keys = Callable[..., Awaitable["KeyedRequest"]]  # what routes that change something depend on
Starts = Callable[..., Awaitable[StartRequest]]  # what routes that start something depend on


def keyed_requests(services: Services, identity: Identity) -> Keys:
    """The dependency of routes that change something: who asks, and the key."""

    async def asked(
        request: Request,
        *,
        idempotency_key: str = Header(""),
        owner: str = Depends(identity.caller),
    ) -> KeyedRequest:
        asker = Asker.of(owner, request.scope, caller_of(request.scope, identity))
        return KeyedRequest(services, asker, idempotency_key)

    return asked


def start_requests(bodies: Bodies, keys: Keys) -> Starts:
    """The dependency of routes that start something: the same, and whether the end is waited for. A
    body is read by `StartRequest.begun`."""

    async def asked(
        request: Request, *, wait: bool = False, keyed: KeyedRequest = Depends(keys)
    ) -> StartRequest:
        return StartRequest(bodies, request, keyed, wait)

    return asked


def start_api(
    services: Services, runs: Runs, keys: Keys, starts: Starts, waiting: WaitingSockets
) -> GuardedRoutes:
    """`POST /workflows/{name}/runs` and `/runs/{run_id}/stop`."""
    routes = GuardedRoutes(tags=["Runs"])
    starting = RunStart(services)

    @routes.post(
        "/workflows/{name:path}/runs",
        Access.OWNER,
        status_code=201,
        response_model=RunDoc | RunsDoc,
        responses={200: REPLAYED | {"model": RunDoc | RunsDoc}},
        openapi_extra={"requestBody": _BODY},
    )
    async def start(name: str, asked: StartRequest = Depends(starts)) -> Response:
        """Start one or more runs of a workflow.

        Fields that are left out keep the author's value; seeds that are left out are random.
        `count` starts several runs and returns a list. With `wait=true` the answer comes when all
        have ended. A client that disconnects before stops them, unless the request has an
        `Idempotency-Key`. The same request with the same key returns the same runs, for a day.
        """
        owner, socket_key = asked.owner, asked.request.headers.get(KEY_HEADER, "")

        def begin(sent: Sent, asker: Asker) -> Begun:
            begun = starting.begin(name, sent, asker)
            waiting.hand_over(services.runs.get(begun.ids[0], owner), socket_key)
            return begun

        begun = await asked.begun(
            ("runs", name),
            begin,
            ends=lambda begun: runs_end_first(services, begun.ids, owner, asked.request),
            stop=lambda begun: _cancel_runs(services, begun.ids, owner),
        )
        said = [await asyncio.to_thread(runs.started, one, owner) for one in begun.ids]
        if not begun.counted:
            return answer_of(begun, said[0], said[0].url)
        refused = problem_of(begun.refused).to_json() if begun.refused else None
        return answer_of(begun, RunsDoc(tuple(said), refused))

    @routes.post("/runs/{run_id}/stop", Access.OWNER, response_model=RunDoc)
    def stop(run_id: str, keyed: KeyedRequest = Depends(keys)) -> AsciiJSON:
        """Stop a run.

        A run that has ended stays as it is, with its files. The same request with the same
        `Idempotency-Key` stops it once.
        """
        owner = keyed.asker.owner
        runs.record(run_id, owner)
        begun = keyed.changed_once(
            ("run stop", run_id), partial(_cancel_runs, services, [run_id], owner)
        )
        return changed_answer(begun, runs.found(run_id, owner))

    return routes


def answer_of(begun: Begun, said: object, url: str = "") -> AsciiJSON:
    """Return the answer to a start, with the URL of a single object."""
    headers = {"location": url} if url else {}
    return AsciiJSON(said, 200 if begun.again else 201, headers | _replayed(begun))


def changed_answer(begun: Begun, said: object) -> AsciiJSON:
    """The answer to what has changed something that was there."""
    return AsciiJSON(said, headers=_replayed(begun))


def _replayed(begun: Begun) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if begun.again else {}


async def runs_end_first(
    services: Services, ids: Sequence[str], owner: str, request: Request
) -> bool:
    """Wait for the ends of runs; False where their caller leaves before."""
    live = []
    for one in ids:
        with suppress(RunNotFound):  # it has ended long ago
            live.append(services.runs.get(one, owner))
    for run in live:
        if not await ends_first(run, request):
            return False
    return True


def _cancel_runs(services: Services, ids: Sequence[str], owner: str) -> None:
    """Cancel the active runs among these."""
    for one in ids:
        with suppress(RunNotFound):  # it has ended long ago
            services.runs.get(one, owner).cancel()


def origin_of(sent: Sent, asker: Asker) -> Origin:
    """Return the origin of the runs that a request starts. Raises HTTPException."""
    return Origin(asker.owner, asker.address, text_sources=text_sources_of(sent))


def text_sources_of(sent: Sent) -> tuple[str, ...]:
    """Return the ids of the runs whose texts a request says it uses. Raises HTTPException."""
    ids = sent.told.get("text_sources", [])
    if not isinstance(ids, list) or len(ids) > TEXT_SOURCES["maxItems"]:
        raise HTTPException(422, _TEXT_SOURCES)
    if not all(isinstance(one, str) for one in ids):
        raise HTTPException(422, _TEXT_SOURCES)
    return tuple(dict.fromkeys(ids))


class RunStart:
    """Starts the runs of programs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def begin(self, name: str, sent: Sent, asker: Asker) -> Begun:
        """The runs that a request asks for, at least one. ComfyError, HTTPException."""
        sent.check_parts(_BODY)
        batch = self._start(name, sent, asker)
        ids = tuple(run.id for run in batch.runs)
        return Begun(ids, batch.refused, counted="count" in sent.told)

    def _start(self, name: str, sent: Sent, asker: Asker) -> StartedRuns:
        services, owner = self._services, asker.owner
        count = sent.told.get("count", 1)
        if not (type(count) is int and 1 <= count <= _MOST_AT_ONCE):
            raise HTTPException(422, _COUNT)
        if name in services.chain_forms.folder:
            raise HTTPException(409, _IS_CHAIN)
        callback = callback_of(services.webhooks, sent.told)
        reader, told = SentValues(services, owner), sent.told.get("values", {})
        values = reader.of(form_for(reader, name, told), told)
        watched = sent.told.get("watched", False)
        keeps_going = sent.told.get("keeps_going", False) if watched else True
        policy = RunPolicy(watched=watched, keeps_going=keeps_going)
        origin = origin_of(sent, asker)
        batch = services.starter.start_several(name, values, origin, count, policy)
        ids = [run.id for run in batch.runs]
        stop = partial(_cancel_runs, services, ids, owner)
        call_back(services.webhooks, callback, ("run",), ids, owner, stop)
        return batch


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its Idempotency-Key, "" for none."""

    services: Services
    asker: Asker
    key: str

    def once(
        self, what: tuple[str, str], sent: Sent, begin: Callable[[Sent, Asker], Begun]
    ) -> Begun:
        """Return the objects that it starts, or has started earlier; `what`: their type, and the
        workflow or chain. Raises like `begin` and `StartedRequests.begin`, HTTPException."""
        if not self.key:
            return begin(sent, self.asker)
        if len(self.key) > _LONGEST_KEY:
            raise HTTPException(422, _LONG_KEY)
        if self.services.runs.history is None:
            raise HTTPException(409, _NO_HISTORY)
        requests, name = self.services.runs.history.requests, self.asker.name
        content = self._content(what, sent)
        if before := requests.begin(name, self.key, content, self.asker.address):
            return Begun(before, again=True, counted="count" in sent.told)
        try:
            begun = begin(sent, self.asker)
        except BaseException:
            requests.failed(name, self.key)
            raise
        requests.started(name, self.key, begun.ids)
        return begun

    def changed_once(self, what: tuple[str, str], change: Callable[[], object]) -> Begun:
        """Do the same for a request without a body that changes an object; `what`: the change, and
        the id."""

        def begin(*_: object) -> Begun:
            change()
            return Begun((what[1],))

        return self.once(what, Sent({}), begin)

    def _content(self, what: tuple[str, str], sent: Sent) -> str:
        """Return the identity of a request, with the names and contents of its files."""
        uploads, told = self.services.copies.uploads, dict(sent.told)
        for key in sent.files:
            path = uploads.find(self.asker.owner, told["values"][key])
            if path is not None:
                file = {"name": path.name, "sha256": content_of(Upload(path.name, path))}
                told["values"] = told["values"] | {key: file}
        return json.dumps([*what, told], sort_keys=True)
