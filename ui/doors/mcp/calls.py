"""Tool calls. Each starts a run, as the API does, and follows it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import unknown_fields
from comfy.runs.interface import Run
from ui.api.chains import ChainStart
from ui.api.problems import NotThere, problem_of
from ui.api.requests import Requester, StartOutcome
from ui.api.runs import Runs
from ui.api.start import RunStart
from ui.api.values import Sent
from ui.api.watch import states_of
from ui.documents.run_doc import run_doc
from ui.doors.argument_names import argument_names
from ui.doors.mcp.chain_calls import failed_chain, follow_chain
from ui.doors.mcp.contents import failed_call, finished_call, refused_call
from ui.doors.mcp.tools import tools_of
from ui.doors.named_workflows import named_form, named_workflows
from ui.files.result_files import ResultFiles
from ui.languages.current import translated
from ui.web.body_limits import place_held
from ui.web.identity import NOBODY, Identity
from ui.web.responses import Problem
from ui.web.shares import Share, caller_of

_VALUES = "These values can't be used."
Context = ServerRequestContext[Any, Request]


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Handler of assistants' requests. `runs` describes runs."""

    identity: Identity
    runs: Runs
    run_start: RunStart
    chain_start: ChainStart
    files: ResultFiles
    waiting: Share

    async def list(self, context: Context, _: PaginatedRequestParams | None) -> ListToolsResult:
        """Return the caller's tools. Raises ComfyError if ComfyUI doesn't answer."""
        owner = self._owner(context)
        return ListToolsResult(
            tools=await asyncio.to_thread(tools_of, self.run_start.reader.library, owner)
        )

    async def call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """Run a workflow to its end and report its progress. Stops the run if the caller cancels
        the call."""
        assert context.request is not None
        scope, owner = context.request.scope, self._owner(context)
        caller = caller_of(scope, self.identity)
        given, names = params.arguments or {}, dict[str, str]()
        try:
            name, names = await asyncio.to_thread(self._named, params.name, owner)
            if wrong := unknown_fields(given, [*names.values()]):
                return refused_call(Problem(422, _VALUES, errors=wrong), names)
            with place_held(self.waiting, caller):
                values = _by_key(given, names)
                requester, sent = Requester.of(owner, scope, caller), Sent({"values": values})
                if name in self.run_start.chains:
                    chain_id = await _begun(partial(self.chain_start.begin, name), sent, requester)
                    return await self._end_of_chain(chain_id, owner, context)
                run_id = await _begun(partial(self.run_start.begin, name), sent, requester)
                run = self.run_start.registry.get(run_id, owner)
                await _follow_run(run, context)
            return await asyncio.to_thread(self._result, [run.id], owner, names, context.request)
        except ComfyError as problem:
            return refused_call(problem_of(problem), names)
        except HTTPException as problem:
            return refused_call(Problem(problem.status_code, problem.detail), names)

    def _owner(self, context: Context) -> str:
        assert context.request is not None
        return self.identity.owner(context.request) or NOBODY

    def _named(self, tool: str, owner: str) -> tuple[str, dict[str, str]]:
        """Return the workflow behind a tool, and its argument names by field key."""
        name = named_workflows(self.run_start.reader.library, owner).get(tool)
        named = (
            named_form(self.run_start.reader.library, tool, name, owner)
            if name is not None
            else None
        )
        if named is None:
            raise NotThere(f"There is no tool “{tool[:100]}”.")
        return named.workflow, argument_names(named.form)

    def _result(
        self, run_ids: Sequence[str], owner: str, names: Mapping[str, str], request: Request
    ) -> CallToolResult:
        """Return the results of runs, or the reason for the first failure."""
        ended = [
            (record, self.runs.document(record))
            for record in (self.runs.record(run_id, owner) for run_id in run_ids)
        ]
        for record, doc in ended:
            if record.state.phase is not Phase.DONE:
                return failed_call(doc, names)
        slots = self.files.blobs.turns
        return finished_call(ended, self.files, slots, request)

    async def _end_of_chain(self, chain_id: str, owner: str, context: Context) -> CallToolResult:
        """Return the last step's results, or the reason they are missing."""
        request = context.request
        assert request is not None
        ended = await follow_chain(self.chain_start.chains, chain_id, owner, context)
        if ended.state != "done":
            return refused_call(failed_chain(ended), {})
        return await asyncio.to_thread(self._result, ended.steps[-1].ended, owner, {}, request)


async def _begun(
    begin: Callable[[Sent, Requester], StartOutcome], sent: Sent, requester: Requester
) -> str:
    """Start a run and return its id. Cancellation has to wait, because stopping the run takes its
    id."""
    with anyio.CancelScope(shield=True):
        outcome = await asyncio.to_thread(begin, sent, requester)
    return outcome.ids[0]


async def _follow_run(run: Run, context: Context) -> None:
    """Report the progress of a run up to its end. Stops the run if the call is interrupted."""
    last_progress = -1.0
    try:
        async for _ in states_of(run):
            doc = run_doc(run.record, usual=run.usual_times)
            done = doc.progress or 0.0
            if done > last_progress:  # the protocol requires rising values
                last_progress = done
                await context.session.report_progress(done, 1.0, translated(doc.headline))
    finally:
        if not run.state.phase.finished:
            run.cancel()


def _by_key(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    keys = {name: key for key, name in names.items()}
    return {keys.get(name, name): value for name, value in given.items()}
