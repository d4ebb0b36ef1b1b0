"""Start and stop runs for clients."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from fastapi import Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from comfy.base.errors import RunNotFound
from comfy.launch.start import StartedRuns, Starter
from comfy.runs.interface import Origin, RunPolicy, RunRegistry
from comfy.webhooks.waiting import Webhooks
from ui.api.bodies import Body, RunBody, StartBody, body_of, request_body
from ui.api.problems import problem_of
from ui.api.requests import (
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
from ui.api.values import Sent, ValueReader, form_for
from ui.documents.run_doc import RunDoc, RunsDoc
from ui.sockets.run_socket import KEY_HEADER, WaitingSockets
from ui.web.access import Access, GuardedRoutes
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, in_turn

_IS_CHAIN = "This is a chain of several workflows. Start it with POST …/chains."
_EXAMPLE = {"values": {"2.text": "a lighthouse at dusk"}}


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
        openapi_extra=request_body(RunBody, _EXAMPLE),
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
        return await in_turn(asked.request, self._answer, outcome, owner)

    def _answer(self, outcome: StartOutcome, owner: str) -> Response:
        run_docs = [self.runs.started(one, owner) for one in outcome.ids]
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


def origin_of(body: StartBody, requester: Requester) -> Origin:
    """Return the origin of the runs that a request starts."""
    return Origin(
        requester.owner,
        requester.address,
        text_sources=text_sources_of(body),
        at_start=requester.at_start,
        confirms_payment=body.confirm_paid,
    )


def text_sources_of(body: Body) -> tuple[str, ...]:
    """Return the ids of the runs whose text results a request declares to use."""
    return tuple(dict.fromkeys(body.text_sources))


@dataclass(frozen=True, slots=True)
class RunStart:
    """Starts of clients' runs."""

    reader: ValueReader
    starter: Starter
    registry: RunRegistry
    webhooks: Webhooks

    def begin(self, name: str, sent: Sent, requester: Requester) -> StartOutcome:
        """Start the requested runs, at least one. Raises ComfyError or HTTPException."""
        body = body_of(RunBody, sent.body)
        batch = self._start(name, body, requester)
        ids = tuple(run.id for run in batch.runs)
        return StartOutcome(ids, batch.refused, counted="count" in body.model_fields_set)

    def _start(self, name: str, body: RunBody, requester: Requester) -> StartedRuns:
        owner = requester.owner
        if self.reader.library.is_chain(name, owner):
            raise HTTPException(409, _IS_CHAIN)
        callback, reader = callback_of(self.webhooks, body.callback), self.reader.of(owner)
        values = reader.of(form_for(reader, name, body.values), body.values)
        policy = RunPolicy(watched=body.watched, keeps_going=body.keeps_going or not body.watched)
        with registered(self.webhooks, callback, requester, "run") as requester:
            origin = origin_of(body, requester)
            return self.starter.start_several(name, values, origin, body.count, policy)
