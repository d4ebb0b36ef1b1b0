"""Server-sent events of a job in Comfy API v2: what `GET /jobs/{id}` has, as it changes."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from fastapi import Request, Response

from comfy.comfyui.protocol.run_state import RunState
from comfy.records.record import Record
from comfy.runs.interface import Run
from comfyforms.plugins.comfy_api_v2.documents import (
    PATH,
    Json,
    Links,
    output_document,
    outputs_of,
    progress_of,
    status_of,
)
from comfyforms.plugins.comfy_api_v2.errors import errors_with
from comfyforms.plugins.comfy_api_v2.jobs import Jobs
from ui.api.streams import STREAM, LiveStream, states_of
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import json_text
from ui.web.shares import turn_of

_PAUSE = 0.5  # seconds between two events of progress, and between two previews
_STILL_HERE = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class EventHandlers:
    """Handler of the route."""

    jobs: Jobs

    routes = GuardedRoutes(errors=errors_with("too_many_streams"))

    @routes.get(f"{PATH}/jobs/{{job_id}}/events", Access.OWNER, **STREAM)
    async def follow(self, request: Request, job_id: str, owner: Owner) -> Response:
        """Send the job's status, progress, previews and outputs until it has ended."""
        async with turn_of(request):
            record = await asyncio.to_thread(self.jobs.record, job_id, owner)
        news = JobNews(self.jobs, self.jobs.links(request, owner))
        return LiveStream(_events(request, news, self.jobs.run(job_id, owner), record))


async def _events(
    request: Request, news: JobNews, run: Run | None, record: Record
) -> AsyncGenerator[bytes]:
    """Yield the events of a run up to its end. `run`: None if it has ended."""

    async def of(record: Record) -> bytes:
        async with turn_of(request):
            return await asyncio.to_thread(lambda: b"".join(news.of(record)))

    if run is not None:
        async for state in states_of(run):
            if state is None:
                yield _STILL_HERE
            yield await of(run.record)
    elif record.state.phase.finished:
        yield await of(record)


class JobNews:
    """Events that one client hasn't got yet."""

    def __init__(self, jobs: Jobs, links: Links) -> None:
        self._jobs, self._links = jobs, links
        self._last: dict[str, Json] = {}
        self._paced_at = float("-inf")  # by `time.monotonic`

    def of(self, record: Record) -> Iterator[bytes]:
        """Yield the news of a run. The final status comes last."""
        state, now = record.state, time.monotonic()
        is_last = state.phase.finished
        status = {"status": status_of(state), "queue_position": self._jobs.position(record)}
        if not is_last:
            yield from self._new("status", status)
        if is_last or now - self._paced_at >= _PAUSE:
            self._paced_at = now
            yield from self._new("progress", progress_of(record))
            yield from self._new("preview", None if is_last else _preview(state))
        until = self._jobs.until(record)
        for output in outputs_of(record):
            if output.id not in self._last:
                document = output_document(output, record, self._links, until)
                yield from self._new("output", document, output.id)
        if is_last:
            yield from self._new("status", status)

    def _new(self, name: str, data: Json | None, key: str = "") -> Iterator[bytes]:
        if data is not None and self._last.get(key or name) != data:
            self._last[key or name] = data
            yield f"event: {name}\ndata: {json_text(data)}\n\n".encode()


def _preview(state: RunState) -> Json | None:
    preview = state.preview
    if preview is None:
        return None
    data = base64.b64encode(preview.data).decode("ascii")
    node = preview.node or state.node or ""
    return {"node_id": node, "content_type": preview.media_type, "data_base64": data}
