"""ComfyUI's calls for prompts: `/prompt`, `/queue`, `/interrupt` and `/history`, for a user's own
runs. Sources of the facts: ComfyUI's `server.py` and `execution.py`."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any

from fastapi import Request, Response

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.json_values import as_mapping
from comfy.comfyui.object_info import NodeSpec
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.sent_prompts import PromptRefused
from comfy.launch.start import Starter
from comfy.launch.uploads import Upload
from comfy.media.checks import MIB
from comfy.prompt.model import InputRef, Prompt
from comfy.records.record import SENT_PROMPT, Record
from comfy.records.rows import Wanted
from comfy.runs.interface import UNWATCHED, Origin, Run
from comfy.workflow.model import check_names
from comfy.workflow.sanitize import unwrap
from comfyforms.plugins.comfyui_api.answers import history_entry, queue_entry
from comfyforms.plugins.comfyui_api.checks import PromptChecker, nodes_of, unknown_files
from comfyforms.plugins.comfyui_api.errors import Json, comfyui_errors
from comfyforms.plugins.comfyui_api.files import OwnFiles
from comfyforms.plugins.comfyui_api.messages import LONGEST_ID
from comfyforms.plugins.comfyui_api.prepare import prepare_prompt
from comfyforms.plugins.comfyui_api.relay import queue_info
from ui.api.requests import Requester
from ui.files.deleting import RunDeletion
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit, WebLimits, read_object
from ui.web.responses import AsciiJSON, json_text
from ui.web.shares import Room

# Keys of other accounts, which the app neither needs nor stores.
_MOST_METADATA = 256  # bytes, as in ComfyUI
_SECRET = frozenset({"auth_token_comfy_org", "api_key_comfy_org"})
SENT = Wanted(workflow=SENT_PROMPT)
_Find = Callable[[str], Upload | None]
MOST = 200  # runs per answer
MOST_BYTES, _AT_ONCE = 32 * MIB, 2  # per answer; runs read at a time
_VALUES = 5  # times the usual number: a request may contain the editor's graph, too


@dataclass(frozen=True, slots=True)
class PromptCalls:
    """Handlers of the calls. `files`: each user's files, by their names in prompts.

    Clients without an account and a cookie share one owner, so only ids lead to their runs, unless
    the app serves this machine alone: its user is the administrator.
    """

    starter: Starter
    deletion: RunDeletion
    limits: WebLimits
    checker: PromptChecker
    files: OwnFiles

    routes = GuardedRoutes(errors=comfyui_errors)

    @routes.post("/prompt", Access.SIGNED_IN, body=BodyLimit.CALL, room=Room.CALLS)
    async def send(self, request: Request, owner: Owner) -> Response:
        # Before the large body is read. Later errors tell names of nodes and models.
        self.starter.forms.permissions.check_open(owner)
        body, requester = await request.body(), Requester.of(owner, request.scope)
        return await asyncio.to_thread(lambda: AsciiJSON(self._start(body, requester)))

    @routes.get("/prompt", Access.SIGNED_IN, is_constant=True)
    async def prompt(self, owner: Owner) -> Response:
        """Return the number of unfinished runs of all users."""
        return AsciiJSON(queue_info(len(self._line())))

    @routes.get("/queue", Access.SIGNED_IN)
    def queue(self, owner: Owner) -> Response:
        """Return the unfinished runs in the order of their turns, without others' content."""
        entries: dict[bool, list[str]] = {True: [], False: []}
        left = MOST_BYTES
        for number, run in enumerate(self._line()):
            is_own = run.owner == owner and self.files.is_one(owner)
            entry = json_text(self._entry(number, run.record)) if is_own and left > 0 else ""
            left -= len(entry)
            entry = entry or json_text([number, run.id if is_own else "", {}, {}, []])
            entries[run.state.phase is Phase.RUNNING].append(entry)
        running, pending = (f"[{','.join(entries[one])}]" for one in (True, False))
        return _json(f'{{"queue_running":{running},"queue_pending":{pending}}}')

    @routes.post("/queue", Access.SIGNED_IN)
    async def change_queue(self, request: Request, owner: Owner) -> Response:
        """Cancel waiting runs: all sent prompts (`clear`), or those with these ids (`delete`)."""
        told = await self.told(request)
        runs = self.sent_by(owner) if told.get("clear") else []
        for run in (*runs, *self._named(told, owner)):
            run.take_back()
        return Response()

    @routes.post("/interrupt", Access.SIGNED_IN)
    async def interrupt(self, request: Request, owner: Owner) -> Response:
        """Stop the running prompts of this user, or the one with the id in `prompt_id`."""
        prompt_id = (await self.told(request)).get("prompt_id")
        named = {"delete": [prompt_id]}
        runs = self._named(named, owner) if prompt_id else self.sent_by(owner)
        for run in runs:
            if run.state.phase is Phase.RUNNING and not run.state.over:  # `over`: fetches results
                run.cancel()
        return Response()

    @routes.get("/history", Access.SIGNED_IN)
    def history(self, owner: Owner, max_items: int = MOST, offset: int = -1) -> Response:
        """Return the user's finished runs of sent prompts, oldest first: the newest `max_items`, or
        as many from the `offset` on. Fewer if the answer would be too large."""
        stored = self.starter.runs.history
        if max_items < 1 or not self.files.is_one(owner):
            return AsciiJSON({})
        limit, skip = min(max_items, MOST), 0
        if offset >= 0:
            left = len(stored.ends(owner, SENT)) - offset
            limit, skip = min(limit, left), max(0, left - limit)
        entries, size = list[str](), 0
        while len(entries) < limit and size < MOST_BYTES:
            some = min(_AT_ONCE, limit - len(entries))
            records = stored.of(owner, SENT, skip=skip + len(entries), limit=some)
            new = [f"{json_text(one.id)}:{json_text(self.history_entry(one))}" for one in records]
            entries, size = [*entries, *new], size + sum(map(len, new))
            if not records:
                break
        return _json(f"{{{','.join(reversed(entries))}}}")

    @routes.get("/history/{prompt_id}", Access.SIGNED_IN)
    def history_of(self, prompt_id: str, owner: Owner) -> Response:
        """Return a finished run of the user; an empty object for any other id."""
        try:
            record = self.starter.runs.record(prompt_id, owner)
        except RunNotFound:
            return AsciiJSON({})
        is_ended = record.state.phase.finished and not record.was_taken_out
        return AsciiJSON({record.id: self.history_entry(record)} if is_ended else {})

    @routes.post("/history", Access.SIGNED_IN)
    async def change_history(self, request: Request, owner: Owner) -> Response:
        """Delete finished runs with their results: all of sent prompts except favorites (`clear`),
        or those with these ids (`delete`)."""
        told = await self.told(request)
        await asyncio.to_thread(self._delete, told, owner)
        return Response()

    def start(self, sent: Mapping[str, Any], origin: Origin) -> tuple[Run, Json]:
        """Start a run like `SentPrompts.start`."""
        owner, extra = origin.owner, _extra_data(sent)
        confirms = extra.get("confirm_paid") is True
        run_id = self._run_id(sent.get("prompt_id"))
        origin = replace(origin, run_id=run_id, confirms_payment=confirms)
        self.starter.runs.check_room(origin)
        prompt, targets = nodes_of(sent), sent.get("partial_execution_targets")
        check_names(prompt, {})
        own = replace(self.files, run=self.files.copies.results_of(owner))
        find = partial(own.find, owner)
        prompt, node_errors = self.checker.check(
            prompt,
            targets if isinstance(targets, list) else None,
            partial(self._has_file, owner, find),
        )
        files = self._files(prompt, owner, find)
        prepared = prepare_prompt(self.starter, prompt, files, origin, extra)
        run = self.starter.submit(prepared, UNWATCHED)
        if sent.get("front") and self.files.is_one(owner):
            with suppress(ComfyError):  # it has just begun
                self.starter.runs.move(run.id, owner, 0)
        return run, node_errors

    # Inside

    def _start(self, body: bytes, requester: Requester) -> Json:
        origin = Origin(requester.owner, requester.address)
        run, node_errors = self.start(self._read(body), origin)
        number = next((at for at, one in enumerate(self._line()) if one.id == run.id), 0)
        return {"prompt_id": run.id, "number": number, "node_errors": node_errors}

    def _read(self, body: bytes) -> Json:
        limits = replace(self.limits, values=_VALUES * self.limits.values)
        sent = read_object(body, limits)
        if isinstance(sent, str):
            raise PromptRefused("invalid_request", sent)
        return sent

    def _run_id(self, prompt_id: object) -> str:
        """Return the client's id for its prompt, "" if it has none or a run has it already. Raises
        PromptRefused."""
        if prompt_id is None:
            return ""
        if not (isinstance(prompt_id, str) and is_uuid(prompt_id)):
            raise PromptRefused(
                "invalid_prompt_id",
                "prompt_id must be a valid UUID",
                "prompt_id must be a UUID string in canonical lowercase hyphenated form;"
                " omit it to let the server generate one",
            )
        runs = self.starter.runs
        taken = any(run.id == prompt_id for run in runs.known())
        stored = runs.history.get_many([prompt_id], None)
        return "" if taken or stored else prompt_id

    def _files(self, prompt: Prompt, owner: str, find: _Find) -> dict[InputRef, Upload]:
        """Return the owner's files that a prompt names. Raises PromptRefused for names
        of other uploads."""
        catalog = self.starter.forms.catalog.for_prompt(prompt)
        named = [
            (InputRef(node, name), spec.upload, find(value))
            for node, one in prompt.items()
            for name, spec in catalog[one["class_type"]].active_inputs(one["inputs"]).items()
            if spec.names_files and isinstance(value := unwrap(one["inputs"].get(name)), str)
            if not spec.is_painted or find(value)
        ]
        unknown = [place for place, upload, file in named if upload and file is None]
        if unknown and not self._names_any_file(owner):
            raise unknown_files(prompt, unknown, catalog)
        return {place: file for place, _, file in named if file is not None}

    def _names_any_file(self, owner: str) -> bool:
        """Return whether the owner's prompts may name all files on the server."""
        permissions = self.starter.forms.permissions
        return permissions.edits(owner) or permissions.trusts(owner)

    def _has_file(self, owner: str, find: _Find, name: str) -> bool:
        """Return whether ComfyUI gets the owner's file; for others `_files` refuses the prompt,
        without revealing the server's files."""
        return not self._names_any_file(owner) or find(name) is not None

    def _line(self) -> list[Run]:
        runs = (run for run in self.starter.runs.known() if not run.state.phase.finished)
        return sorted(runs, key=attrgetter("turn"))

    def sent_by(self, owner: str) -> list[Run]:
        """Return the unfinished runs of prompts that a user's programs sent."""
        runs = self.starter.runs.line_of(owner) if self.files.is_one(owner) else ()
        return [run for run in runs if run.job.workflow == SENT_PROMPT]

    def _named(self, told: Json, owner: str) -> Iterable[Run]:
        for run_id in _ids(told):
            with suppress(RunNotFound):
                yield self.starter.runs.get(run_id, owner)

    def _delete(self, told: Json, owner: str) -> None:
        stored = self.starter.runs.history
        if told.get("clear") and self.files.is_one(owner):
            before = ""
            while records := stored.of(owner, SENT, before=before, limit=MOST):
                stored.unlist([one.id for one in records if not one.favourite], owner)
                before = records[-1].id
        for run_id in _ids(told):
            with suppress(ComfyError):  # unknown, or it isn't finished
                self.deletion.delete(run_id, owner)

    def records(self, owner: str) -> Iterator[Record]:
        """Yield the finished runs of prompts that a user's programs sent, newest first. Reads a few
        at a time, because each may be large."""
        stored, before = self.starter.runs.history, ""
        while self.files.is_one(owner):
            some = stored.of(owner, SENT, before=before, limit=_AT_ONCE)
            if not some:
                return
            yield from some
            before = some[-1].id

    async def told(self, request: Request) -> Json:
        body = await request.body()
        return await asyncio.to_thread(self._read, body) if body.strip() else {}

    def _entry(self, number: float, record: Record) -> list[object]:
        catalog: Mapping[str, NodeSpec] = {}
        with suppress(ComfyError):  # without a request, which may take long
            catalog = self.starter.forms.catalog.cached()
        return queue_entry(number, record, catalog)

    def history_entry(self, record: Record) -> Json:
        return history_entry(record, self._entry(int(1000 * record.submitted_at), record))


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _ids(told: Json) -> list[str]:
    named = told.get("delete")
    return [one for one in named[:MOST] if isinstance(one, str)] if isinstance(named, list) else []


def is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _extra_data(sent: Mapping[str, Any]) -> Json:
    """Return what a client sends with its prompt, without secrets."""
    extra = {
        key: value
        for key, value in as_mapping(sent.get("extra_data")).items()
        if key not in _SECRET | {"workflow_metadata"}
    }
    metadata = sent.get("workflow_metadata")
    if isinstance(metadata, dict) and len(json.dumps(metadata).encode()) <= _MOST_METADATA:
        extra["workflow_metadata"] = metadata
    client_id = sent.get("client_id", extra.pop("client_id", None))
    if isinstance(client_id, str) and client_id:
        extra["client_id"] = client_id[:LONGEST_ID]
    return extra | {"create_time": int(1000 * time.time())}
