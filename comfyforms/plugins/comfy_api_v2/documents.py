"""Jobs, outputs and assets as JSON of Comfy API v2. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from comfy.base.files import ending_of, media_type_of
from comfy.base.messages import sentences
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.records.record import Record
from ui.documents.run_doc import problem_of

Json = dict[str, Any]
_STATUS: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.WAITING: "queued",
        Phase.RUNNING: "running",
        Phase.DONE: "succeeded",
        Phase.STOPPED: "canceled",
    }
)
_FAILED = "failed"
_CODES: Mapping[Phase, str] = MappingProxyType(
    {
        Phase.DONE: "missing_outputs",
        Phase.STOPPED: "canceled",
        Phase.REFUSED: "invalid_workflow",
        Phase.LOST: "upstream_error",
    }
)
_TYPES = ("image", "video", "audio")


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses in answers. `root`: the app's URL as the caller reaches it."""

    root: str

    def of_job(self, job_id: str) -> Json:
        """Return the links of a job. They have no host, which the client knows better: it may have
        a password in its address."""
        path = f"{urlsplit(self.root).path}/api/v2/jobs/{job_id}"
        return {"self": path, "events": f"{path}/events", "cancel": f"{path}/cancel"}

    def of_content(self, asset_id: str) -> str:
        return f"{self.root}/api/v2/assets/{asset_id}/content"


@dataclass(frozen=True, slots=True)
class Output:
    """Result of a run: a `file` or a text. `id`: of the output as an asset. `size`: in bytes, 0 for
    a file that isn't stored yet. `value`: its name in a prompt, "" for a text."""

    run: str
    id: str
    node: str
    name: str
    type: str
    size: int
    value: str = ""
    file: OutputFile | None = None
    text: bytes = b""

    @classmethod
    def of_file(cls, run: str, file: OutputFile) -> Output:
        kind: str = file.kind
        if kind not in _TYPES:
            kind = "latent" if ending_of(file.name) == "latent" else "file"
        value = f"{'/'.join(filter(None, (run, file.subfolder, file.filename)))} [{file.type}]"
        id_ = _id(run, file.node, file.type, file.subfolder, file.filename, file.side)
        return cls(run, id_, file.node, file.name, kind, file.size, value, file)

    @classmethod
    def of_text(cls, run: str, text: TextOutput, place: int) -> Output:
        content = text.text.encode(errors="replace")
        id_, name = _id(run, text.node, "text", str(place)), f"text_{place}.txt"
        return cls(run, id_, text.node, name, "text", len(content), text=content)

    @property
    def media_type(self) -> str:
        return media_type_of(self.name)

    def to_json(self, links: Links, until: float) -> Json:
        """Return the output. `until`: when it may be deleted, in seconds since 1970."""
        return {
            "node_id": self.node,
            "name": self.name,
            "type": self.type,
            "content_type": self.media_type,
            "size_bytes": self.size,
            "id": self.id,
            "hash": None,
            "url": links.of_content(self.id),
            "url_expires_at": moment(until),
            "job_id": self.run,
        }


def _id(run: str, *parts: str) -> str:
    """Return an id that begins with the run's, and stays the same during the run."""
    digest = hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
    return f"{run}-{digest[:12]}"


def outputs_of(record: Record) -> Iterator[Output]:
    """Yield the results that a run has so far."""
    for file in record.state.files:
        yield Output.of_file(record.id, file)
    for place, text in enumerate(record.state.texts):
        yield Output.of_text(record.id, text, place)


def job_document(record: Record, links: Links, position: int | None, until: float) -> Json:
    """Return a job. `position`: in the queue, from 1; `until`: see `Output.to_json`."""
    state = record.state
    started, ended = state.started_at, state.finished_at
    return {
        "id": record.id,
        "status": status_of(state),
        "created_at": moment(record.submitted_at),
        "started_at": moment(started) if started else None,
        "completed_at": moment(ended) if ended else None,
        "expires_at": moment(until),
        "queue_position": position,
        "progress": progress_of(record),
        "outputs": [one.to_json(links, until) for one in outputs_of(record)],
        "error": _error(record),
        "urls": links.of_job(record.id),
    }


def status_of(state: RunState) -> str:
    return _STATUS.get(state.phase, _FAILED)


def progress_of(record: Record) -> Json | None:
    """Return how far a run is; None before it begins."""
    state = record.state
    if state.phase is Phase.WAITING:
        return None
    node = record.job.prompt.get(state.node or "")
    value = 1.0 if state.phase is Phase.DONE else min(1.0, max(0.0, state.progress.fraction))
    title = state.node_title or (node["class_type"] if node else None)
    steps = f" {state.step}/{state.steps}" if state.steps else ""
    return {
        "value": value,
        "nodes_done": state.nodes_done,
        "nodes_total": state.nodes_total,
        "current_node": state.node,
        "current_node_class": node["class_type"] if node else None,
        "step": state.step if state.steps else None,
        "steps": state.steps or None,
        "message": f"{title}{steps}" if title else None,
    }


def _error(record: Record) -> Json | None:
    """Return why a run failed, or lacks some of its results."""
    problem, error = problem_of(record), record.state.error
    if problem is None:
        if status_of(record.state) != _FAILED:
            return None
        told = sentences(*(one.message for one in record.state.node_errors))
    else:
        told = sentences(problem.message, problem.hint) if problem.hint else problem.message
    node = error.node if error else None
    known = record.job.prompt.get(node or "")
    return {
        "code": _CODES.get(record.state.phase, "node_execution_error"),
        "message": told or "The run failed.",
        "node_id": node,
        "class_type": known["class_type"] if known else None,
        "traceback": (error.detail or None) if error else None,
    }


def moment(seconds: float) -> str:
    """Return a time as in RFC 3339. `seconds`: since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
