"""Jobs of Comfy API v2, which are the caller's runs."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass

from fastapi import Request, Response

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.run_state import Phase
from comfy.library.private import SENT_PROMPT
from comfy.records.record import Record
from comfy.runs.interface import Run, RunRegistry
from comfyforms.plugins.comfy_api_v2.documents import Json, Links, job_document
from comfyforms.plugins.comfy_api_v2.errors import errors_with, not_found
from ui.api.streams import states_of
from ui.gradio.internals import app_address
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import AsciiJSON

_PATIENCE = 2.0  # seconds; a canceled run ends within one


def links_of(request: Request, root_path: str) -> Links:
    """Return the addresses for a caller. A token in the path of the request stays there."""
    return Links(app_address(request, root_path) + request.scope.get("root_path", ""))


@dataclass(frozen=True, slots=True)
class Jobs:
    """Finder of jobs. `root_path`: see the web server."""

    runs: RunRegistry
    root_path: str

    def record(self, job_id: str, owner: str) -> Record:
        """Return a run of the owner. Blocks on the database. Raises Refused."""
        try:
            return self.runs.record(job_id, owner)
        except RunNotFound:
            raise not_found() from None

    def run(self, job_id: str, owner: str) -> Run | None:
        """Return an unfinished run of the owner."""
        try:
            run = self.runs.get(job_id, owner)
        except RunNotFound:
            return None
        return None if run.state.phase.finished else run

    def document(self, record: Record, request: Request) -> Json:
        """Return a job as JSON."""
        links = links_of(request, self.root_path)
        return job_document(record, links, self.position(record), self.until(record))

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
class JobHandlers:
    """Handlers of the routes of one job."""

    jobs: Jobs

    routes = GuardedRoutes(errors=errors_with("rate_limited"))

    @routes.get("/api/v2/jobs/{job_id}", Access.OWNER)
    def get(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Return a job with its progress and the outputs that it has so far."""
        return AsciiJSON(self.jobs.document(self.jobs.record(job_id, owner), request))

    @routes.get("/api/v2/jobs/{job_id}/workflow", Access.OWNER)
    def workflow(self, job_id: str, owner: Owner) -> Response:
        """Return a job's prompt, if a program sent it: others have values of their authors."""
        job = self.jobs.record(job_id, owner).job
        if job.workflow != SENT_PROMPT:
            raise not_found()
        return AsciiJSON({"workflow": job.prompt, "format": "api"})

    @routes.post("/api/v2/jobs/{job_id}/cancel", Access.OWNER)
    async def cancel(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Cancel a job, wait a moment for its end, and return it. A job that has ended, or whose
        results are being fetched, stays as it is."""
        record = await asyncio.to_thread(self.jobs.record, job_id, owner)
        run = self.jobs.run(job_id, owner)
        if run is None or run.state.over:
            return AsciiJSON(await asyncio.to_thread(self.jobs.document, record, request))
        run.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE), aclosing(states_of(run)) as states:
                async for _ in states:
                    pass
        document = await asyncio.to_thread(self.jobs.document, run.record, request)
        return AsciiJSON(document | ({} if run.state.phase.finished else {"status": "canceling"}))
