"""Actions of administrators on servers and on runs of all users.

The administrator's overview of servers, and of all users' runs and batches. It contains no user
texts, and images only if the settings allow them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message, plural
from comfy.batches.open_batch import BatchState, BatchSummary, RowStates
from comfy.batches.queue import BatchQueue
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState
from comfy.comfyui.servers.managers import reboot
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.reports import ServerReport, ServerReports
from comfy.comfyui.servers.server import ComfyServer
from comfy.library.private import MARK
from comfy.local_comfyui.supervisor import ComfyUIStatus, LocalComfyUI
from comfy.records.audit import OWN_WORKFLOW
from comfy.records.record import Job
from comfy.runs.interface import Run, RunRegistry
from ui.administration.audit_log import Actor, AuditLog
from ui.documents.headlines import AWAY, elapsed_words
from ui.services import OptionalParts
from ui.web.identity import Identity

GUEST = message("Guest")
BatchAction = Literal["pause", "continue", "stop"]
_NOT_OURS = message(
    "ComfyForms can't restart this ComfyUI: it didn't start it, and there is no ComfyUI-Manager."
)
_STOPPED = RunError(message("An administrator stopped this run."))
_WAITING = message("Waiting")
_RUNNING = message("Running")


@dataclass(frozen=True, slots=True)
class ServerActions:
    """Actions on servers; each is logged with the administrator. `local`: see `Services`."""

    pool: ServerPool
    audit: AuditLog
    local: Mapping[str, LocalComfyUI] = field(default_factory=dict)

    def pause(self, actor: Actor, server: ComfyServer) -> None:
        """Send the server no more runs. Its current runs continue."""
        self.pool.drain(server)
        self.audit.note(actor, message("{person} paused {server}.", **_names(actor, server)))

    def resume(self, actor: Actor, server: ComfyServer) -> None:
        """Send the server runs again."""
        self.pool.take_back(server)
        self.audit.note(actor, message("{person} resumed {server}.", **_names(actor, server)))

    def free(self, actor: Actor, server: ComfyServer) -> None:
        """Free the server's memory. Raises ServerUnreachable or ServerError."""
        server.free()
        names = _names(actor, server)
        self.audit.note(actor, message("{person} freed the memory of {server}.", **names))

    def update_list(self, actor: Actor, server: ComfyServer) -> None:
        """Ask the server for its nodes and models now. Raises ServerUnreachable or ServerError."""
        self.pool.update_list(server)
        names = _names(actor, server)
        self.audit.note(actor, message("{person} refreshed the models of {server}.", **names))

    def restart(self, actor: Actor, server: ComfyServer) -> None:
        """Restart a ComfyUI that the app started, or that has ComfyUI-Manager. Raises ComfyError
        for others."""
        if (local := self.local.get(server.url)) is not None:
            local.restart()
        elif reboot(server):
            self.pool.expire_lists()
        else:
            raise ComfyError(_NOT_OURS)
        self.audit.note(actor, message("{person} restarted {server}.", **_names(actor, server)))


def _names(actor: Actor, server: ComfyServer) -> dict[str, str]:
    return {"person": actor.name, "server": server.label}


@dataclass(frozen=True, slots=True)
class RunActions:
    """Stop and move any user's run, and change any user's batch; each action is logged with the
    administrator."""

    runs: RunRegistry
    batches: BatchQueue
    identity: Identity
    audit: AuditLog

    def stop(self, actor: Actor, run_id: str) -> None:
        """Stop a run. Its owner reads who did it. Raises RunNotFound."""
        run = self._run(run_id)
        run.cancel(_STOPPED if run.owner != actor.owner else None)
        names = self._names(actor, run)
        self.audit.note(actor, message("{person} stopped a run of {name}: “{workflow}”.", **names))

    def move(self, actor: Actor, run_id: str, *, first: bool) -> None:
        """Move a waiting run before or behind all others. Raises RunNotFound."""
        run = self._run(run_id)
        self.runs.move_to_end(run_id, first=first)
        names = self._names(actor, run)
        sentence = (
            message("{person} moved a run of {name} to the front: “{workflow}”.", **names)
            if first
            else message("{person} moved a run of {name} to the back: “{workflow}”.", **names)
        )
        self.audit.note(actor, sentence)

    def change_batch(self, actor: Actor, batch_id: str, action: BatchAction) -> None:
        """Pause, continue or stop a batch. Raises BatchNotFound, and like `BatchQueue.change`."""
        found = [one for one in self.batches.unfinished() if one[1].id == batch_id]
        owner = found[0][0] if found else ""  # who has no batch
        self.batches.change(batch_id, owner, action)
        names = {"person": actor.name, "name": self.identity.name_of(owner) or GUEST}
        names["workflow"] = batch_title(found[0][1])
        notes = {
            "pause": message("{person} paused a batch of {name}: “{workflow}”.", **names),
            "continue": message("{person} resumed a batch of {name}: “{workflow}”.", **names),
            "stop": message("{person} stopped a batch of {name}: “{workflow}”.", **names),
        }
        self.audit.note(actor, notes[action])

    def _run(self, run_id: str) -> Run:
        live = (run for run in self.runs.known() if not run.state.phase.finished)
        run = next((run for run in live if run.id == run_id), None)
        if run is None:
            raise RunNotFound
        return run

    def _names(self, actor: Actor, run: Run) -> dict[str, str]:
        owner = self.identity.name_of(run.owner) or GUEST
        return {"person": actor.name, "name": owner, "workflow": workflow_title(run.job)}


