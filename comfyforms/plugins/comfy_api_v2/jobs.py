"""Jobs of Comfy API v2, which are the caller's runs: started, read and canceled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from starlette.exceptions import HTTPException

from comfy.base.errors import RunNotFound, WorkflowError
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.sent_prompts import SentPrompts
from comfy.library.permissions import Permissions
from comfy.records.audit import DAY
from comfy.records.record import SENT_PROMPT, Record
from comfy.runs.interface import Origin, Run, RunRegistry
from comfyforms.plugins.comfy_api_v2.addresses import FileAddresses
from comfyforms.plugins.comfy_api_v2.documents import FILES, PATH, Json, Links, job_document
from comfyforms.plugins.comfy_api_v2.errors import Refused, errors_with, key_used, not_found
from ui.api.requests import KeyedRequest, Requester, Requests, StartOutcome, keyed_request
from ui.api.streams import states_of
from ui.api.values import Sent
from ui.gradio.internals import app_address
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.limits import BodyLimit, WebLimits, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, turn_of

_PATIENCE = 2.0  # seconds; a canceled run ends within one
_API_KEY = "api_key_comfy_org"
_VALUES = 5  # times the usual number, as for other prompts
_WITH_PREVIEWS = {"preview_method": "auto"}


@dataclass(frozen=True, slots=True)
class Jobs:
    """Finder of jobs. `root_path`: see the web server."""

    runs: RunRegistry
    root_path: str
    files: FileAddresses

    def links(self, request: Request, owner: str) -> Links:
        """Return the links for a caller. A token in the path of the request stays in a job's links,
        which only the program itself needs. The URLs of files may get into other hands."""
        root = app_address(request, self.root_path)
        own_path = urlsplit(root).path + str(request.scope.get("root_path", ""))

        def file(asset_id: str, until: float) -> tuple[str, float]:
            ends = min(until, time.time() + DAY)
            return f"{root}{FILES}/{self.files.sealed(owner, asset_id, ends)}", ends

        return Links(own_path, file)

    def record(self, job_id: str, owner: str) -> Record:
        """Return a run of the owner. Blocks on the database. Raises Refused."""
        try:
            return self.runs.record(job_id, owner)
        except RunNotFound:
            raise not_found() from None

    def run(self, job_id: str, owner: str) -> Run | None:
        """Return an unfinished run of the owner."""
        with suppress(RunNotFound):
            run = self.runs.get(job_id, owner)
            return None if run.state.phase.finished else run
        return None

    def document(self, record: Record, request: Request) -> Json:
        until, links = self.until(record), self.links(request, record.owner)
        return job_document(record, self.position(record), links, until)

    def position(self, record: Record) -> int | None:
        """Return a waiting run's place among all waiting runs, from 1; None for others."""
        if record.state.phase is not Phase.WAITING:
            return None
        waiting = [one for one in self.runs.known() if one.state.phase is Phase.WAITING]
        turn = next((one.turn for one in waiting if one.id == record.id), None)
        return None if turn is None else 1 + sum(one.turn < turn for one in waiting)

    def until(self, record: Record) -> float:
        """Return when a run may be deleted, in seconds since 1970."""
        return self.runs.history.storage.kept_until(record.state.finished_at or time.time())


@dataclass(frozen=True, slots=True)
class JobStarts:
    """Handler of the route that starts jobs. `names`: returns a function from ids of an owner's
    assets to their names in prompts, "" for unknown ids."""

    jobs: Jobs
    prompts: SentPrompts
    names: Callable[[str], Callable[[str], str]]
    requests: Requests
    permissions: Permissions
    limits: WebLimits

    routes = GuardedRoutes(errors=errors_with("queue_full"))

    @routes.post(f"{PATH}/jobs", Access.SIGNED_IN, body=BodyLimit.CALL, room=Room.CALLS)
    async def submit(
        self, request: Request, owner: Owner, keyed: KeyedRequest = Depends(keyed_request)
    ) -> Response:
        """Start a job."""
        try:  # before the large body is read
            self.permissions.check_open(owner)
        except WorkflowError as problem:
            raise HTTPException(403, str(problem)) from None
        run = await asyncio.to_thread(self._start, await request.body(), keyed)
        return await asyncio.to_thread(
            lambda: AsciiJSON(self.jobs.document(run.record, request), 201)
        )

    def _start(self, body: bytes, keyed: KeyedRequest) -> Run:
        sent = read_object(body, replace(self.limits, values=_VALUES * self.limits.values))
        if isinstance(sent, str):
            raise Refused(422, "invalid_request", sent)
        started: list[Run] = []

        def begin(_: Sent, who: Requester) -> StartOutcome:
            prompt, missing = _workflow(sent), list[str]()
            prompt = _with_names(prompt, self.names(who.owner), missing)
            if missing:
                told = "The workflow refers to assets that don't exist or aren't yours."
                raise Refused(422, "missing_asset", told, missing_ids=missing)
            origin = Origin(who.owner, who.address, at_start=who.at_start)
            call = {"prompt": prompt, "extra_data": _WITH_PREVIEWS}
            started.append(self.prompts.start(call, origin)[0])
            return StartOutcome((started[0].id,))

        outcome = self.requests.once(keyed, ("job", PATH), Sent({}), begin)
        if not started:
            raise key_used(*outcome.ids)
        return started[0]


