"""Chains for programs: workflows that run one after another and share a form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from fastapi import Body, Depends, Header, Query, Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import WorkflowError
from comfy.chains.forms import ChainForms, ChainPlan, chain_form
from comfy.chains.model import parse_values
from comfy.chains.open_chain import ChainSummary
from comfy.chains.queue import ChainQueue
from comfy.library.folder import WorkflowFolder
from comfy.library.permissions import Removal
from comfy.records.record import Record
from comfy.webhooks.waiting import Webhooks
from ui.api.bodies import ContinueBody, StartBody, body_of, request_body
from ui.api.problems import NotThere
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
    register_chain,
    registered,
    start_request,
)
from ui.api.runs import PAGE_LENGTH, Limit, Runs, page_of
from ui.api.start import origin_of, text_sources_of
from ui.api.streams import STREAM, GroupEvents, group_ends_first
from ui.api.values import Sent, SentValues, ValueReader, form_for
from ui.documents.group_docs import ChainDoc, ChainPage, NewChain, chain_doc
from ui.documents.history_docs import HistoryDoc, past_run
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, Work, in_turn, shared_address

_LONGEST_TITLE = 100  # characters
_MOST_RUNS = 60  # per request; the page's script requests no more
_IS_WORKFLOW = "This is a single workflow. Start it with POST …/runs."
_EXAMPLE = {"values": {"base.2.text": "a lighthouse", "detail.runs": False}}
_NO_STEP = "This chain has no such step."


def chains_api(starting: ChainStart, runs: Runs, requests: Requests) -> GuardedRoutes:
    """Return `POST /workflows/{name}/chains`, and the routes below `/chains`."""
    chains, documents = starting.chains, ChainDocs(starting.chains, runs)
    news = GroupEvents(chains, documents.whole)
    return GuardedRoutes.of(ChainHandlers(chains, starting, requests, documents, news))


@dataclass(frozen=True, slots=True)
class ChainHandlers:
    """Handlers of the routes that start, show and change chains."""

    chains: ChainQueue
    starting: ChainStart
    requests: Requests
    documents: ChainDocs
    news: GroupEvents

    routes = GuardedRoutes(tags=["Chains"])

    @routes.post(
        "/workflows/{name:path}/chains",
        Access.OWNER,
        body=BodyLimit.FILES,
        room=Room.CALLS,
        status_code=201,
        response_model=ChainDoc,
        responses={200: REPLAYED | {"model": ChainDoc}},
        openapi_extra=request_body(StartBody, _EXAMPLE),
    )
    async def start_chain(
        self, name: str, asked: StartRequest = Depends(start_request)
    ) -> AsciiJSON:
        """Start a chain.

        Keys of values begin with the step's name; `"step.runs": false` leaves out an optional step.
        `wait` and `Idempotency-Key` work as for a run: a client that disconnects without a key
        stops the chain.
        """
        owner = asked.owner
        outcome = await self.requests.begun(
            asked,
            ("chains", name),
            partial(self.starting.begin, name),
            ends=lambda outcome: group_ends_first(
                self.chains, outcome.ids[0], owner, asked.request
            ),
            stop=lambda outcome: self.chains.stop(outcome.ids[0], owner),
        )
        return await in_turn(asked.request, self._answer, outcome, owner)

    def _answer(self, outcome: StartOutcome, owner: str) -> AsciiJSON:
        chain = self.documents.started(self.chains.get(outcome.ids[0], owner))
        return answer_of(outcome, chain, chain.url)

    @routes.get("/chains", Access.SIGNED_IN, summary="List", response_model=ChainPage)
    def list_chains(
        self, *, cursor: str = "", limit: Limit = PAGE_LENGTH, owner: Owner
    ) -> AsciiJSON:
        """Return your chains, newest first.

        `next` is the `cursor` of the next page, null on the last.
        """
        page, more = page_of(self.chains.of(owner), cursor, limit)
        return AsciiJSON(ChainPage(tuple(map(self.documents.listed, page)), more))

    @routes.get("/chains/{chain_id}", Access.OWNER, summary="Get", response_model=ChainDoc)
    def get_chain(self, chain_id: str, owner: Owner) -> AsciiJSON:
        """Return each step's progress, with the ended runs."""
        return AsciiJSON(self.documents.whole(self.chains.get(chain_id, owner)))

    @routes.get("/chains/{chain_id}/steps/{name}/results", Access.OWNER, response_model=HistoryDoc)
    def list_step_results(
        self,
        chain_id: str,
        name: str,
        owner: Owner,
        run: Annotated[Sequence[str], Query(max_length=_MOST_RUNS)] = (),
    ) -> AsciiJSON:
        """Return some ended runs of a step, as the app's own page lists them.

        `run` has their ids. The answer leaves out the ids of other runs.
        """
        return AsciiJSON(self.documents.step_results(self.chains.get(chain_id, owner), name, run))

    @routes.get("/chains/{chain_id}/events", Access.OWNER, **STREAM)
    async def follow_chain(
        self, request: Request, chain_id: str, owner: Owner, last_event_id: str = Header("")
    ) -> Response:
        """Send a chain's progress as server-sent events.

        Events come as for a run, and `end` at the end.
        """
        return await self.news.answer(request, chain_id, owner, last_event_id)

    @routes.post("/chains/{chain_id}/stop", Access.OWNER, response_model=ChainDoc)
    def stop_chain(self, chain_id: str, keyed: KeyedRequest = Depends(keyed_request)) -> AsciiJSON:
        """Stop a chain with its current run.

        The same request with the same `Idempotency-Key` stops it once.
        """
        owner = keyed.owner
        outcome = self.requests.changed_once(
            keyed, ("chain stop", chain_id), partial(self.chains.stop, chain_id, owner)
        )
        return changed_answer(outcome, self.documents.whole(self.chains.get(chain_id, owner)))

    @routes.post(
        "/chains/{chain_id}/continue",
        Access.OWNER,
        summary="Continue",
        body=BodyLimit.FILES,
        room=Room.CALLS,
        response_model=ChainDoc,
        openapi_extra=request_body(ContinueBody, {"again": ["detail"]}),
    )
    async def continue_chain(
        self, chain_id: str, keyed: KeyedRequest = Depends(keyed_request)
    ) -> AsciiJSON:
        """Continue a chain that has failed or was stopped.

        Unfinished steps use the new `values`, if there are any. Steps named in `again` run again
        even if they are done. The same request with the same `Idempotency-Key` continues it once.
        """
        owner = keyed.owner
        await in_turn(keyed.request, self.chains.get, chain_id, owner)
        sent = await self.requests.bodies.read(keyed.request, owner)
        begin = partial(self.starting.resume, chain_id)
        outcome = await asyncio.to_thread(
            self.requests.once, keyed, ("chain continue", chain_id), sent, begin
        )
        chain = await asyncio.to_thread(self.chains.get, chain_id, owner)
        return await asyncio.to_thread(
            lambda: changed_answer(outcome, self.documents.started(chain))
        )

    @routes.delete("/chains/{chain_id}", Access.OWNER, summary="Delete")
    def delete_chain(self, chain_id: str, owner: Owner) -> AsciiJSON:
        """Stop a chain and delete it.

        The runs of its steps stay.
        """
        self.chains.delete(chain_id, owner)
        return AsciiJSON({})


