"""ComfyUI's calls for jobs, below `/api/jobs`: a user's own runs, listed and canceled. Sources of
the facts: ComfyUI's `server.py` and `comfy_execution/jobs.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from fastapi import Request, Response

from comfy.base.errors import RunNotFound
from comfy.base.json_values import as_mapping
from comfy.comfyui.protocol.run_state import Phase
from comfy.launch.sent_prompts import PromptRefused
from comfy.records.record import Record
from comfyforms.plugins.comfyui_api.errors import Json, comfyui_errors
from comfyforms.plugins.comfyui_api.prompts import MOST, MOST_BYTES, SENT, PromptCalls, is_uuid
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import AsciiJSON, json_text

_STATES = {
    Phase.WAITING: "pending",
    Phase.RUNNING: "in_progress",
    Phase.DONE: "completed",
    Phase.STOPPED: "cancelled",
}
_FAILED = "failed"
_UNFINISHED = {"pending", "in_progress"}
_VALID = ("pending", "in_progress", "completed", _FAILED, "cancelled")
_INTEGER = re.compile("[+-]?[0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class JobCalls:
    """Handlers of the calls. The list has what `/queue` and `/history` have."""

    calls: PromptCalls

    routes = GuardedRoutes(errors=comfyui_errors)

    @routes.get("/api/jobs", Access.SIGNED_IN)
    def jobs(  # noqa: PLR0913 - the names are ComfyUI's
        self,
        owner: Owner,
        status: str = "",
        workflow_id: str = "",
        sort_by: str = "created_at",
        sort_order: str = "desc",
        limit: str = str(MOST),
        offset: str = "0",
    ) -> Response:
        """Return the unfinished and the newest finished jobs that match."""
        sort_by, sort_order = sort_by.lower(), sort_order.lower()
        states = [one.strip().lower() for one in status.split(",") if one.strip()]
        if unknown := [one for one in states if one not in _VALID]:
            values = f"{', '.join(unknown)}. Valid values: {', '.join(_VALID)}"
            return _refused(f"Invalid status value(s): {values}")
        if sort_by not in ("created_at", "execution_duration"):
            return _refused("sort_by must be 'created_at' or 'execution_duration'")
        if sort_order not in ("asc", "desc"):
            return _refused("sort_order must be 'asc' or 'desc'")
        for name, value in (("limit", limit), ("offset", offset)):
            if not _INTEGER.fullmatch(value):
                return _refused(f"{name} must be an integer")
        if (most := int(limit)) < 1:
            return _refused("limit must be a positive integer")
        skip = max(0, int(offset))
        matching = (
            job
            for job in self._jobs(owner, set(states))
            if (not states or job["status"] in states)
            and (not workflow_id or job.get("workflow_id") == workflow_id)
        )
        is_plain = (sort_by, sort_order) == ("created_at", "desc") and not (states or workflow_id)
        found = list(islice(matching, skip + most if is_plain else None))
        found.sort(key=_created if sort_by == "created_at" else _duration)
        if sort_order == "desc":
            found.reverse()
        some, total = found[skip : skip + most], self._total(owner) if is_plain else len(found)
        more = bool(some) and skip + len(some) < total
        page = {"offset": skip, "limit": most, "total": total, "has_more": more}
        return AsciiJSON({"jobs": some, "pagination": page})

    @routes.get("/api/jobs/{prompt_id}", Access.OWNER)
    def job(self, prompt_id: str, owner: Owner) -> Response:
        """Return a job; a finished one with its outputs and its prompt. As in ComfyUI, a job that
        was taken out of the queue is unknown."""
        try:
            record = self.calls.starter.runs.record(prompt_id, owner)
        except RunNotFound:
            return _refused("Job not found", 404)
        if record.was_taken_out:
            return _refused("Job not found", 404)
        job, entry = self._job(record)
        if record.state.phase.finished:
            _, _, prompt, extra, _ = entry["prompt"]
            workflow = {"prompt": prompt, "extra_data": extra}
            job |= {"outputs": entry["outputs"], "execution_status": entry["status"]}
            job["workflow"] = workflow
        return AsciiJSON(job)

    @routes.post("/api/jobs/cancel", Access.SIGNED_IN)
    async def cancel_several(self, request: Request, owner: Owner) -> Response:
        """Cancel the jobs with the ids in `job_ids`. Unknown and finished ones are ignored."""
        try:
            ids = (await self.calls.told(request)).get("job_ids")
        except PromptRefused:
            return _refused("Request body must be valid JSON")
        if not isinstance(ids, list):
            return _refused("job_ids must be a list")
        ids = ids[:MOST]  # the event loop reads them
        if invalid := [one for one in ids if not (isinstance(one, str) and is_uuid(one))]:
            named = [one if isinstance(one, str) else repr(one) for one in invalid]
            return AsciiJSON({"error": "job_ids contains invalid id(s)", "invalid_ids": named}, 400)
        canceled = [self._cancel(one, owner) for one in ids]
        return AsciiJSON({"cancelled": any(canceled)})

    @routes.post("/api/jobs/{prompt_id}/cancel", Access.SIGNED_IN)
    async def cancel(self, prompt_id: str, owner: Owner) -> Response:
        """Cancel a job, and tell if there was one to cancel."""
        return AsciiJSON({"cancelled": self._cancel(prompt_id, owner)})

    def _cancel(self, prompt_id: str, owner: str) -> bool:
        try:
            run = self.calls.starter.runs.get(prompt_id, owner)
        except RunNotFound:
            return False
        if run.state.phase.finished or run.state.over:  # `over`: fetches results
            return False
        run.cancel()
        return True

    def _jobs(self, owner: str, states: set[str]) -> Iterator[Json]:
        """Yield the unfinished jobs, then the newest finished ones, fewer if they are large."""
        unfinished = [run.id for run in self.calls.sent_by(owner)]
        for run_id in unfinished:
            with suppress(RunNotFound):  # deleted just now
                yield self._job(self.calls.starter.runs.record(run_id, owner))[0]
        if states and states <= _UNFINISHED:
            return
        size = 0
        for record in islice(self.calls.records(owner), MOST):
            if record.id not in unfinished:
                job, entry = self._job(record)
                yield job
                size += len(json_text(entry))
            if size > MOST_BYTES:
                return

    def _total(self, owner: str) -> int:
        stored, is_one = self.calls.starter.runs.history, self.calls.files.is_one(owner)
        ended = stored.ends(owner, SENT) if is_one else ()
        return len(self.calls.sent_by(owner)) + min(MOST, len(ended))

    def _job(self, record: Record) -> tuple[Json, Json]:
        """Return a job, and the run's entry in the history."""
        entry = self.calls.history_entry(record)
        number, _, _, extra, _ = entry["prompt"]
        state, created = record.state, int(1000 * record.submitted_at)
        graph = as_mapping(as_mapping(as_mapping(extra).get("extra_pnginfo")).get("workflow"))
        messages = dict(entry["status"]["messages"]) if state.phase.finished else {}
        outputs = list(_outputs(entry["outputs"]))
        shown = [one for one in outputs if one.get("type") == "output"] or outputs
        job: Json = {
            "id": record.id,
            "status": _STATES.get(state.phase, _FAILED),
            "priority": number,
            "create_time": created,
            "execution_start_time": max(created, _milliseconds(state.started_at)),
            "execution_end_time": max(created, _milliseconds(state.finished_at)),
            "execution_error": messages.get("execution_error"),
            "outputs_count": len(outputs),
            "previewable_outputs_count": len(outputs),
            "preview_output": shown[0] if shown else None,
            "workflow_id": graph.get("id"),
        }
        if not state.phase.finished:
            del job["execution_end_time"]
        if state.phase is Phase.WAITING:
            del job["execution_start_time"]
        return {key: value for key, value in job.items() if value is not None}, entry


def _outputs(outputs: Json) -> Iterator[Json]:
    """Yield the files among a run's outputs, with their nodes and kinds."""
    for node, of_node in outputs.items():
        for kind, items in of_node.items():
            for one in items:
                if isinstance(one, dict):
                    yield {**one, "nodeId": node, "mediaType": kind}


def _milliseconds(at: float | None) -> int:
    return int(1000 * (at or 0))


def _created(job: Json) -> Any:  # noqa: ANN401 - a number
    return job["create_time"]


def _duration(job: Json) -> Any:  # noqa: ANN401 - a number
    return job.get("execution_end_time", 0) - job.get("execution_start_time", 0)


def _refused(error: str, status: int = 400) -> Response:
    return AsciiJSON({"error": error}, status)
