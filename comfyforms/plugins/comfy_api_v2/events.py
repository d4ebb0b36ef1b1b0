"""Server-sent events of a job in Comfy API v2: what `GET /jobs/{id}` has, as it changes."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field

from fastapi import Request, Response

from comfy.records.record import Record
from comfy.runs.interface import Run
from comfyforms.plugins.comfy_api_v2.documents import (
    Json,
    Links,
    outputs_of,
    progress_of,
    status_of,
)
from comfyforms.plugins.comfy_api_v2.errors import errors_with
from comfyforms.plugins.comfy_api_v2.jobs import Jobs, links_of
from ui.api.streams import STREAM, LiveStream, states_of
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import json_text

_PAUSE = 0.5  # seconds between two events of progress, and between two previews
_STILL_HERE = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class EventHandlers:
    """Handler of the route."""

    jobs: Jobs

    routes = GuardedRoutes(errors=errors_with("too_many_streams"))

    @routes.get("/api/v2/jobs/{job_id}/events", Access.OWNER, **STREAM)
    async def follow(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Send the job's status, progress, previews and outputs until it has ended."""
        record = await asyncio.to_thread(self.jobs.record, job_id, owner)
        links = links_of(request, self.jobs.root_path)
        events = JobEvents(self.jobs, links)
        return LiveStream(events.of(self.jobs.run(job_id, owner), record))


@dataclass(slots=True)
class JobEvents:
    """Events that one client hasn't got yet."""

    jobs: Jobs
    links: Links
    _status: Json = field(default_factory=dict)
    _progress: Json | None = None
    _told_at: float = float("-inf")  # by `time.monotonic`
    _preview: int = 0
    _seen_at: float = float("-inf")
    _outputs: set[str] = field(default_factory=set)

    async def of(self, run: Run | None, record: Record) -> AsyncGenerator[bytes]:
        """Yield the events of a run up to its end. `run`: None if it has ended."""
        if run is not None:
            async for state in states_of(run):
                if state is None:
                    yield _STILL_HERE
                record = run.record
                for event in self._changes(record):
                    yield event
            record = run.record
        if record.state.phase.finished:
            for event in self._end(record):
                yield event

    def _changes(self, record: Record) -> Iterator[bytes]:
        state, now = record.state, time.monotonic()
        if state.phase.finished:
            return
        yield from self._changed_status(record)
        progress = progress_of(record)
        if progress and progress != self._progress and now - self._told_at >= _PAUSE:
            self._progress, self._told_at = progress, now
            yield _event("progress", progress)
        preview, is_new = state.preview, state.preview_number != self._preview
        if preview is not None and is_new and now - self._seen_at >= _PAUSE:
            self._preview, self._seen_at = state.preview_number, now
            data = base64.b64encode(preview.data).decode("ascii")
            told = {"node_id": preview.node or state.node or "", "data_base64": data}
            yield _event("preview", {**told, "content_type": preview.media_type})
        yield from self._new_outputs(record)

    def _end(self, record: Record) -> Iterator[bytes]:
        if progress := progress_of(record):
            yield _event("progress", progress)
        yield from self._new_outputs(record)
        yield from self._changed_status(record)

    def _changed_status(self, record: Record) -> Iterator[bytes]:
        position = self.jobs.position(record)
        status = {"status": status_of(record.state), "queue_position": position}
        if status != self._status:
            self._status = status
            yield _event("status", status)

    def _new_outputs(self, record: Record) -> Iterator[bytes]:
        until = self.jobs.until(record)
        for output in outputs_of(record):
            if output.id not in self._outputs:
                self._outputs.add(output.id)
                yield _event("output", output.to_json(self.links, until))


def _event(name: str, data: Json) -> bytes:
    return f"event: {name}\ndata: {json_text(data)}\n\n".encode()
