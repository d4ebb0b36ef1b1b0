"""Workflows as tools. A call starts a run or a chain, as the API does, and follows it to its end.

Results are images, texts and files, or the reasons for failures. Clients reject and lose a long
answer, so it is cut to the limit."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    ResourceLink,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request

from comfy.base.errors import ChainNotFound, ComfyError
from comfy.chains.open_chain import ChainSummary, StepSummary
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import unknown_fields
from comfy.form.model import Form
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import image_within
from comfy.records.record import Record
from comfy.runs.interface import Run
from ui.api.chains import ChainStart
from ui.api.named_workflows import argument_names, named_form, named_forms, named_workflows
from ui.api.problems import NotThere, problem_of
from ui.api.requests import Requester, StartOutcome
from ui.api.runs import Runs
from ui.api.start import RunStart
from ui.api.streams import states_of, summaries_of
from ui.api.values import Sent
from ui.api.workflows import values_schema
from ui.documents.run_doc import RunDoc, RunFile, RunProblem, run_doc
from ui.files.result_files import ResultFiles, saved_places
from ui.languages.current import all_translated, translated
from ui.library import WorkflowLibrary
from ui.web.identity import NOBODY, Identity
from ui.web.limits import place_held
from ui.web.responses import Problem, json_text
from ui.web.shares import Share, caller_of


def _tools_of(library: WorkflowLibrary, owner: str) -> list[Tool]:
    """Return the tools that this user can run here. Blocks until ComfyUI's first answer. Raises
    ComfyError if it doesn't answer."""
    return [_tool_of(one.name, one.form) for one in named_forms(library, owner)]


def _tool_of(name: str, form: Form) -> Tool:
    """Return a form as a tool with this name."""
    title = translated(form.title)
    said = (form.description, *(note.said for note in form.notes))
    about = " ".join(filter(None, map(translated, said)))
    return Tool(
        name=name,
        title=title,
        description=f"{title}. {about}" if about else title,
        input_schema=input_schema(form),
        annotations=ToolAnnotations(
            title=title, read_only_hint=False, destructive_hint=False, idempotent_hint=False
        ),
    )


