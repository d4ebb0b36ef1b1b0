"""Many runs of several users under random faults, with each outcome compared with the truth."""

from __future__ import annotations

import hashlib
import queue
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import requests

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.record import Job
from comfy.records.store import RunStore
from comfy.runs.interface import Origin, Run, RunPolicy, Timeouts
from comfy.runs.limits import RunLimits
from comfy.runs.registry import LocalRunRegistry
from comfyui_standin import DemoServer
from tests.nightly.faults.oracle import Happened, wrong_with
from tests.nightly.faults.plan import OWNERS, Planned
from tests.nightly.faults.table import FAULTS, Moment, Scene
from tests.support.link import FaultyLink
from tests.support.sampler import prompt
from tests.support.samples.histories import bytes_kept
from tests.support.stage import until
from tests.support.waiting import LONGEST_WAIT

AT_ONCE = 6
# These faults end by themselves. All others last as long as their plan says.
BRIEF = frozenset({"drop", "mute", "silence", "away", "queue cleared", "interrupted", "restarted"})


@dataclass(frozen=True, slots=True)
class Target:
    """Server under test: the stand-in, or a real one with a way to restart it. `limit`: seconds
    that a run may take from its submission. `tail`: seconds that a fault may have effects after its
    end."""

    url: str
    checkpoint: str
    broken: str
    restart: Callable[[], None]
    timing: Timeouts
    limit: float
    tail: float
    demo: DemoServer | None = None


@dataclass
class Tried:
    """Run that the soak has submitted."""

    plan: Planned
    run: Run
    began: float
    ended: float = 0.0
    faulted: bool = False
    cancelled: bool = False


@dataclass
class Report:
    phases: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    again: int = 0
    unseen: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def soak(target: Target, plans: tuple[Planned, ...]) -> Report:
    """Carry out the plans and report the problems, including leftovers at the end."""
    report = Report()
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        with (
            closing(
                RunStore(f"sqlite:///{folder / 'history.db'}", BlobStore(folder / "files"))
            ) as history,
            FaultyLink(target.url) as link,
            Client(link.url) as client,
        ):
            limits = RunLimits(person=10**6, all=10**6, hourly=10**6)
            with closing(
                LocalRunRegistry(
                    ServerPool(client),
                    history,
                    timing=target.timing,
                    limits=limits,
                    ahead=2,
                )
            ) as runs:
                tried = _Soak(target, link, runs, report).all(plans)
            _judge(target, history, tried, report)
            taken_out = sum(one.run.record.was_taken_out for one, _ in tried)
            _look_for_leftovers(target, history, len(plans) - taken_out, report)
    finally:
        shutil.rmtree(folder)
    report.seconds = time.monotonic() - began
    return report


class _Soak:
    """Soak that submits a few runs at a time and causes their faults one after the other, when each
    run reaches its moment."""

    def __init__(
        self, target: Target, link: FaultyLink, runs: LocalRunRegistry, report: Report
    ) -> None:
        self._target = target
        self._link = link
        self._runs = runs
        self._report = report
        self._news = threading.Condition()
        self._due: queue.SimpleQueue[Tried | None] = queue.SimpleQueue()
        self._intervals: list[tuple[str, float, float]] = []

    def all(self, plans: tuple[Planned, ...]) -> list[tuple[Tried, frozenset[str]]]:
        """Submit every run. Return each one with the faults that were active during the run."""
        tormentor = threading.Thread(target=self._torment, name="tormentor")
        tormentor.start()
        tried: list[Tried] = []
        try:
            for plan in plans:
                self._wait_for(lambda: sum(not one.ended for one in tried) < AT_ONCE, tried)
                tried.append(self._submit(plan))
            self._wait_for(lambda: all(one.ended for one in tried), tried)
        finally:
            self._due.put(None)
            tormentor.join()
        return [(one, frozenset(self._faults_of(one))) for one in tried]

    def _submit(self, plan: Planned) -> Tried:
        values = prompt(plan.seed, 0 if plan.kind == "invalid" else plan.steps)
        values["1"]["inputs"]["ckpt_name"] = (
            self._target.broken if plan.kind == "fails" else self._target.checkpoint
        )
        values["6"]["inputs"]["filename_prefix"] = f"soak-{plan.seed}"
        began = time.monotonic()
        run = self._runs.submit(
            Job(values, "soak"),
            Origin(plan.owner),
            RunPolicy(deadline=plan.patience, watched=False),
        )
        one = Tried(plan, run, began)
        run.subscribe(partial(self._look, one))
        self._look(one)
        return one

    def _look(self, one: Tried) -> None:
        """Handle a change of a run's state. The run's own threads call this."""
        state = one.run.state
        if state.phase.finished and not one.ended:
            with self._news:
                one.ended = time.monotonic()
                self._news.notify_all()
        if (
            one.plan.fault is not None
            and not one.faulted
            and _reached(one.plan.moment, one.run, state)
        ):
            one.faulted = True
            self._due.put(one)
        if (
            one.plan.cancelled is not None
            and not one.cancelled
            and _reached(one.plan.cancelled, one.run, state)
        ):
            one.cancelled = True
            one.run.cancel()

    def _wait_for(self, true: Callable[[], bool], tried: list[Tried]) -> None:
        """Wait until a condition is true. Raise TimeoutError if a run has hung for too long."""
        with self._news:
            while not true():
                going = [one.began for one in tried if not one.ended]
                if going and time.monotonic() > min(going) + self._target.limit:
                    raise TimeoutError(f"a run has not ended within {self._target.limit:g} s")
                self._news.wait(0.5)

    # --- the faults

    def _torment(self) -> None:
        while (one := self._due.get()) is not None:
            if one.run.state.phase.finished:
                self._report.missed += 1
                continue
            began = time.monotonic()
            name = one.plan.fault or ""
            try:
                self._cause(name, one)
            except Exception as problem:  # noqa: BLE001 - the report says what
                self._report.problems.append(f"{name!r} could not be caused: {problem!r}")
            self._report.faults[name] += 1
            self._intervals.append((name, began, time.monotonic() + self._target.tail))

    def _cause(self, name: str, one: Tried) -> None:
        target = self._target
        with ExitStack() as undone:
            undone.callback(self._link.heal)
            if target.demo is not None:
                undone.callback(target.demo.behave)
            scene = Scene(
                self._link,
                one.plan.moment,
                one.run,
                target.url,
                target.restart,
                target.demo,
                undone,
            )
            cause = FAULTS[name](scene)
            next(cause)
            next(cause, None)
            if name not in BRIEF:
                threading.Event().wait(one.plan.lasts)

    def _faults_of(self, one: Tried) -> Iterator[str]:
        for name, begun, ended in self._intervals:
            if begun <= one.ended and one.began <= ended:
                yield name


