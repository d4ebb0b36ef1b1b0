"""Jobs and their outputs as JSON of Comfy API v2. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from comfy.base.files import media_type_of
from comfy.base.messages import sentences
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.server_errors import node_problems
from comfy.records.record import Record
from ui.documents.run_doc import problem_of

Json = dict[str, Any]
PATH = "/api/v2"
FILES = f"{PATH}/files"
_NO_REASON = "The job failed, and the server said no reason."
# The statuses of phases, and the codes of their errors.
_STATUS: Mapping[Phase, tuple[str, str]] = MappingProxyType(
    {
        Phase.WAITING: ("queued", ""),
        Phase.RUNNING: ("running", ""),
        Phase.DONE: ("succeeded", "missing_outputs"),
        Phase.STOPPED: ("canceled", "canceled"),
        Phase.FAILED: ("failed", "node_execution_error"),
        Phase.REFUSED: ("failed", "invalid_workflow"),
        Phase.LOST: ("failed", "upstream_error"),
    }
)
_TYPES = {kind: kind for kind in ("image", "video", "audio")}


@dataclass(frozen=True, slots=True)
class Links:
    """Links for one caller. `path`: where the caller reaches the app, perhaps with a token. `file`:
    returns an asset's URL, which opens nothing else, and its end in seconds since 1970. Its second
    argument is the asset's own end."""

    path: str
    file: Callable[[str, float], tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Output:
    """Result of a run. `id`: of the output as an asset, begins with the run's. `value`: its name in
    prompts. `file`: None for a text, which is the `content`."""

    id: str
    node: str
    name: str
    type: str
    size: int
    value: str = ""
    file: OutputFile | None = None
    content: bytes = b""


def outputs_of(record: Record) -> Iterator[Output]:
    """Yield the results that a run has so far. Their ids stay the same during the run."""

    def id_of(*parts: str) -> str:
        digest = hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
        return f"{record.id}-{digest[:12]}"

    for file in record.state.files:
        other = "latent" if file.name.endswith(".latent") else "file"
        path = "/".join(filter(None, (record.id, file.subfolder, file.filename)))
        id_ = id_of(file.node, file.type, file.subfolder, file.filename, file.side)
        kind, value = _TYPES.get(file.kind, other), f"{path} [{file.type}]"
        yield Output(id_, file.node, file.name, kind, file.size, value, file)
    texts = Counter[str]()
    for text in record.state.texts:
        texts[text.node] += 1
        place, content = str(texts[text.node]), text.text.encode(errors="replace")
        name, id_ = f"text_{place}.txt", id_of(text.node, place)
        yield Output(id_, text.node, name, "text", len(content), content=content)


def output_document(output: Output, record: Record, links: Links, until: float) -> Json:
    """Return an output, also as an asset. `until`: when the run may be deleted, in seconds since
    1970."""
    return {
        **asset_document(output.id, output.name, output.size, record.submitted_at, until, links),
        "node_id": output.node,
        "name": output.name,
        "type": output.type,
        "job_id": record.id,
    }


def asset_document(
    asset_id: str, name: str, size: int, created_at: float, until: float, links: Links
) -> Json:
    """Return an asset without a hash."""
    url, ends = links.file(asset_id, until)
    return {
        "id": asset_id,
        "hash": None,
        "size_bytes": size,
        "content_type": media_type_of(name),
        "file_path": name,
        "created_at": _moment(created_at),
        "url": url,
        "url_expires_at": _moment(ends),
        "expires_at": _moment(until),
    }


def job_document(record: Record, position: int | None, links: Links, until: float) -> Json:
    """Return a job. `position`: in the queue, from 1. Its links have no host, which the client
    knows better: it may have a password in its address."""
    state, path = record.state, f"{links.path}{PATH}/jobs/{record.id}"
    return {
        "id": record.id,
        "status": status_of(state),
        "created_at": _moment(record.submitted_at),
        "started_at": _moment(state.started_at) if state.started_at else None,
        "completed_at": _moment(state.finished_at) if state.finished_at else None,
        "expires_at": _moment(until),
        "queue_position": position,
        "progress": progress_of(record),
        "outputs": [output_document(one, record, links, until) for one in outputs_of(record)],
        "error": _error(record),
        "urls": {"self": path, "events": f"{path}/events", "cancel": f"{path}/cancel"},
    }


def status_of(state: RunState) -> str:
    return _STATUS[state.phase][0]


def progress_of(record: Record) -> Json | None:
    """Return how far a run is; None before it begins."""
    state = record.state
    if state.phase is Phase.WAITING:
        return None
    class_type = _class_of(record, state.node)
    steps = f"{state.step}/{state.steps}" if state.steps else ""
    return {
        "value": 1.0 if state.phase is Phase.DONE else state.progress.fraction,
        "nodes_done": state.nodes_done,
        "nodes_total": state.nodes_total,
        "current_node": state.node,
        "current_node_class": class_type,
        "step": state.step if steps else None,
        "steps": state.steps or None,
        "message": f"{state.node_title or class_type or ''} {steps}".strip() or None,
    }


def _class_of(record: Record, node: str | None) -> str | None:
    known = record.job.prompt.get(node or "")
    return known["class_type"] if known else None


def _error(record: Record) -> Json | None:
    """Return why a run failed, or lacks some of its results."""
    problem, error, state = problem_of(record), record.state.error, record.state
    status, code = _STATUS[state.phase]
    if problem is None and status != "failed":
        return None
    parts = node_problems(state.node_errors, record.job.titles)
    if problem is not None:
        parts = (problem.message, problem.hint)
    node = error.node if error else None
    return {
        "code": code,
        "message": sentences(*parts) or _NO_REASON,
        "node_id": node,
        "class_type": _class_of(record, node),
        "traceback": (error.detail or None) if error else None,
    }


def _moment(seconds: float) -> str:
    """Return a time as in RFC 3339. `seconds`: since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
