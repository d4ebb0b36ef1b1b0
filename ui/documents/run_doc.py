"""A run as a program is told of it: a `Record` in, what is sent of it out. Pure."""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import FileKind
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.records.serialization import state_to_json
from comfy.runs.durations import RunTimes
from ui.documents.past_run import seeds_among
from ui.documents.result_names import result_name
from ui.documents.run_view import PhaseWord, show
from ui.web.responses import API

# What of a state is told as it is.
_TOLD = ("phase", "queue_place", "node", "step", "steps", "note", "away")


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that a run has made: its place `n` among them, a name to save it under, and the path
    from which it comes. `saved`: it is a result, not an intermediate one; `sha256`, `bytes`: of
    what is kept here, "" and 0 where nothing is."""

    n: int
    name: str
    kind: FileKind
    media_type: str
    saved: bool
    sha256: str
    bytes: int
    url: str


@dataclass(frozen=True, slots=True)
class RunProblem:
    """Why a run has not ended well, and what to do, in sentences."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RunDoc:
    """One run; times in seconds since 1970.

    `queue_place`: how many come before it. `progress`: 0 to 1, null if unknown. `step` of `steps`
    belong to `node`. `preview`: how many preview images there were. `values`: what it was made
    with; `inputs`: the names of the files among them; `seeds`: its seeds in digits, which
    JavaScript's numbers may lose. `errors`: what is wrong with single fields. `group`: what the
    runs of a batch or chain share. `parents`: the runs that it was made from, where named.
    """

    id: str
    workflow: str
    title: str
    phase: PhaseWord
    finished: bool
    headline: str
    submitted_at: float
    url: str
    started_at: float | None = None
    finished_at: float | None = None
    queue_place: int | None = None
    progress: float | None = None
    seconds_left: float | None = None
    node: str | None = None
    step: int = 0
    steps: int = 0
    note: str = ""
    away: bool = False
    preview: int = 0
    files: tuple[RunFile, ...] = ()
    texts: tuple[str, ...] = ()
    error: RunProblem | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunsDoc:
    """The runs of one request with a `count`; `refused`: why there are fewer, a problem document,
    null where there are not."""

    runs: tuple[RunDoc, ...]
    refused: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A page of a list of runs; `next`: the `cursor` of the next one, null on the last."""

    runs: tuple[RunDoc, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """`stays`: what ComfyUI keeps of it, in a sentence, "" for nothing."""

    stays: str


@dataclass(frozen=True, slots=True)
class RunJson:
    """Makes them. `root`: the path of the app below its host."""

    root: str = ""

    def address(self, run_id: str) -> str:
        """The path of a run."""
        return f"{self.root}{API}/runs/{run_id}"

    def told(
        self,
        record: Record,
        usual: RunTimes | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> RunDoc:
        """A run, its messages still messages. `usual`: how long such runs take; `errors`: sentences
        by field key."""
        job, state = record.job, record.state
        plain = state_to_json(state)
        view = show(record, now=time.time(), usual=usual)
        made_by = (kept.made_by for kept in job.inputs.values())
        return RunDoc(
            id=record.id,
            workflow=job.workflow,
            title=job.title,
            finished=state.phase.finished,
            headline=view.headline,
            submitted_at=record.submitted_at,
            url=self.address(record.id),
            started_at=state.started_at,
            finished_at=state.finished_at,
            progress=view.fraction,
            seconds_left=view.left,
            preview=state.preview_number,
            files=tuple(self._file(record, at, one) for at, one in enumerate(state.files)),
            texts=tuple(one.text for one in state.texts),
            error=RunProblem(state.error.message, state.error.hint) if state.error else None,
            errors=errors or {},
            values=job.values,
            seeds=seeds_among(job.values),
            inputs={key: kept.name for key, kept in job.inputs.items()},
            group=record.group,
            parents=(*dict.fromkeys((*record.parents, *filter(None, made_by))),),
            **{name: plain[name] for name in _TOLD},
        )

    def _file(self, record: Record, at: int, file: OutputFile) -> RunFile:
        return RunFile(
            n=at,
            name=result_name(record, at),
            kind=file.kind,
            media_type=mimetypes.guess_type(file.filename)[0] or "application/octet-stream",
            saved=file.type == "output",
            sha256=file.digest,
            bytes=file.size,
            url=f"{self.address(record.id)}/files/{at}",
        )


def has_field_errors(record: Record) -> bool:
    """Whether its end may be told on fields."""
    return record.state.phase in (Phase.REFUSED, Phase.FAILED)