@dataclass(frozen=True, slots=True)
class ServerLine:
    """ComfyUI server with its state. `process`: of a ComfyUI that the app starts."""

    server: ComfyServer
    report: ServerReport
    process: ComfyUIStatus | None = None


@dataclass(frozen=True, slots=True)
class RunLine:
    """Unfinished run: its owner, workflow, start (also in seconds since 1970: `submitted_at`),
    progress, and server ("" without one). `preview`: the number of its newest visible image, 0 for
    none. `waits`: its place in the queue can be changed. `batch`: the number of rows of the batch
    that it belongs to, 0 without one."""

    id: str
    owner: str
    workflow: str
    since: str
    progress: str
    server: str
    preview: int
    submitted_at: float
    waits: bool = False
    batch: int = 0


@dataclass(frozen=True, slots=True)
class BatchLine:
    """Unfinished batch: its owner, workflow, start (see `RunLine`), state, and why it waits or is
    paused. `rows`: their number; `waiting`: of those that aren't runs yet. `seconds_left`: an
    estimate."""

    id: str
    owner: str
    workflow: str
    since: str
    submitted_at: float
    state: BatchState
    why: str
    rows: int
    done: int
    failed: int
    waiting: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Snapshot of servers, and of unfinished runs and batches. `running`: how many of the runs
    run."""

    servers: tuple[ServerLine, ...]
    runs: tuple[RunLine, ...]
    running: int
    batches: tuple[BatchLine, ...] = ()

    @property
    def waiting(self) -> int:
        """Return the number of waiting runs, including the rows of running batches."""
        rows = sum(one.waiting for one in self.batches if one.state == "running")
        return len(self.runs) - self.running + rows


@dataclass(frozen=True, slots=True)
class Monitor:
    """Reader of servers and runs for administrators.

    `name_of`: returns the name of an owner, "" without sign-in. `images`: whether administrators
    see previews.
    """

    servers: ServerPool
    reports: Callable[[], ServerReports]
    runs: RunRegistry
    batches: BatchQueue
    name_of: Callable[[str], str]
    images: bool
    parts: OptionalParts

    def overview(self) -> Overview:
        now = time.time()
        live = [run for run in self.runs.known() if not run.state.phase.finished]
        live.sort(key=lambda run: run.turn)
        batches = self.batches.unfinished()
        rows_of = {run: len(rows) for _, _, rows in batches for run in rows.live.values()}
        return Overview(
            tuple(ServerLine(one, report, self._process_of(one)) for one, report in self.reports()),
            tuple(self._line(run, now, rows_of.get(run.id, 0)) for run in live),
            sum(run.state.phase is Phase.RUNNING for run in live),
            tuple(self._batch(*one, now) for one in batches),
        )

    def _batch(self, owner: str, batch: BatchSummary, rows: RowStates, now: float) -> BatchLine:
        seconds = self.runs.expected_seconds(batch.workflow, None)
        left, servers = rows.count("waiting"), max(1, self.servers.available)
        return BatchLine(
            batch.id,
            self.name_of(owner) or GUEST,
            batch_title(batch),
            _since(batch.created_at, now),
            batch.created_at,
            batch.state,
            batch.why,
            batch.rows,
            batch.done,
            batch.failed,
            left - len(rows.live),
            seconds * left / min(left, servers) if seconds and left else None,
        )

    def _process_of(self, server: ComfyServer) -> ComfyUIStatus | None:
        local = self.parts.local.get(server.url)
        return None if local is None else local.status

    def _line(self, run: Run, now: float, batch: int) -> RunLine:
        state, server = run.state, self.servers.at(run.record.server)
        return RunLine(
            run.id,
            self.name_of(run.owner) or GUEST,
            workflow_title(run.job),
            _since(run.submitted_at, now),
            _progress(state),
            server.label if server else run.record.server,
            state.preview_number if self.images and state.preview else 0,
            run.submitted_at,
            waits=run.waits_here,
            batch=batch,
        )

    def preview_of(self, run_id: str) -> Preview | None:
        """Return the newest preview of any user's run, if administrators may see it."""
        if not self.images:
            return None
        return next((run.state.preview for run in self.runs.known() if run.id == run_id), None)


def workflow_title(job: Job) -> str:
    """Return the title of a run's workflow, for administrators."""
    return OWN_WORKFLOW if job.workflow.startswith(MARK) else job.title or job.workflow


def batch_title(batch: BatchSummary) -> str:
    """Return the title of a batch's workflow, for administrators."""
    return OWN_WORKFLOW if batch.workflow.startswith(MARK) else batch.title or batch.workflow


def _since(moment: float, now: float) -> str:
    return message("{time} ago", time=elapsed_words(now - moment))


def _progress(state: RunState) -> str:
    """Return a run's progress without users' node titles."""
    if state.away:
        return AWAY
    if state.phase is Phase.WAITING:
        match state.queue_place:
            case None:
                return _WAITING
            case 0:
                return message("Waiting, next in the queue")
            case before:
                return plural(
                    "Waiting, {count} run ahead", "Waiting, {count} runs ahead", count=before
                )
    if state.steps > 1:
        return message("Running, step {step} of {steps}", step=state.step, steps=state.steps)
    return _RUNNING
