"""Batches for programs: a workflow once for each row of values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.batches.open_batch import BatchState, BatchSummary
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.row_states import RowState
from comfy.records.record import Record
from ui.api.batch_spec import BODY, CheckedBatch, check_of, spec_of
from ui.api.callbacks import call_back, callback_of
from ui.api.runs import PAGE_LENGTH, Limit, Runs, page_of
from ui.api.start import (
    REPLAYED,
    Asker,
    Begun,
    KeyedRequest,
    Keys,
    StartRequest,
    Starts,
    answer_of,
    changed_answer,
    origin_of,
)
from ui.api.streams import EVENTS, GroupEvents
from ui.api.values import Bodies, Sent, SentValues, form_for
from ui.api.watch import group_ends_first
from ui.documents.browser_values import value_text
from ui.documents.run_doc import RunDoc
from ui.routes.groups.batches import TableView, table_view
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import API, AsciiJSON
from ui.web.shares import FairSlots, caller_of

_ROWS, _MOST_ROWS = 100, 200  # rows a request
_NO_CHAIN = message("Only a workflow can be run as a batch, not a chain.")
Change = Literal["pause", "continue", "stop", "retry"]
_CHANGES: Mapping[Change, Callable[[BatchQueue, str, str], None]] = {
    "pause": BatchQueue.pause,
    "continue": BatchQueue.go_on,
    "stop": BatchQueue.stop,
    "retry": BatchQueue.retry_failed,
}


@dataclass(frozen=True, slots=True)
class ToldBatch:
    """A batch: how many `rows` it has, and how many of them are `done` and have `failed`; `why` it
    is paused, or waits, in a sentence; the labels of what is `varied`, and of each the first values
    in a few words (`first_values`); `created_at` in seconds since 1970."""

    id: str
    title: str
    workflow: str
    state: BatchState
    finished: bool
    rows: int
    done: int
    failed: int
    created_at: float
    why: str
    varied: tuple[str, ...]
    first_values: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of a list of batches; `next`: the `cursor` of the next one, null on the last."""

    batches: tuple[ToldBatch, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ToldRow:
    """A row of a batch: its `number` in the table, what varies by field key (of a text that several
    axes change the whole of it; where a cell is empty, what the form has; without what is drawn or
    left to the workflow), why it failed, and its run, null where there is none."""

    number: int
    state: RowState
    values: Mapping[str, str]
    error: str
    run: RunDoc | None


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of rows, of `total` in all; `next` as in other lists."""

    total: int
    rows: tuple[ToldRow, ...]
    next: str | None


def batches_api(
    services: Services,
    runs: Runs,
    bodies: Bodies,
    keys: Keys,
    starts: Starts,
    turns: FairSlots,
) -> GuardedRoutes:
    """`POST /workflows/{name}/batches`, and the routes below `/batches`. `turns`: of what takes a
    processor for long."""
    routes = GuardedRoutes(tags=["Batches"])
    identity = bodies.identity
    batches, told = services.batches, BatchJson(services, runs)
    news = GroupEvents(services, identity, batches, told.summary)

    @routes.post(
        "/workflows/{name:path}/batches",
        Access.OWNER,
        status_code=201,
        response_model=ToldBatch,
        responses={200: REPLAYED | {"model": ToldBatch}},
        openapi_extra={"requestBody": BODY},
    )
    async def start(name: str, asked: StartRequest = Depends(starts)) -> AsciiJSON:
        """Start a batch of a workflow.

        The rows are every combination of the values of `axes`, or the rows of a `table`. Nothing is
        started unless all rows can be. `wait` and `Idempotency-Key` work as for a run. The answer
        also comes when the batch has paused itself after too many failures (`state` is `paused`,
        `why` says more).
        """
        owner = asked.owner
        begun = await asked.begun(
            ("batches", name),
            partial(_new_batch, services, name),
            ends=lambda begun: group_ends_first(
                batches, begun.ids[0], owner, asked.request, lambda batch: batch.gave_up
            ),
            stop=lambda begun: batches.leave(begun.ids[0], owner),
            turn=turns.turn(asked.caller),
        )
        batch = told.summary(await asyncio.to_thread(batches.get, begun.ids[0], owner))
        return answer_of(begun, batch, batch.url)

    @routes.post(
        "/workflows/{name:path}/batches/check",
        Access.OWNER,
        response_model=CheckedBatch,
        openapi_extra={"requestBody": BODY},
    )
    async def check(name: str, request: Request, keyed: KeyedRequest = Depends(keys)) -> AsciiJSON:
        """Check a batch without starting it.

        Returns the number of rows, their duration, and all problems. In `values`, choices, numbers
        and texts with replaced words matter. Other fields may be left out, and a file may be "".
        """
        owner = keyed.asker.owner
        sent = await bodies.read(request, owner)
        async with turns.turn(caller_of(request.scope, bodies.identity)):
            return AsciiJSON(await asyncio.to_thread(check_of, services, name, sent, owner))

    @routes.get("/batches", Access.SIGNED_IN, response_model=BatchPage)
    def listed(
        *, cursor: str = "", limit: Limit = PAGE_LENGTH, owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """Return your batches, newest first.

        `next` is the `cursor` of the next page, null on the last.
        """
        page, more = page_of(batches.of(owner), cursor, limit)
        return AsciiJSON(BatchPage(tuple(map(told.summary, page)), more))

    @routes.get("/batches/{batch_id}", Access.OWNER, response_model=ToldBatch)
    def one(batch_id: str, owner: str = Depends(identity.caller)) -> AsciiJSON:
        """Return a batch and its progress."""
        return AsciiJSON(told.summary(batches.get(batch_id, owner)))

    @routes.get(
        "/batches/{batch_id}/events", Access.OWNER, response_class=Response, responses=EVENTS
    )
    async def events(
        request: Request,
        batch_id: str,
        owner: str = Depends(identity.caller),
        last_event_id: str = Header(""),
    ) -> Response:
        """Send a batch's progress as server-sent events.

        Events come as those of a run, also while the batch is paused, and `end` at the end.
        """
        return await news.answer(request, batch_id, owner, last_event_id)

    @routes.get("/batches/{batch_id}/rows", Access.OWNER, response_model=RowPage)
    def rows(  # noqa: PLR0913 - what is wanted, by name
        batch_id: str,
        *,
        state: RowState | None = None,
        search: Annotated[str, Query(max_length=200)] = "",
        start: Annotated[int, Query(alias="from", ge=0)] = 0,
        cursor: Annotated[str, Query(pattern="^[0-9]{0,9}$")] = "",
        limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = _ROWS,
        owner: str = Depends(identity.caller),
    ) -> AsciiJSON:
        """Return a batch's rows with their runs.

        `next` is the `cursor` of the next page, null on the last. `from` is the number of rows to
        skip before the first page.
        """
        table = batches.table(batch_id, owner)
        view = table_view(services, table, owner)
        places = view.places(state, search)
        rest = [at for at in places if at >= int(cursor)] if cursor else places[start:]
        some, more = rest[:limit], str(rest[limit]) if limit < len(rest) else None
        return AsciiJSON(RowPage(len(places), tuple(told.rows(table, view, some)), more))

    @routes.post("/batches/{batch_id}/{change}", Access.OWNER, response_model=ToldBatch)
    def changed(batch_id: str, change: Change, keyed: KeyedRequest = Depends(keys)) -> AsciiJSON:
        """Pause, continue or stop a batch, or retry its failed rows.

        `pause` starts no more rows, `retry` also runs stopped rows again. The same request with the
        same `Idempotency-Key` changes it once.
        """
        owner, change_it = keyed.asker.owner, _CHANGES[change]
        begun = keyed.changed_once(
            (f"batch {change}", batch_id), partial(change_it, batches, batch_id, owner)
        )
        return changed_answer(begun, told.summary(batches.get(batch_id, owner)))

    @routes.delete("/batches/{batch_id}", Access.OWNER)
    def deleted(
        batch_id: str, *, with_runs: bool = False, owner: str = Depends(identity.caller)
    ) -> AsciiJSON:
        """Stop a batch and delete it.

        Its runs stay, unless `with_runs=true`.
        """
        batches.delete(batch_id, owner, with_runs=with_runs)
        return AsciiJSON({})

    return routes


def _new_batch(services: Services, name: str, sent: Sent, asker: Asker) -> Begun:
    """The batch that a request asks for; whoever cannot be known again finds it by its id. Raises
    as `BatchQueue.start`, CallbackRefused, HTTPException."""
    sent.check_parts(BODY)
    told, owner = sent.told, asker.owner
    if name in services.chain_forms.folder:
        raise HTTPException(409, _NO_CHAIN)
    callback = callback_of(services, told)
    reader, values = SentValues(services, owner), told.get("values", {})
    form = form_for(reader, name, values)
    spec = spec_of(told, form, reader)
    given = reader.of(form, values)
    batches = services.batches
    origin, attended = origin_of(sent, asker), not told.get("watched", False)
    begun = batches.start(name, given, spec, origin, attended=attended)
    stop = partial(batches.leave, begun.id, owner)
    call_back(services, callback, ("batch", "pause"), [begun.id], owner, stop)
    return Begun((begun.id,))


class BatchJson:
    """A batch as a program is told of it."""

    def __init__(self, services: Services, runs: Runs) -> None:
        self._services = services
        self._runs = runs

    def summary(self, batch: BatchSummary) -> ToldBatch:
        """How far it is."""
        url = f"{self._runs.json.root}{API}/batches/{batch.id}"
        return ToldBatch(**asdict(batch), finished=batch.finished, url=url)

    def rows(self, table: BatchTable, view: TableView, places: Sequence[int]) -> Iterator[ToldRow]:
        """These of its rows."""
        records = self._records(table, places, view.owner)
        for at in places:
            record = records.get(at)
            error = record.state.error if record is not None else None
            yield ToldRow(
                number=table.rows.number(at),
                state=view.state(at),
                values={key: value_text(one) for key, one in table.rows.varied(at).items()},
                error=table.states.error(at) or (error.message if error else ""),
                run=self._runs.listed(record) if record is not None else None,
            )

    def _records(self, table: BatchTable, places: Sequence[int], owner: str) -> dict[int, Record]:
        """The runs of those rows that have one, by the places of the rows."""
        runs, history = self._services.runs, self._services.runs.history
        begun = {at: run for at in places if (run := table.live.get(at) or table.states.run(at))}
        known = history.get_many(begun.values(), owner) if history is not None else {}
        found = {at: known[run] for at, run in begun.items() if run in known}
        for at in places:
            with suppress(RunNotFound):  # it has ended just now
                if at in table.live:
                    found[at] = runs.record(table.live[at], owner)
        return found
