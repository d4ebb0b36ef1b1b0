"""Check and start batches, change them, and read their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from fastapi import Depends, Header, Request, Response
from starlette.exceptions import HTTPException

from comfy.batches.check import batch_seconds_left, estimate, problems_of_batch
from comfy.batches.open_batch import BatchChange, BatchSummary
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import BatchSpec, with_files
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field, Form
from comfy.launch.start import Starter
from comfy.webhooks.waiting import Webhooks
from ui.api.batches.grids import grids_api, opened_grids_api
from ui.api.batches.rows import results_api, rows_api
from ui.api.bodies import BatchBody, body_of, request_body
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
from ui.api.runs import PAGE_LENGTH, Limit, Runs, page_of
from ui.api.start import origin_of
from ui.api.streams import STREAM, GroupEvents, group_ends_first
from ui.api.values import Sent, SentValues, ValueReader, form_for
from ui.documents.group_docs import (
    BatchCheckDoc,
    BatchDoc,
    BatchPage,
    ColumnDoc,
    batch_doc,
    shown_batch,
)
from ui.files.result_files import ResultFiles
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import FairSlots, Room, in_turn, turn_done

# A table's rows determine the field of each file. The file is checked again for that field.
_TABLE_FILE = Field("", "", "", "", "", KINDS["file"], "main", "")
_EXAMPLE = {
    "values": {"2.text": "a lighthouse"},
    "axes": [{"field": "5.steps", "text": "10..30:10"}],
}
_NO_CHAIN = "Only a workflow can be run as a batch, not a chain."


def _spec_of(body: BatchBody, form: Form, reader: SentValues) -> BatchSpec:
    """Return what varies, with its files."""
    fields = {field.key: field for field in form.fields}

    def read_file(key: str | None, value: object) -> object:
        return reader.value(_TABLE_FILE if key is None else fields.get(key), value)

    return with_files(body.spec, read_file, {field.key for field in form.fields if field.is_media})


def _check_of(
    starter: Starter, reader: SentValues, name: str, sent: Sent, owner: str
) -> BatchCheckDoc:
    """Check a batch without starting it. Raises like `Forms.form`, and HTTPException."""
    body = body_of(BatchBody, sent.body)
    form = form_for(reader, name, body.values)
    spec, base = _spec_of(body, form, reader), reader.of(form, body.values)
    check = problems_of_batch(starter, name, form, spec, base, owner)
    seconds: float | None = None
    size: float | None = None
    if check.rows and not check.problems:
        seconds, size = estimate(starter, form, name, check.content, owner)
    content = check.content
    return BatchCheckDoc(
        check.rows,
        seconds,
        size,
        tuple(ColumnDoc(one.key, one.label) for one in content.shown),
        tuple(column.key for column in content.columns),
        check.problems,
        check.more,
        starter.payment.limits.left_today(owner, len(starter.runs.line_of(owner))),
    )


@dataclass(frozen=True, slots=True)
class BatchStart:
    """Starts and checks of clients' batches."""

    reader: ValueReader
    starter: Starter
    batches: BatchQueue
    webhooks: Webhooks

    def begin(self, name: str, sent: Sent, requester: Requester) -> StartOutcome:
        """Start the requested batch. An unidentified caller can only find it by its id. Raises like
        `BatchQueue.start`, and CallbackRefused or HTTPException."""
        body, owner = body_of(BatchBody, sent.body), requester.owner
        if self.reader.library.is_chain(name, owner):
            raise HTTPException(409, _NO_CHAIN)
        callback, reader = callback_of(self.webhooks, body.callback), self.reader.of(owner)
        form = form_for(reader, name, body.values)
        spec, base = _spec_of(body, form, reader), reader.of(form, body.values)
        with registered(self.webhooks, callback, requester, "batch", "pause") as requester:
            origin = origin_of(body, requester)
            batch = self.batches.start(name, base, spec, origin, attended=not body.watched)
        return StartOutcome((batch.id,))


def batches_api(
    starting: BatchStart, runs: Runs, files: ResultFiles, requests: Requests, turns: FairSlots
) -> GuardedRoutes:
    """Return `POST /workflows/{name}/batches`, and the routes below `/batches` and `/grids`.
    `turns`: slots for work that takes much processor time."""
    batches, document = starting.batches, partial(batch_doc, root=runs.json.root)
    news = GroupEvents(batches, document)
    handlers = BatchHandlers(batches, starting, requests, turns, news, document)
    routes = GuardedRoutes()
    routes.include(rows_api(batches, runs))
    routes.include(grids_api(batches, runs, files))
    routes.include(opened_grids_api(batches, runs))
    routes.include(results_api(batches, runs, files))
    routes.include(GuardedRoutes.of(handlers))
    return routes


