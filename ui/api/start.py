"""Start and stop runs for clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from comfy.base.errors import RunNotFound
from comfy.launch.start import StartedRuns, Starter
from comfy.runs.interface import Origin, RunPolicy, RunRegistry
from comfy.webhooks.waiting import Webhooks
from ui.api.problems import problem_of
from ui.api.requests import (
    CALLBACK,
    REPLAYED,
    KeyedRequest,
    Requester,
    Requests,
    StartOutcome,
    StartRequest,
    answer_of,
    callback_of,
    changed_answer,
    keyed_request,
    registered,
    start_request,
)
from ui.api.runs import Runs
from ui.api.streams import ends_first
from ui.api.values import VALUES, Sent, ValueReader, either_way, form_for
from ui.documents.run_doc import RunDoc, RunsDoc
from ui.sockets.run_socket import KEY_HEADER, WaitingSockets
from ui.web.access import Access, GuardedRoutes
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room

_MOST_AT_ONCE = 16  # runs per request, as on the page
_COUNT = f"“count” must be a whole number from 1 to {_MOST_AT_ONCE}."
_IS_CHAIN = "This is a chain of several workflows. Start it with POST …/chains."
_TEXT_SOURCES = "“text_sources” must be a list of up to 16 run ids."
WATCHED: dict[str, Any] = {
    "type": "boolean",
    "description": (
        "With `--keep-running no`, stop the run when its user has closed all pages. Only pages"
        " send this."
    ),
}
CONFIRM_PAID: dict[str, Any] = {
    "type": "boolean",
    "description": (
        "The caller knows that runs of this workflow use paid credits. Needed once per user and"
        " workflow; ignored for free workflows."
    ),
}
TEXT_SOURCES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string"},
    "maxItems": 16,
    "description": "Runs whose text results the values use. They become the new run's parents.",
}
_BODY: dict[str, Any] = {
    "content": either_way(
        {
            "schema": {
                "type": "object",
                "properties": {
                    "values": VALUES,
                    "count": {"type": "integer", "minimum": 1, "maximum": _MOST_AT_ONCE},
                    "watched": WATCHED,
                    "keeps_going": {
                        "type": "boolean",
                        "description": "With `watched`: continue even if all pages are closed.",
                    },
                    "text_sources": TEXT_SOURCES,
                    "confirm_paid": CONFIRM_PAID,
                    "callback": CALLBACK,
                },
                "additionalProperties": False,
            },
            "example": {"values": {"2.text": "a lighthouse at dusk"}},
        }
    )
}


def start_api(
    starting: RunStart, runs: Runs, requests: Requests, waiting: WaitingSockets
) -> GuardedRoutes:
    """Return `POST /workflows/{name}/runs` and `/runs/{run_id}/stop`."""
    return GuardedRoutes.of(StartHandlers(starting, runs, requests, waiting))


@dataclass(frozen=True, slots=True)
class StartHandlers:
    """Handlers of the routes that start and stop runs."""

    starting: RunStart
    runs: Runs
    requests: Requests
    waiting: WaitingSockets

    routes = GuardedRoutes(tags=["Runs"])

    @routes.post(
        "/workflows/{name:path}/runs",
        Access.OWNER,
        body=BodyLimit.FILES,
        room=Room.CALLS,
        status_code=201,
        response_model=RunDoc | RunsDoc,
        responses={200: REPLAYED | {"model": RunDoc | RunsDoc}},
        openapi_extra={"requestBody": _BODY},
    )
    async def start_run(self, name: str, asked: StartRequest = Depends(start_request)) -> Response:
        """Start one or more runs of a workflow.

        Omitted fields keep the author's value; omitted seeds are random. `count` starts several
        runs and returns a list. With `wait=true` the answer is sent when all have ended. If the
        client disconnects before that, they are stopped, unless the request has an
        `Idempotency-Key`. The same request with the same key returns the same runs for a day.
        """
        owner, registry = asked.owner, self.runs.registry
        socket_key = asked.request.headers.get(KEY_HEADER, "")

        def begin(sent: Sent, requester: Requester) -> StartOutcome:
            outcome = self.starting.begin(name, sent, requester)
            self.waiting.hand_over(registry.get(outcome.ids[0], owner), socket_key)
            return outcome

        outcome = await self.requests.begun(
            asked,
            ("runs", name),
            begin,
            ends=lambda outcome: runs_end_first(registry, outcome.ids, owner, asked.request),
            stop=lambda outcome: cancel_runs(registry, outcome.ids, owner),
        )
        run_docs = [await asyncio.to_thread(self.runs.started, one, owner) for one in outcome.ids]
        if not outcome.counted:
            return answer_of(outcome, run_docs[0], run_docs[0].url)
        refused = problem_of(outcome.refused).to_json() if outcome.refused else None
        return answer_of(outcome, RunsDoc(tuple(run_docs), refused))

    @routes.post("/runs/{run_id}/stop", Access.OWNER, response_model=RunDoc)
    def stop_run(self, run_id: str, keyed: KeyedRequest = Depends(keyed_request)) -> AsciiJSON:
        """Stop a run.

        A finished run and its files stay unchanged. The same request with the same
        `Idempotency-Key` stops it once.
        """
        owner = keyed.owner
        self.runs.record(run_id, owner)
        outcome = self.requests.changed_once(
            keyed, ("run stop", run_id), partial(cancel_runs, self.runs.registry, [run_id], owner)
        )
        return changed_answer(outcome, self.runs.found(run_id, owner))


async def runs_end_first(
    registry: RunRegistry, ids: Sequence[str], owner: str, request: Request
) -> bool:
    """Wait for the ends of runs. Return False if the caller disconnects first."""
    live = []
    for run_id in ids:
        with suppress(RunNotFound):  # it ended long ago
            live.append(registry.get(run_id, owner))
    for run in live:
        if not await ends_first(run, request):
            return False
    return True


def cancel_runs(registry: RunRegistry, ids: Sequence[str], owner: str) -> None:
    """Cancel the active runs among these."""
    for run_id in ids:
        with suppress(RunNotFound):  # it ended long ago
            registry.get(run_id, owner).cancel()


def origin_of(sent: Sent, requester: Requester) -> Origin:
    """Return the origin of the runs that a request starts. Raises HTTPException."""
    return Origin(
        requester.owner,
        requester.address,
        text_sources=text_sources_of(sent),
        at_start=requester.at_start,
        confirms_payment=sent.body.get("confirm_paid", False) is True,
    )


def text_sources_of(sent: Sent) -> tuple[str, ...]:
    """Return the ids of the runs whose text results a request declares to use. Raises
    HTTPException."""
    ids = sent.body.get("text_sources", [])
    if not isinstance(ids, list) or len(ids) > TEXT_SOURCES["maxItems"]:
        raise HTTPException(422, _TEXT_SOURCES)
    if not all(isinstance(one, str) for one in ids):
        raise HTTPException(422, _TEXT_SOURCES)
    return tuple(dict.fromkeys(ids))


@dataclass(frozen=True, slots=True)
class RunStart:
    """Starts of clients' runs."""

    reader: ValueReader
    starter: Starter
    registry: RunRegistry
    webhooks: Webhooks

    def begin(self, name: str, sent: Sent, requester: Requester) -> StartOutcome:
        """Start the requested runs, at least one. Raises ComfyError or HTTPException."""
        sent.check_parts(_BODY)
        batch = self._start(name, sent, requester)
        ids = tuple(run.id for run in batch.runs)
        return StartOutcome(ids, batch.refused, counted="count" in sent.body)

    def _start(self, name: str, sent: Sent, requester: Requester) -> StartedRuns:
        owner = requester.owner
        count = sent.body.get("count", 1)
        if not (type(count) is int and 1 <= count <= _MOST_AT_ONCE):
            raise HTTPException(422, _COUNT)
        if self.reader.library.is_chain(name, owner):
            raise HTTPException(409, _IS_CHAIN)
        callback = callback_of(self.webhooks, sent.body)
        reader, raw_values = self.reader.of(owner), sent.body.get("values", {})
        values = reader.of(form_for(reader, name, raw_values), raw_values)
        watched = sent.body.get("watched", False)
        keeps_going = sent.body.get("keeps_going", False) if watched else True
        policy = RunPolicy(watched=watched, keeps_going=keeps_going)
        with registered(self.webhooks, callback, requester, "run") as requester:
            origin = origin_of(sent, requester)
            return self.starter.start_several(name, values, origin, count, policy)