def run_chains_api(runs: Runs, folder: WorkflowFolder, removal: Removal) -> GuardedRoutes:
    """Return the routes `/runs/{run_id}/chain`, and `POST /runs/{run_id}/chain/vary`."""
    routes = GuardedRoutes(tags=["Chains"])
    presenter = runs.presenter
    chains, chain_forms = presenter.chains, presenter.chain_forms
    documents = ChainDocs(chains, runs)

    @routes.post(
        "/runs/{run_id}/chain/vary",
        Access.OWNER,
        work=Work.CATALOG,
        status_code=201,
        response_model=ChainDoc,
    )
    def vary_chain(request: Request, run_id: str, owner: Owner) -> AsciiJSON:
        """Start the chain of a run again.

        It has the values of that run and new seeds.
        """
        address = shared_address(owner, request.scope)
        chain = documents.started(chains.vary(runs.record(run_id, owner), address))
        return AsciiJSON(chain, 201, {"location": chain.url})

    @routes.get("/runs/{run_id}/chain", Access.OWNER, work=Work.CATALOG, status_code=204)
    def check_run_chain(run_id: str, owner: Owner) -> Response:
        """Check whether a run can become a chain.

        If it can't, the answer is an error.
        """
        chain_forms.check_add(runs.record(run_id, owner), folder.stamps().keys())
        return Response(status_code=204)

    @routes.post(
        "/runs/{run_id}/chain",
        Access.OWNER,
        work=Work.CATALOG,
        audit="publish",
        status_code=201,
        response_model=NewChain,
    )
    def create_chain(
        run_id: str,
        owner: Owner,
        title: Annotated[str, Body(embed=True, max_length=_LONGEST_TITLE)] = "",
    ) -> AsciiJSON:
        """Create a chain for all users from a run and the runs whose results it used.

        `values` has your own files for the chain's form.
        """
        record = runs.record(run_id, owner)
        name, files = chain_forms.add(record, title, folder.stamps().keys())
        removal.note_added(owner, name)
        given = presenter.ends.copies.given_value
        values = {key: given(kept, owner) for key, kept in files.items()}
        return AsciiJSON(NewChain(name, values), 201)

    return routes


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Starts and continuations of clients' chains."""

    reader: ValueReader
    chain_forms: ChainForms
    chains: ChainQueue
    webhooks: Webhooks

    def begin(self, name: str, sent: Sent, requester: Requester) -> StartOutcome:
        """Start the requested chain. An unidentified caller can only find it by its id. Raises like
        `ChainQueue.start`, and CallbackRefused or HTTPException."""
        body, owner = body_of(StartBody, sent.body), requester.owner
        reader, callback = self.reader.of(owner), callback_of(self.webhooks, body.callback)
        if not self.chain_forms.has(name, owner):
            form_for(reader, name, body.values)  # raises NotThere for an unknown name
            raise HTTPException(409, _IS_WORKFLOW)
        plan = self._planned(reader, name, body.values)
        with registered(self.webhooks, callback, requester, "chain") as requester:
            origin = origin_of(body, requester)
            started_chain = self.chains.start_plan(plan, origin, attended=not body.watched)
        return StartOutcome((started_chain.id,))

    def _planned(self, reader: SentValues, name: str, sent: Mapping[str, object]) -> ChainPlan:
        """Plan a chain with the values of a request. Raises NotThere if a workflow is missing,
        otherwise like `ChainForms.plan`."""
        values = parse_values(reader.plain(sent))
        try:
            before = self.chain_forms.plan(name, reader.owner, values)
        except WorkflowError as problem:
            raise NotThere(str(problem), problem.hint) from problem
        given = parse_values(reader.of(chain_form(before).form, sent))
        return self.chain_forms.plan(name, reader.owner, given, before)

    def resume(self, chain_id: str, sent: Sent, requester: Requester) -> StartOutcome:
        """Continue the requested chain. Raises like `ChainQueue.go_on`, and CallbackRefused."""
        body, owner, chains = body_of(ContinueBody, sent.body), requester.owner, self.chains
        reader, callback = self.reader.of(owner), callback_of(self.webhooks, body.callback)
        given, values = None, body.values
        if "values" in body.model_fields_set:
            name = chains.get(chain_id, owner).workflow
            whole = chains.form_values(chain_id, owner, values, body.again)
            given = reader.of(form_for(reader, name, whole), values)
        sources = text_sources_of(body)
        chains.go_on(chain_id, owner, given, again=body.again, text_sources=sources)
        stop = partial(chains.stop, chain_id, owner)
        register_chain(self.webhooks, callback, chain_id, owner, stop)
        return StartOutcome((chain_id,))