@dataclass(frozen=True, slots=True)
class BatchHandlers:
    """Handlers of the routes that start, check, show and change batches."""

    batches: BatchQueue
    starting: BatchStart
    requests: Requests
    turns: FairSlots
    news: GroupEvents
    document: Callable[[BatchSummary], BatchDoc]

    routes = GuardedRoutes(tags=["Batches"])

    @routes.post(
        "/workflows/{name:path}/batches",
        Access.OWNER,
        body=BodyLimit.FILES,
        room=Room.CALLS,
        status_code=201,
        response_model=BatchDoc,
        responses={200: REPLAYED | {"model": BatchDoc}},
        openapi_extra=request_body(BatchBody, _EXAMPLE, required=True),
    )
    async def start_batch(
        self, name: str, asked: StartRequest = Depends(start_request)
    ) -> AsciiJSON:
        """Start a batch of a workflow.

        The rows are every combination of the values of `axes`, or the rows of a `table`. Nothing is
        started unless all rows can be. `wait` and `Idempotency-Key` work as for a run. The answer
        also comes when the batch has paused itself after too many failures (`state` is `paused`,
        `why` says more).
        """
        owner = asked.owner
        outcome = await self.requests.begun(
            asked,
            ("batches", name),
            partial(self.starting.begin, name),
            ends=lambda outcome: group_ends_first(
                self.batches,
                outcome.ids[0],
                owner,
                asked.request,
                lambda batch: batch.gave_up,
            ),
            stop=lambda outcome: self.batches.stop(outcome.ids[0], owner),
            turn=self.turns.turn(asked.caller),
        )
        return await in_turn(asked.request, self._answer, outcome, owner)

    def _answer(self, outcome: StartOutcome, owner: str) -> AsciiJSON:
        batch = self.document(self.batches.get(outcome.ids[0], owner))
        return answer_of(outcome, batch, batch.url)

    @routes.post(
        "/workflows/{name:path}/batches/check",
        Access.OWNER,
        body=BodyLimit.FILES,
        room=Room.CALLS,
        response_model=BatchCheckDoc,
        openapi_extra=request_body(BatchBody, _EXAMPLE),
    )
    async def check_batch(
        self, name: str, keyed: KeyedRequest = Depends(keyed_request)
    ) -> AsciiJSON:
        """Check a batch without starting it.

        Returns the number of rows, their duration, and all problems. In `values`, choices, numbers
        and texts with replaced words matter. Other fields may be left out, and a file may be "".
        """
        owner = keyed.owner
        sent = await self.requests.bodies.read(keyed.request, owner)
        await turn_done(keyed.request)
        async with self.turns.turn(keyed.caller):
            reader = self.starting.reader.of(owner)
            check = partial(_check_of, self.starting.starter, reader, name, sent, owner)
            return await asyncio.to_thread(lambda: AsciiJSON(check()))

    @routes.get("/batches", Access.SIGNED_IN, summary="List", response_model=BatchPage)
    def list_batches(
        self, *, cursor: str = "", limit: Limit = PAGE_LENGTH, owner: Owner
    ) -> AsciiJSON:
        """Return your batches, newest first.

        `next` is the `cursor` of the next page, null on the last.
        """
        page, more = page_of(self.batches.of(owner), cursor, limit)
        return AsciiJSON(BatchPage(tuple(map(self.document, page)), more))

    @routes.get("/batches/{batch_id}", Access.OWNER, summary="Get", response_model=BatchDoc)
    def get_batch(self, batch_id: str, *, with_page: bool = False, owner: Owner) -> AsciiJSON:
        """Return a batch and its progress.

        With `with_page=true`, which the app's page sends, `page` has the fields that vary and the
        time left.
        """
        if not with_page:
            return AsciiJSON(self.document(self.batches.get(batch_id, owner)))
        table = self.batches.table(batch_id, owner)
        left = table.states.places("waiting")
        seconds = batch_seconds_left(
            self.starting.starter, table.summary, table.content, left, owner
        )
        return AsciiJSON(
            replace(self.document(table.summary), page=shown_batch(table.content, seconds))
        )

    @routes.get("/batches/{batch_id}/events", Access.OWNER, **STREAM)
    async def follow_batch(
        self, request: Request, batch_id: str, owner: Owner, last_event_id: str = Header("")
    ) -> Response:
        """Send a batch's progress as server-sent events.

        Events come as for a run, also while the batch is paused, and `end` at the end.
        """
        return await self.news.answer(request, batch_id, owner, last_event_id)

    @routes.post(
        "/batches/{batch_id}/{change}",
        Access.OWNER,
        summary="Pause, continue, stop or retry",
        response_model=BatchDoc,
    )
    def change_batch(
        self, batch_id: str, change: BatchChange, keyed: KeyedRequest = Depends(keyed_request)
    ) -> AsciiJSON:
        """Pause, continue or stop a batch, or retry its failed rows.

        `pause` starts no more rows, `retry` also runs stopped rows again. The same request with the
        same `Idempotency-Key` changes it once.
        """
        owner = keyed.owner
        outcome = self.requests.changed_once(
            keyed,
            (f"batch {change}", batch_id),
            partial(self.batches.change, batch_id, owner, change),
        )
        return changed_answer(outcome, self.document(self.batches.get(batch_id, owner)))

    @routes.delete("/batches/{batch_id}", Access.OWNER, summary="Delete")
    def delete_batch(self, batch_id: str, *, with_runs: bool = False, owner: Owner) -> AsciiJSON:
        """Stop a batch and delete it.

        Its runs stay, unless `with_runs=true`.
        """
        self.batches.delete(batch_id, owner, with_runs=with_runs)
        return AsciiJSON({})