def _reached(moment: Moment, run: Run, state: RunState) -> bool:
    match moment:
        case Moment.BEFORE:
            return True
        case Moment.WAITING:
            return run.record.sent and state.queue_place is not None
        case Moment.FIRST:
            return state.step > 0
        case Moment.MIDDLE:
            return 0 < state.steps <= 2 * state.step
        case Moment.END:
            return state.verdict is not None
        case Moment.FETCHING:
            return state.over


# Afterwards


def _judge(
    target: Target, history: RunStore, tried: list[tuple[Tried, frozenset[str]]], report: Report
) -> None:
    """Compare each run's end with the events that led to it."""
    seeds = Counter(one.plan.seed for one, _ in tried)
    for one, faults in tried:
        state = one.run.state
        report.phases[state.phase.value] += 1
        journal = None if target.demo is None else target.demo.journal.of(one.run.id)
        report.again += (journal or ()).count("taken") > 1
        report.unseen += (journal or ()).count("started") > 1
        happened = Happened(one.plan, state, one.ended - one.began, faults, journal, one.cancelled)
        problems = [
            *wrong_with(happened, target.limit),
            *_wrong_files(target, history, one, seeds[one.plan.seed] == 1),
        ]
        report.problems += [
            f"run {one.plan.number}: {problem} ({one.plan}, {state.phase}: {state.error},"
            f" {journal}, met {set(faults)})"
            for problem in problems
        ]


def _wrong_files(target: Target, history: RunStore, one: Tried, alone: bool) -> Iterator[str]:
    """Yield the problems of a run's files. A kept file must equal the server's, and a unique prompt
    may save only one file."""
    state = one.run.state
    for file in state.files if state.phase is Phase.DONE else ():
        kept = history.files.path(file.digest) if file.digest else None
        made = _made(target, file.filename)
        if kept is not None and made is not None and made != file.digest:
            yield f"{file.filename} is kept as something else"
        if file.digest and kept is None:
            yield f"{file.filename} is not kept"
    if alone and _made(target, f"soak-{one.plan.seed}_00002_.png") is not None:
        yield "it was made twice"


def _made(target: Target, filename: str) -> str | None:
    """Return the digest of a file at the server, or None if the file isn't there."""
    answer = requests.get(
        f"{target.url}/view", {"filename": filename, "type": "output"}, timeout=LONGEST_WAIT
    )
    return hashlib.sha256(answer.content).hexdigest() if answer.ok else None


def _look_for_leftovers(target: Target, history: RunStore, runs: int, report: Report) -> None:
    """Check that all runs are on record, that all files go with the records, and that the server
    has no connections and no work."""
    try:
        until(lambda: _idle(target), "an idle server")
    except AssertionError as problem:
        report.problems.append(str(problem))
    if unfinished := history.unfinished():
        report.problems.append(f"{len(unfinished)} runs are on record as unfinished")
    forgotten = 0
    for owner in OWNERS:
        while records := history.of(owner, limit=200):
            forgotten += sum(history.delete(record.id, owner) for record in records)
    if forgotten != runs:
        report.problems.append(f"{forgotten} of {runs} runs are on record")
    if left := bytes_kept(history.files):
        report.problems.append(f"{left} bytes of files are left")


def _idle(target: Target) -> bool:
    if target.demo is not None and (target.demo.sockets.open or target.demo.tasks):
        return False
    waiting = requests.get(f"{target.url}/queue", timeout=LONGEST_WAIT).json()
    return not waiting["queue_running"] and not waiting["queue_pending"]
