"""Calls of tools. A call starts a run or a chain, as the API does, and follows it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import anyio
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from comfy.base.errors import ChainNotFound, ComfyError
from comfy.base.wording import did_you_mean
from comfy.chains.open_chain import ChainSummary, StepSummary
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import unknown_fields
from comfy.form.model import Form
from comfy.runs.interface import Run
from comfyforms.plugins.mcp import tools
from comfyforms.plugins.mcp.results import (
    failed_call,
    finished_call,
    listed_results,
    place_of,
    read_result,
    refused_call,
    text_result,
    uri_of,
)
from ui.api.chains import ChainStart
from ui.api.named_workflows import (
    NamedForm,
    argument_names,
    named_form,
    named_forms,
    named_workflows,
)
from ui.api.problems import NotThere, problem_of
from ui.api.requests import Requester, StartOutcome
from ui.api.runs import Runs
from ui.api.start import RunStart
from ui.api.streams import states_of, summaries_of
from ui.api.values import Sent
from ui.documents.run_doc import run_doc
from ui.files.result_files import ResultFiles
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.web.identity import NOBODY, Identity
from ui.web.responses import API, Problem
from ui.web.shares import Work, in_turn, turn_of
from ui.web.urls import cover_address

_VALUES = "These values can't be used."


class Call(NamedTuple):
    """A request of an assistant. `report`: sends progress from 0 to 1 with a sentence, if it wants
    any."""

    request: Request
    report: Callable[[float, str], Awaitable[None]]


Answer = Callable[[Call, Mapping[str, Any]], Awaitable[dict[str, Any]]]


async def follow_chain(chains: ChainQueue, chain_id: str, owner: str, call: Call) -> ChainSummary:
    """Report a chain's progress up to its end, and return its final state. Stops the chain if the
    call is interrupted. Deletes the chain if its owner couldn't find it again."""
    last_progress, last = -1.0, None
    try:
        async with aclosing(summaries_of(chains, chain_id, owner)) as summaries:
            async for summary in summaries:
                if summary is None:  # no change
                    continue
                last = summary
                done = sum(map(_part, last.steps)) / len(last.steps)
                if done > last_progress:  # the protocol requires rising values
                    last_progress = done
                    await call.report(done, _at_work(last))
        assert last is not None  # otherwise it would have raised
        return last
    finally:
        end = chains.delete if owner == NOBODY else chains.stop
        if owner == NOBODY or last is None or not last.finished:
            with anyio.CancelScope(shield=True), suppress(ChainNotFound):
                await asyncio.to_thread(end, chain_id, owner)


def _failed_chain(chain: ChainSummary) -> Problem:
    """Return why a chain has no result, and what to do."""
    failed = next((step for step in chain.steps if step.why), None)
    return Problem(422, str(failed.why), str(failed.hint)) if failed else Problem(422, chain.why)


def _part(step: StepSummary) -> float:
    return 1.0 if step.state == "done" else step.done / (step.runs + 1)


