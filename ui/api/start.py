"""Starting runs for programs; the same request, sent again with its key, starts none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from comfy.errors import ComfyError, RunNotFound
from comfy.messages import message
from comfy.services.start import Batch
from comfy.services.uploads import Upload, content_of
from ui.api.callbacks import CALLBACK, call_back, callback_of
from ui.api.problems import problem_of
from ui.api.run_json import ToldRun
from ui.api.runs import Runs
from ui.api.values import Bodies, Sent, SentValues, form_for
from ui.api.watch import ends_first
from ui.services import Services
from ui.web.body_limits import BUSY
from ui.web.identity import Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Share, caller_of, shared_address

_MOST_AT_ONCE = 16  # runs of one request, as on the page
_LONGEST_KEY = 255
_COUNT = message("“count” is a whole number from 1 to {most}.", most=_MOST_AT_ONCE)
_IS_CHAIN = message("This is a chain of several workflows. Start it with POST …/chains.")
_LONG_KEY = message("An Idempotency-Key has at most {most} characters.", most=_LONGEST_KEY)
_NO_HISTORY = message("This app remembers no runs, so it knows no Idempotency-Key.")
_BODY: dict[str, Any] = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "values": {"type": "object", "description": "Values by field key."},
                    "count": {"type": "integer", "minimum": 1, "maximum": _MOST_AT_ONCE},
                    "callback": CALLBACK,
                },
            },
            "example": {"values": {"2.text": "a lighthouse at dusk"}},
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "values": {"type": "string", "description": "The values as JSON."},
                    "callback": CALLBACK,
                },
                "additionalProperties": {"type": "string", "format": "binary"},
            },
        },
    }
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: `owner` of the runs, at the `address` that limits count, and the `name` that keys
    of requests belong to, which tells even those apart who have one owner in common."""

    owner: str
    address: str
    name: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The ids of what a request has started, now or before (`again`): runs, or one batch or chain;
    why the rest was not started, None where all were."""

    ids: tuple[str, ...]
    refused: ComfyError | None = None
    again: bool = False


def start_api(
    services: Services, identity: Identity, runs: Runs, bodies: Bodies, room: Share
) -> APIRouter:
    """`POST /workflows/{name}/runs`. `room`: for callers that wait."""
    router = APIRouter(tags=["Runs"])
    starting = RunStart(services)

    @router.post(
        "/workflows/{name:path}/runs",
        status_code=201,
        response_model=ToldRun,
        openapi_extra={"requestBody": _BODY},
    )
    async def start(
        request: Request,
        name: str,
        *,
        wait: bool = False,
        idempotency_key: str = Header(""),
        owner: str = Depends(identity.caller),
    ) -> Response:
        """Start a run with these values; what is left out keeps the author's value, seeds that are
        left out are random. With `count` as many runs, in a list. With `wait=true` the answer comes
        when they have ended; whoever leaves before stops them, unless the request has a key. The
        same request with the same `Idempotency-Key` answers with the same runs, for a day."""
        sent = await bodies.read(request, owner)
        caller = caller_of(request.scope, identity)
        asker = Asker(owner, shared_address(owner, request.scope), caller.person)
        counted = "count" in sent.told
        with room.held(caller) as place:
            if not place:
                raise HTTPException(503, BUSY)
            begun = await asyncio.to_thread(starting.once, name, sent, asker, idempotency_key)
            del sent  # files may be among it
            if wait:
                await ends_of(services, begun.ids, owner, request, lasting=bool(idempotency_key))
        said = [await asyncio.to_thread(runs.found, one, owner) for one in begun.ids]
        if not counted:
            return answer_of(begun, said[0])
        refused = problem_of(begun.refused).to_json() if begun.refused else None
        return answer_of(begun, {"runs": said, "refused": refused})

    return router


def answer_of(begun: Begun, said: dict[str, Any]) -> AsciiJSON:
    """The answer to what has started something, with the address of what is one thing."""
    status, headers = (200, {"idempotent-replayed": "true"}) if begun.again else (201, {})
    return AsciiJSON(said, status, headers | ({"location": said["url"]} if "url" in said else {}))


async def ends_of(
    services: Services, ids: Sequence[str], owner: str, request: Request, *, lasting: bool
) -> None:
    """Wait for the ends of runs; they are stopped where their caller leaves, unless they are to
    last."""
    live = []
    for one in ids:
        with suppress(RunNotFound):  # it has ended long ago
            live.append(services.runs.get(one, owner))
    for run in live:
        if not await ends_first(run, request):
            for left in live if not lasting else ():
                left.cancel()
            return


class RunStart:
    """Starts the runs of programs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def once(self, name: str, sent: Sent, asker: Asker, key: str) -> Begun:
        """The runs that a request asks for, at least one; those of before where it was sent with
        this key already. ComfyError, HTTPException."""

        def start() -> Begun:
            batch = self._start(name, sent, asker)
            return Begun(tuple(run.id for run in batch.runs), batch.refused)

        return KeyedRequest(self._services, asker, key).once(("runs", name), sent, start)

    def _start(self, name: str, sent: Sent, asker: Asker) -> Batch:
        services, owner = self._services, asker.owner
        count = sent.told.get("count", 1)
        if not (type(count) is int and 1 <= count <= _MOST_AT_ONCE):
            raise HTTPException(422, _COUNT)
        if name in services.chain_forms.folder:
            raise HTTPException(409, _IS_CHAIN)
        callback = callback_of(services, sent.told)
        reader, told = SentValues(services, owner), sent.told.get("values", {})
        values = reader.of(form_for(reader, name, told), told)
        batch = services.starter.start_batch(
            name, values, owner, count, address=asker.address, watched=False, keeps_going=True
        )

        def stop() -> None:
            for run in batch.runs:
                run.cancel()

        call_back(services, callback, "run", [run.id for run in batch.runs], owner, stop)
        return batch


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with its Idempotency-Key, "" for none."""

    services: Services
    asker: Asker
    key: str

    def once(self, what: tuple[str, str], sent: Sent, start: Callable[[], Begun]) -> Begun:
        """What it starts, or has started before; `what`: the kind of that, and the workflow or
        chain. Raises as `start` and `StartedRequests.begin`, HTTPException."""
        if not self.key:
            return start()
        if len(self.key) > _LONGEST_KEY:
            raise HTTPException(422, _LONG_KEY)
        if self.services.runs.history is None:
            raise HTTPException(409, _NO_HISTORY)
        requests, name = self.services.runs.history.requests, self.asker.name
        if before := requests.begin(name, self.key, self._content(what, sent)):
            return Begun(before, again=True)
        try:
            begun = start()
        except BaseException:
            requests.failed(name, self.key)
            raise
        requests.started(name, self.key, begun.ids)
        return begun

    def _content(self, what: tuple[str, str], sent: Sent) -> str:
        """What tells a request from others: of files that came with it their bytes."""
        uploads, told = self.services.copies.uploads, dict(sent.told)
        for key in sent.files:
            path = uploads.find(self.asker.owner, told["values"][key])
            content = content_of(Upload(path.name, path)) if path is not None else ""
            told["values"] = told["values"] | {key: {"sha256": content}}
        return json.dumps([*what, told], sort_keys=True)
