"""Runs for programs: start one, find it again, stop or delete it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from comfy.errors import RunNotFound
from comfy.messages import message
from comfy.records.record import Record
from comfy.records.wanted import Wanted
from comfy.runs.durations import RunTimes
from comfy.runs.interface import Run
from comfy.services.start import Batch
from ui.api.problems import problem_of
from ui.api.run_json import RunJson, ToldRun, has_field_errors
from ui.api.values import Bodies, SentValues, form_for
from ui.api.watch import ends_first
from ui.deleting import delete_run
from ui.routes.history import of_chain
from ui.routes.presenter import outcome_of
from ui.services import Services
from ui.view.run_view import NO_RESULT
from ui.web.body_limits import BUSY
from ui.web.identity import NOBODY, Identity
from ui.web.responses import AsciiJSON
from ui.web.shares import Share, caller_of, shared_address

_MOST_AT_ONCE = 16  # runs of one request, as on the page
_PAGE, _LONGEST_PAGE = 50, 200  # runs a request
_COUNT = message("“count” is a whole number from 1 to {most}.", most=_MOST_AT_ONCE)
_IS_CHAIN = message("This is a chain of several workflows. Start it with POST …/chains.")

_BODY: dict[str, Any] = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "values": {"type": "object", "description": "Values by field key."},
                    "count": {"type": "integer", "minimum": 1, "maximum": _MOST_AT_ONCE},
                },
            },
            "example": {"values": {"2.text": "a lighthouse at dusk"}},
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"values": {"type": "string", "description": "The values as JSON."}},
                "additionalProperties": {"type": "string", "format": "binary"},
            },
        },
    }
}


class Runs:
    """What is told of a person's runs. `json`: how one looks."""

    def __init__(self, services: Services, json: RunJson) -> None:
        self.services = services
        self.json = json

    def record(self, run_id: str, owner: str) -> Record:
        """A run of this person's; RunNotFound."""
        try:
            return self.services.runs.record(run_id, owner)
        except RunNotFound:
            raise RunNotFound(NO_RESULT) from None

    def told(self, record: Record) -> dict[str, Any]:
        """All that is known of a run. Waits where its form is to be asked for."""
        errors = outcome_of(self.services, record).errors if has_field_errors(record) else {}
        return self.json.told(record, self._usual(record), errors)

    def listed(self, record: Record) -> dict[str, Any]:
        """The same for a list, which says less of what went wrong."""
        return self.json.told(record, self._usual(record))

    def _usual(self, record: Record) -> RunTimes | None:
        try:
            return self.services.runs.get(record.id, record.owner).usual_times
        except RunNotFound:
            return None


def runs_api(
    services: Services, identity: Identity, runs: Runs, bodies: Bodies, room: Share
) -> APIRouter:
    """`POST /workflows/{name}/runs`, `GET /runs`, `GET` and `DELETE /runs/{run_id}`. `room`: for
    callers that wait."""
    router = APIRouter(tags=["Runs"])
    router.include_router(start_api(services, identity, runs, bodies, room))

    @router.get("/runs")
    def listed(  # noqa: PLR0913 - what is wanted, by name
        *,
        workflow: str = "",
        text: str = "",
        fruitless: bool = True,
        favourites: bool = False,
        cursor: str = "",
        limit: Annotated[int, Query(ge=1, le=_LONGEST_PAGE)] = _PAGE,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Your runs: on the first page those that go on, in the order of their turns, then those
        that have ended, newest first. `next` is the `cursor` of the next page, null on the last.
        Whoever has neither a login nor a cookie finds runs by their ids only."""
        history = services.runs.history
        if owner == NOBODY:
            return AsciiJSON({"runs": [], "next": None})
        wanted = of_chain(services, Wanted(workflow, text, fruitless, favourites), owner)
        plain = not (text or favourites or cursor)
        line = services.runs.line_of(owner) if plain else ()
        going = [one.record for one in line if workflow in ("", one.job.workflow)]
        ended = history.of(owner, wanted, before=cursor, limit=limit) if history else ()
        more = ended[-1].id if len(ended) == limit else None
        return AsciiJSON({"runs": [runs.listed(one) for one in (*going, *ended)], "next": more})

    @router.get("/runs/{run_id}", response_model=ToldRun)
    def one(run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """One of your runs, as it is now."""
        return AsciiJSON(runs.told(runs.record(run_id, owner)))

    @router.delete("/runs/{run_id}")
    def delete(run_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Stop a run that goes on (202); delete one that has ended, with its files (200). `stays`
        says what ComfyUI keeps of it."""
        record = runs.record(run_id, owner)
        if record.state.phase.finished:
            return AsciiJSON({"stays": delete_run(services, run_id, owner)})
        services.runs.get(run_id, owner).cancel()
        return AsciiJSON(runs.listed(runs.record(run_id, owner)), 202)

    return router


def start_api(
    services: Services, identity: Identity, runs: Runs, bodies: Bodies, room: Share
) -> APIRouter:
    """`POST /workflows/{name}/runs`."""
    router = APIRouter()
    starting = RunStart(services)

    @router.post(
        "/workflows/{name:path}/runs",
        status_code=201,
        response_model=ToldRun,
        openapi_extra={"requestBody": _BODY},
    )
    async def start(
        request: Request, name: str, *, wait: bool = False, owner: str = Depends(identity.caller)
    ) -> Response:
        """Start a run with these values; what is left out keeps the author's value, seeds that are
        left out are random. With `count` as many runs, in a list. With `wait=true` the answer comes
        when they have ended; whoever leaves before stops them."""
        told = await bodies.read(request, owner)
        address = shared_address(owner, request.scope)
        started = await asyncio.to_thread(starting.start, name, told, owner, address)
        counted = "count" in told
        del told  # files may be among it
        if wait:
            with room.held(caller_of(request.scope, identity)) as place:
                if not place:
                    raise HTTPException(503, BUSY)
                await wait_for_ends(started.runs, request)
        said = [await asyncio.to_thread(runs.told, one.record) for one in started.runs]
        if not counted:
            return AsciiJSON(said[0], 201, {"location": said[0]["url"]})
        refused = problem_of(started.refused).to_json() if started.refused else None
        return AsciiJSON({"runs": said, "refused": refused}, 201)

    return router


async def wait_for_ends(started: tuple[Run, ...], request: Request) -> None:
    """Wait for the ends of runs; they are stopped where their caller leaves."""
    for run in started:
        if not await ends_first(run, request):
            for one in started:
                one.cancel()
            return


class RunStart:
    """Starts the runs of programs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def start(self, name: str, told: dict[str, Any], owner: str, address: str) -> Batch:
        """The runs that a request asks for, at least one. ComfyError, HTTPException."""
        services = self._services
        count = told.get("count", 1)
        if not (type(count) is int and 1 <= count <= _MOST_AT_ONCE):
            raise HTTPException(422, _COUNT)
        if name in services.chain_forms.folder:
            raise HTTPException(409, _IS_CHAIN)
        sent, values = SentValues(services, owner), told.get("values", {})
        values = sent.of(form_for(sent, name, values), values)
        return services.starter.start_batch(
            name, values, owner, count, address=address, watched=False, keeps_going=True
        )
