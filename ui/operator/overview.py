"""The administrator's overview: servers, all users' runs, and missing parts of workflows. It
contains no user texts, and images only if the settings allow them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from comfy.base.errors import (
    ComfyError,
    ManyProblems,
    ServerError,
    ServerUnreachable,
    TooManyThreads,
    WorkflowError,
)
from comfy.base.messages import message, plural
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.reports import ServerReport
from comfy.comfyui.servers.server import ComfyServer
from comfy.library.private import MARK
from comfy.runs.interface import Run, RunRegistry
from ui.documents.headlines import AWAY, elapsed_words
from ui.library import WorkflowLibrary
from ui.page.form.missing_card import missing_lines
from ui.web.identity import NOBODY

_WAITING = message("Waiting")
_RUNNING = message("Running")
_OWN_WORKFLOW = message("The user's own workflow")
_NOT_SIGNED_IN = message("Guest")


@dataclass(frozen=True, slots=True)
class ServerLine:
    """ComfyUI server with its state."""

    server: ComfyServer
    report: ServerReport


@dataclass(frozen=True, slots=True)
class RunLine:
    """Unfinished run: its owner, workflow, start, progress, and server ("" without one). `preview`:
    the number of its newest visible image, 0 for none."""

    id: str
    owner: str
    workflow: str
    since: str
    progress: str
    server: str
    preview: int


@dataclass(frozen=True, slots=True)
class LackingWorkflow:
    """Workflow with the parts that no server has and their replacements, or the reason why it can't
    be read."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Snapshot of servers, runs and missing parts. `lacking`: None until a server has answered."""

    servers: tuple[ServerLine, ...]
    runs: tuple[RunLine, ...]
    lacking: tuple[LackingWorkflow, ...] | None


@dataclass(frozen=True, slots=True)
class Monitor:
    """Reader of servers, runs and workflows for the administrator page.

    `name_of`: returns the name of an owner, "" without sign-in. `images`: whether administrators
    see previews.
    """

    servers: ServerPool
    reports: Callable[[], tuple[ServerReport, ...]]
    runs: RunRegistry
    library: WorkflowLibrary
    name_of: Callable[[str], str]
    images: bool

    def overview(self) -> Overview:
        """Query the servers and return the overview. The first call may take seconds, because it
        builds the forms of all workflows."""
        now = time.time()
        pairs = zip(self.servers.servers, self.reports(), strict=True)
        live = [run for run in self.runs.known() if not run.state.phase.finished]
        live.sort(key=lambda run: run.turn)
        lacking: tuple[LackingWorkflow, ...] | None
        try:
            lacking = tuple(_lacking(self.library))
        except (ServerUnreachable, ServerError, TooManyThreads):
            lacking = None
        return Overview(
            tuple(ServerLine(server, report) for server, report in pairs),
            tuple(_line(run, self.name_of(run.owner), now, images=self.images) for run in live),
            lacking,
        )

    def preview_of(self, run_id: str) -> Preview | None:
        """Return the newest preview of any user's run, if administrators may see it."""
        if not self.images:
            return None
        return next((run.state.preview for run in self.runs.known() if run.id == run_id), None)


def _line(run: Run, name: str, now: float, *, images: bool) -> RunLine:
    job, state = run.job, run.state
    return RunLine(
        run.id,
        name or _NOT_SIGNED_IN,
        _OWN_WORKFLOW if job.workflow.startswith(MARK) else job.title or job.workflow,
        message("{time} ago", time=elapsed_words(now - run.submitted_at)),
        _progress(state),
        run.record.server,
        state.preview_number if images and state.preview else 0,
    )


def _progress(state: RunState) -> str:
    """Return a run's progress without users' node titles."""
    if state.away:
        return AWAY
    if state.phase is Phase.WAITING:
        match state.queue_place:
            case None:
                return _WAITING
            case 0 | 1:
                return message("Waiting, next in the queue")
            case before:
                return plural(
                    "Waiting, {count} run ahead", "Waiting, {count} runs ahead", count=before
                )
    if state.steps > 1:
        return message("Running, step {step} of {steps}", step=state.step, steps=state.steps)
    return _RUNNING


def _lacking(library: WorkflowLibrary) -> Iterator[LackingWorkflow]:
    for entry in library.folder.entries():
        try:
            _, form = library.forms.form(entry.name, NOBODY)
            used_instead = dict.fromkeys(note.said for note in form.notes)
            lines = (*missing_lines(form.missing), *used_instead)
        except (WorkflowError, ManyProblems) as problem:
            lines = (str(problem),)
        if lines:
            yield LackingWorkflow(entry.title, lines)


def free(server: ComfyServer) -> str:
    """Make a server free its memory. Return the reason if it failed, otherwise an empty text."""
    try:
        server.free()
    except ComfyError as problem:
        return str(problem)
    return ""
