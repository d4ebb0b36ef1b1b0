"""/api/jobs: queue and history as one list, in the shapes of ComfyUI 0.33."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfyui_standin.server.prompt_queue import PromptQueue, QueueItem

_STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
_SORTS = ("created_at", "execution_duration")
_SHOWN = frozenset({"images", "video", "audio", "3d", "text"})

ApiJob = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """Parameters of GET /api/jobs."""

    statuses: tuple[str, ...] = _STATUSES
    workflow_id: str | None = None
    sort_by: str = "created_at"
    descending: bool = True
    limit: int | None = None
    offset: int = 0


def parse_query(parameters: Mapping[str, str]) -> Query:
    """Parse the query. Raises ValueError with the server's message for an invalid parameter."""
    named = [one.strip().lower() for one in parameters.get("status", "").split(",") if one.strip()]
    if invalid := [one for one in named if one not in _STATUSES]:
        raise ValueError(
            f"Invalid status value(s): {', '.join(invalid)}. Valid values: {', '.join(_STATUSES)}"
        )
    sort_by = parameters.get("sort_by", "created_at").lower()
    if sort_by not in _SORTS:
        raise ValueError("sort_by must be 'created_at' or 'execution_duration'")
    sort_order = parameters.get("sort_order", "desc").lower()
    if sort_order not in ("asc", "desc"):
        raise ValueError("sort_order must be 'asc' or 'desc'")
    limit = _integer(parameters, "limit")
    if limit is not None and limit <= 0:
        raise ValueError("limit must be a positive integer")
    offset = max(0, _integer(parameters, "offset") or 0)
    return Query(
        tuple(named) or _STATUSES,
        parameters.get("workflow_id"),
        sort_by,
        sort_order == "desc",
        limit,
        offset,
    )


def listing(queue: PromptQueue, query: Query) -> dict[str, Any]:
    """Return a page of jobs, with its position in the whole list."""
    running, waiting = queue.snapshot()
    jobs = [_queued(item, "in_progress") for item in running] + [
        _queued(item, "pending") for item in waiting
    ]
    jobs += [_finished(prompt_id, entry) for prompt_id, entry in queue.history().items()]
    jobs = [job for job in jobs if job["status"] in query.statuses]
    if query.workflow_id:
        jobs = [job for job in jobs if job.get("workflow_id") == query.workflow_id]
    jobs.sort(
        key=_created if query.sort_by == "created_at" else _duration, reverse=query.descending
    )
    end = None if query.limit is None else query.offset + query.limit
    page = jobs[query.offset : end]
    total = len(jobs)
    more = query.offset + len(page) < total
    return {
        "jobs": page,
        "pagination": {
            "offset": query.offset,
            "limit": query.limit,
            "total": total,
            "has_more": more,
        },
    }


def find(queue: PromptQueue, job_id: str) -> ApiJob | None:
    """Return all of a job's data, or None."""
    for prompt_id, entry in queue.history_of(job_id).items():
        _, _, prompt, extra_data, _ = entry["prompt"]
        workflow = {"prompt": prompt, "extra_data": extra_data}
        full = {
            "outputs": entry["outputs"],
            "execution_status": entry["status"],
            "workflow": workflow,
        }
        return {**_finished(prompt_id, entry), **full}
    running, waiting = queue.snapshot()
    queued = [_queued(item, "in_progress") for item in running] + [
        _queued(item, "pending") for item in waiting
    ]
    return next((job for job in queued if job["id"] == job_id), None)


def cancel(queue: PromptQueue, job_id: str) -> bool:
    """Dequeue or interrupt this job only. Return False if it is neither waiting nor running."""
    return queue.delete(job_id) or queue.interrupt(job_id)


def _integer(parameters: Mapping[str, str], name: str) -> int | None:
    if name not in parameters:
        return None
    try:
        return int(parameters[name])
    except ValueError:
        raise ValueError(f"{name} must be an integer") from None


def _created(job: ApiJob) -> float:
    return float(job.get("create_time", 0))


def _duration(job: ApiJob) -> float:
    return float(job.get("execution_end_time", 0)) - float(job.get("execution_start_time", 0))


def _common(number: float, prompt_id: str, status: str, extra_data: Mapping[str, Any]) -> ApiJob:
    workflow_id = extra_data.get("extra_pnginfo", {}).get("workflow", {}).get("id")
    job: ApiJob = {
        "id": prompt_id,
        "status": status,
        "priority": number,
        "create_time": extra_data.get("create_time"),
    }
    return job if workflow_id is None else {**job, "workflow_id": workflow_id}


def _queued(item: QueueItem, status: str) -> ApiJob:
    job = _common(item.number, item.prompt_id, status, item.extra_data)
    return {**job, "outputs_count": 0, "previewable_outputs_count": 0}


def _finished(prompt_id: str, entry: Mapping[str, Any]) -> ApiJob:
    number, _, _, extra_data, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    interrupted = "execution_interrupted" in messages
    status = (
        "completed" if entry["status"]["completed"] else "cancelled" if interrupted else "failed"
    )
    job = _common(number, prompt_id, status, extra_data)
    job["execution_start_time"] = messages["execution_start"]["timestamp"]
    for name in ("execution_success", "execution_error", "execution_interrupted"):
        if name in messages:
            job["execution_end_time"] = messages[name]["timestamp"]
    if "execution_error" in messages:
        job["execution_error"] = messages["execution_error"]
    files = _files(entry["outputs"])
    job["outputs_count"] = len(files)
    job["previewable_outputs_count"] = sum(file["mediaType"] in _SHOWN for file in files)
    if shown := [file for file in files if file["mediaType"] in _SHOWN]:
        job["preview_output"] = next((file for file in shown if file["type"] == "output"), shown[0])
    return job


def _files(outputs: Mapping[str, Mapping[str, list[Any]]]) -> list[dict[str, Any]]:
    return [
        {**item, "nodeId": node_id, "mediaType": media}
        for node_id, shown in outputs.items()
        for media, items in shown.items()
        for item in items
        if isinstance(item, dict)
    ]