def _with_names(value: Any, name_of: Callable[[str], str], missing: list[str]) -> Any:  # noqa: ANN401 - JSON
    """Return JSON values with names in prompts in place of references to assets. Add the ids of
    unknown ones to `missing`."""
    match value:
        case {"__type": "core/ASSET", "info": {"id": str(asset_id)}}:
            if not (name := name_of(asset_id)):
                missing.append(asset_id)
            return name
        case {"__type": "core/ASSET"}:
            missing.append("")
        case dict():
            return {key: _with_names(one, name_of, missing) for key, one in value.items()}
        case list():
            return [_with_names(one, name_of, missing) for one in value]
    return value


def _workflow(sent: Mapping[str, Any]) -> Json:
    """Return the workflow in a request. Raises Refused."""
    if sent.get("webhook_url") is not None or sent.get("inputs") is not None:
        raise Refused(422, "invalid_request", "webhook_url and inputs can't be used yet.")
    if sent.get("metadata"):
        raise Refused(422, "metadata_not_supported", "Jobs have no labels here.")
    extra = sent.get("extra_data", {})  # the app uses keys of its own
    if not isinstance(extra, dict) or not isinstance(extra.pop(_API_KEY, ""), str) or extra:
        raise Refused(422, "invalid_request", f"extra_data can only have {_API_KEY}.")
    match sent.get("workflow"):
        case {"nodes": list(), "links": _}:
            told = "This is a workflow of the editor. Use File > Export (API) in ComfyUI."
            raise Refused(422, "workflow_format_ui", told)
        case dict() as workflow:
            return workflow
    raise Refused(422, "invalid_workflow", "The workflow must be an object with nodes by id.")


@dataclass(frozen=True, slots=True)
class JobHandlers:
    """Handlers of the routes of one job."""

    jobs: Jobs

    routes = GuardedRoutes(errors=errors_with("rate_limited"))

    @routes.get(f"{PATH}/jobs/{{job_id}}", Access.OWNER)
    def get(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Return a job with its progress and the outputs that it has so far."""
        return AsciiJSON(self.jobs.document(self.jobs.record(job_id, owner), request))

    @routes.get(f"{PATH}/jobs/{{job_id}}/workflow", Access.OWNER)
    def workflow(self, job_id: str, owner: Owner) -> Response:
        """Return a job's prompt, if a program sent it: others have values of their authors."""
        job = self.jobs.record(job_id, owner).job
        if job.workflow != SENT_PROMPT:
            raise not_found()
        return AsciiJSON({"workflow": job.prompt, "format": "api"})

    @routes.post(f"{PATH}/jobs/{{job_id}}/cancel", Access.OWNER, room=Room.CALLS)
    async def cancel(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Cancel a job, wait a moment for its end, and return it. A job that has ended, or whose
        results are being fetched, stays as it is."""
        async with turn_of(request):
            record = await asyncio.to_thread(self.jobs.record, job_id, owner)
            run = self.jobs.run(job_id, owner)
            if run is None or run.state.over:
                return await asyncio.to_thread(
                    lambda: AsciiJSON(self.jobs.document(record, request))
                )
        run.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE), aclosing(states_of(run)) as states:
                async for _ in states:
                    pass
        async with turn_of(request):
            return await asyncio.to_thread(self._canceled, run.record, request)

    def _canceled(self, record: Record, request: Request) -> Response:
        more = {} if record.state.phase.finished else {"status": "canceling"}
        return AsciiJSON(self.jobs.document(record, request) | more)