class ChainDocs:
    """Builder of the documents of chains."""

    def __init__(self, chains: ChainQueue, runs: Runs) -> None:
        self._chains = chains
        self._runs = runs

    def listed(self, chain: ChainSummary) -> ChainDoc:
        """Return a chain's document for a list."""
        return chain_doc(chain, self._runs.json.root)

    def whole(self, chain: ChainSummary) -> ChainDoc:
        """Return a chain's document with the ended runs of each step."""
        records = self._records(chain, (run for step in chain.steps for run in step.ended))
        results = {
            step.name: tuple(
                self._runs.listed(records[run]) for run in step.ended if run in records
            )
            for step in chain.steps
        }
        return chain_doc(chain, self._runs.json.root, results)

    def step_results(self, chain: ChainSummary, name: str, runs: Iterable[str]) -> HistoryDoc:
        """Return the ended runs of a step among these runs, as tiles. Raises NotThere for an
        unknown step."""
        ended = next((step.ended for step in chain.steps if step.name == name), None)
        if ended is None:
            raise NotThere(_NO_STEP)
        records = self._records(chain, set(runs).intersection(ended))
        return HistoryDoc(tuple(map(past_run, records.values())))

    def _records(self, chain: ChainSummary, runs: Iterable[str]) -> Mapping[str, Record]:
        """Return the stored records of a chain's runs, by id."""
        return self._runs.registry.history.get_many(runs, chain.owner)

    def started(self, chain: ChainSummary) -> ChainDoc:
        """Return the document of a chain that was just started or continued, with its seeds."""
        values = self._chains.values(chain.id, chain.owner)
        seeds = self._runs.form_seeds(chain.workflow, chain.owner, values)
        return replace(self.whole(chain), seeds=seeds)