def _at_work(chain: ChainSummary) -> str:
    at_work = [step for step in chain.steps if step.state == "running"]
    return translated(str((at_work or chain.steps)[-1].title))


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Handler of assistants' requests. `runs` describes runs. `fields`: "main" or "all". `root`:
    the app's path below its host. Parameters and answers are the protocol's JSON."""

    identity: Identity
    runs: Runs
    run_start: RunStart
    chain_start: ChainStart
    files: ResultFiles
    fields: str
    root: str

    @property
    def _library(self) -> WorkflowLibrary:
        return self.run_start.reader.library

    async def list_tools(self, call: Call, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return the caller's tools. Raises ComfyError if ComfyUI doesn't answer."""
        return {"tools": await in_turn(call.request, self._tools, call.request)}

    def _tools(self, request: Request) -> list[dict[str, Any]]:
        """Return a tool per workflow that can run, or those to find and run them if there are many.
        Blocks until ComfyUI's first answer."""
        library, owner = self._library, self._owner(request)
        if len(named_workflows(library, owner)) > tools.MOST_TOOLS:
            return tools.general_tools(tools.FIND, tools.DESCRIBE, tools.CHOICES, tools.RUN)
        covers = {one.name: one.cover for one in library.entries(owner) if one.cover}
        own = [
            tools.workflow_tool(
                named,
                uri_of(f"{self.root}{cover_address(named.workflow, cover)}", request)
                if (cover := covers.get(named.workflow))
                else "",
                self.fields,
            )
            for named in named_forms(library, owner)
        ]
        return [*own, *tools.general_tools(tools.DESCRIBE, tools.CHOICES)]

    async def list_resources(self, call: Call, _: Mapping[str, Any]) -> dict[str, Any]:
        """Return the files of the caller's newest runs."""
        owner = self._owner(call.request)
        return await in_turn(call.request, listed_results, self.runs, owner, call.request)

    async def list_resource_templates(self, call: Call, _: Mapping[str, Any]) -> dict[str, Any]:
        address = uri_of(f"{self.root}{API}/runs/", call.request)
        uri = f"{address}{{run}}/files/{{file}}"
        return {"resourceTemplates": [{"uriTemplate": uri, "name": "result"}]}

    async def read_resource(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a result of the caller. Raises ComfyError."""
        owner, uri = self._owner(call.request), params["uri"]
        return await in_turn(call.request, read_result, self.runs, self.files, owner, uri)

    async def call_tool(self, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a tool's answer. Stops the run if the caller cancels the call."""
        tool, given = params["name"], params.get("arguments") or {}
        try:
            match tool:
                case tools.FIND | tools.DESCRIBE | tools.CHOICES | tools.RUN:
                    return await self._general(tools.arguments_of(tool, given), call)
                case workflow:
                    return await self._run(workflow, given, call)
        except ComfyError as problem:
            return refused_call(problem_of(problem), {})
        except HTTPException as problem:
            return refused_call(Problem(problem.status_code, problem.detail), {})

    async def _general(self, asked: BaseModel, call: Call) -> dict[str, Any]:
        """Answer a call of a tool that works with all workflows. Raises ComfyError or
        HTTPException."""
        if isinstance(asked, tools.Run):
            return await self._run(asked.workflow, asked.values, call)
        owner = self._owner(call.request)
        return text_result(await in_turn(call.request, self._found, asked, owner))

    def _found(self, asked: BaseModel, owner: str) -> dict[str, Any]:
        match asked:
            case tools.Find(query=query):
                return tools.found_workflows(named_forms(self._library, owner), query)
            case tools.Choices(workflow=name, argument=argument, query=query):
                return tools.found_choices(self._named(name, owner), argument, query)
            case tools.Describe(workflow=name):
                return tools.described_workflow(self._named(name, owner))
        raise AssertionError(asked)

    async def _run(self, called: str, given: dict[str, Any], call: Call) -> dict[str, Any]:
        """Run a workflow to its end and report its progress. Raises ComfyError or HTTPException."""
        scope, owner = call.request.scope, self._owner(call.request)
        named = await in_turn(call.request, self._named, called, owner)
        names = argument_names(named.form)
        if wrong := unknown_fields(given, [*names.values()]):
            return refused_call(Problem(422, _VALUES, errors=wrong), names)
        requester = Requester.of(owner, scope)
        sent = Sent({"values": _by_key(given, named.form)})
        try:
            if named.is_chain:
                begin = partial(self.chain_start.begin, named.workflow)
                chain_id = await _begun(begin, sent, requester, call.request)
                return await self._end_of_chain(chain_id, owner, call)
            begin = partial(self.run_start.begin, named.workflow)
            run_id = await _begun(begin, sent, requester, call.request)
            run = self.runs.registry.get(run_id, owner)
            await _follow_run(run, call)
            return await in_turn(call.request, self._result, [run_id], owner, names, call.request)
        except ComfyError as problem:
            return refused_call(problem_of(problem), names)

    def _owner(self, request: Request) -> str:
        return self.identity.owner(request) or NOBODY

    def _named(self, called: str, owner: str) -> NamedForm:
        """Return the workflow with this name or identifier. Raises NotThere."""
        known = named_workflows(self._library, owner)
        name = next((one for one, real in known.items() if called in (one, real)), None)
        found = name and named_form(self._library, name, known[name], owner)
        if not found:
            raise NotThere(
                f"There is no workflow “{called[:100]}”.", did_you_mean(called[:100], known)
            )
        return found

    def _result(
        self, run_ids: Sequence[str], owner: str, names: Mapping[str, str], request: Request
    ) -> dict[str, Any]:
        """Return the results of runs, or the reason for the first failure."""
        ended = [
            (record, self.runs.document(record))
            for record in (self.runs.ended(run_id, owner) for run_id in run_ids)
        ]
        for record, doc in ended:
            if record.state.phase is not Phase.DONE:
                return failed_call(doc, names)
        return finished_call(ended, self.files, request)

    async def _end_of_chain(self, chain_id: str, owner: str, call: Call) -> dict[str, Any]:
        """Return the last step's results, or the reason they are missing."""
        ended = await follow_chain(self.chain_start.chains, chain_id, owner, call)
        if ended.state != "done":
            return refused_call(_failed_chain(ended), {})
        last = ended.steps[-1].ended
        return await in_turn(call.request, self._result, last, owner, {}, call.request)


async def _begun(
    begin: Callable[[Sent, Requester], StartOutcome],
    sent: Sent,
    requester: Requester,
    request: Request,
) -> str:
    """Start a run and return its id. Cancellation has to wait, because stopping the run takes its
    id."""
    async with turn_of(request, Work.CATALOG):
        with anyio.CancelScope(shield=True):
            outcome = await asyncio.to_thread(begin, sent, requester)
    return outcome.ids[0]


async def _follow_run(run: Run, call: Call) -> None:
    """Report the progress of a run up to its end. Stops the run if the call is interrupted."""
    last_progress = -1.0
    try:
        async for _ in states_of(run):
            doc = run_doc(run.record, usual=run.usual_times)
            done = doc.progress or 0.0
            if done > last_progress:  # the protocol requires rising values
                last_progress = done
                await call.report(done, translated(doc.headline))
    finally:
        if not run.state.phase.finished:
            run.cancel()


def _by_key(given: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return values by field key. A URI of a result becomes a reference to the file. Some
    assistants send null for what they omit."""
    keys = {name: key for key, name in argument_names(form).items()}
    values = {keys[name]: value for name, value in given.items() if value is not None}
    for key, value in values.items():
        if form.field(key).is_media and isinstance(value, str) and (place := place_of(value)):
            values[key] = {"run": place[0], "file": place[1]}
    return values