def input_schema(form: Form) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments: the schema of the form's values, with readable
    names."""
    schema, names = values_schema(form), argument_names(form)
    translated_schema = all_translated(
        schema
        | {
            "properties": {names[key]: one for key, one in schema["properties"].items()},
            "required": [names[key] for key in schema["required"]],
        }
    )
    assert isinstance(translated_schema, dict)
    return translated_schema


log = logging.getLogger(__name__)
_MOST = 900_000  # bytes per answer: the package's own client accepts events of 1 MiB
_LEAST = 20_000  # bytes for an image; with less room, only a link is sent
_AROUND = 200  # bytes around an image's base64
_MOST_FILES = 500
_MOST_TEXT = 50_000  # characters in all text results together
_SEEN = ("image/png", "image/jpeg", "image/webp", "image/gif")  # by models


def _refused_call(problem: Problem, names: Mapping[str, str]) -> CallToolResult:
    """Return why a call failed, and what to do. `names`: argument names by field key."""
    lines = [problem.detail, *_of_fields(problem.errors, names), problem.hint]
    return _error(lines)


def _failed_call(told: RunDoc, names: Mapping[str, str]) -> CallToolResult:
    """Return the content for a failed run, as the API reports it."""
    error = told.error or RunProblem(told.headline)
    return _error([error.message, *_of_fields(told.errors, names), error.hint])


def finished_call(
    ended: Sequence[tuple[Record, RunDoc]],
    files: ResultFiles,
    slots: DecodingSlots,
    request: Request,
) -> CallToolResult:
    """Return the results of runs. A final JSON text per run has the file references for later
    calls. Images share the space: a large one is scaled down and linked in full size. Blocks on the
    disk, or on ComfyUI."""
    every = [(record, told.files[at]) for record, told in ended for at in saved_places(record)]
    first_files = every[:_MOST_FILES]
    names = [_names(record, told) for record, told in ended]
    texts = [*_texts(text for _, told in ended for text in told.texts)]
    links = [_link(file, request) for _, file in first_files]
    fixed: list[ContentBlock] = [*names, *texts, *links]
    room = _MOST - sum(map(_size, fixed))
    images = sum(file.media_type in _SEEN for _, file in first_files)
    blocks: list[ContentBlock] = [*texts]
    for (record, file), link in zip(first_files, links, strict=True):
        image, is_whole = None, False
        if file.media_type in _SEEN:
            share = max(room // images, _LEAST)
            images -= 1
            if share <= room:
                image, is_whole = _image(record, file, files, slots, share)
        if image is not None:
            blocks.append(image)
            room -= _size(image)
        if not is_whole:
            blocks.append(link)
    return CallToolResult(content=[*blocks, *names])


def _names(record: Record, told: RunDoc) -> TextContent:
    places = saved_places(record)[:_MOST_FILES]
    known = [{"file": at, "name": told.files[at].name} for at in places]
    return TextContent(text=json_text({"run": record.id, "files": known}))


def _texts(texts: Iterable[str]) -> Iterator[TextContent]:
    """Yield the texts, cut to the limit for all of them together."""
    left = _MOST_TEXT
    for text in texts:
        if left > 0:
            shown = text if len(text) <= left else f"{text[:left]}…"
            yield TextContent(text=shown)
        left -= len(text)


def _link(file: RunFile, request: Request) -> ResourceLink:
    return ResourceLink(
        uri=str(request.url.replace(path=file.url, query="")),
        name=file.name,
        mime_type=file.media_type,
        size=file.bytes or None,
    )


def _image(
    record: Record, file: RunFile, files: ResultFiles, slots: DecodingSlots, room: int
) -> tuple[ImageContent | None, bool]:
    """Return an image that fits into the space (None if unavailable), and True if it isn't scaled
    down."""
    most = (room - _AROUND) // 4 * 3  # base64
    try:
        with files.opened(record, record.state.files[file.n]) as content:
            data = content.read(most + 1)
            if len(data) <= most:
                return _encoded(data, file.media_type), True
            content.seek(0)
            with slots.turn():
                smaller = image_within(content, most)
    except (ComfyError, OSError) as problem:
        context = {"run": record.id}
        log.info("An image of run %s can't be sent: %s", record.id, problem, extra=context)
        return None, False
    return (_encoded(smaller, "image/webp") if smaller else None), False


def _encoded(data: bytes, media_type: str) -> ImageContent:
    return ImageContent(data=base64.b64encode(data).decode(), mime_type=media_type)


def _size(block: ContentBlock) -> int:
    return len(block.model_dump_json(by_alias=True).encode())


def _of_fields(errors: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    for key, sentence in errors.items():
        yield f"{names.get(key, key)}: {translated(sentence)}"


def _error(lines: list[str]) -> CallToolResult:
    text = "\n".join(translated(line) for line in lines if line)
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


async def follow_chain(
    chains: ChainQueue, chain_id: str, owner: str, context: ServerRequestContext[Any, Any]
) -> ChainSummary:
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
                    await context.session.report_progress(done, 1.0, _at_work(last))
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
            tools=await asyncio.to_thread(_tools_of, self.run_start.reader.library, owner)
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
                return _refused_call(Problem(422, _VALUES, errors=wrong), names)
            with place_held(self.waiting, caller):
                values = _by_key(given, names)
                requester, sent = Requester.of(owner, scope), Sent({"values": values})
                if name in self.run_start.chains:
                    chain_id = await _begun(partial(self.chain_start.begin, name), sent, requester)
                    return await self._end_of_chain(chain_id, owner, context)
                run_id = await _begun(partial(self.run_start.begin, name), sent, requester)
                run = self.run_start.registry.get(run_id, owner)
                await _follow_run(run, context)
            return await asyncio.to_thread(self._result, [run.id], owner, names, context.request)
        except ComfyError as problem:
            return _refused_call(problem_of(problem), names)
        except HTTPException as problem:
            return _refused_call(Problem(problem.status_code, problem.detail), names)

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
                return _failed_call(doc, names)
        slots = self.files.blobs.turns
        return finished_call(ended, self.files, slots, request)

    async def _end_of_chain(self, chain_id: str, owner: str, context: Context) -> CallToolResult:
        """Return the last step's results, or the reason they are missing."""
        request = context.request
        assert request is not None
        ended = await follow_chain(self.chain_start.chains, chain_id, owner, context)
        if ended.state != "done":
            return _refused_call(_failed_chain(ended), {})
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
