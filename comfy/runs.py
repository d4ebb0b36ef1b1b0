"""The registry of runs: submit, find again, end them all."""

from __future__ import annotations

import logging
import statistics
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from comfy.client import Client
from comfy.errors import ComfyError, RunNotFound
from comfy.job import Job, Record
from comfy.line import Line
from comfy.run import Run
from comfy.run_state import Phase, RunError, stopped, waiting
from comfy.surroundings import Surroundings
from comfy.timing import Timing

if TYPE_CHECKING:
    from comfy.history import History

__all__ = ["Run", "RunLimits", "Runs"]

log = logging.getLogger(__name__)

_REMEMBERED_WORKFLOWS = 200
_REMEMBERED_DURATIONS = 5
_REMEMBERED_LAST = 20
_HOUR = 3600.0  # seconds
_SWEEP_PAUSE = 600.0
_SHUTDOWN = RunError("The run was stopped because the program is shutting down.", "Run it again later.")


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much may be asked for: unfinished runs of one person, from one address and in all, and one person's new runs
    an hour. Half of all for an address: twenty people of an office have seven each, and others still find room. Where
    nobody logs in, a person counts anew at each address: all who have no cookie go by one name."""

    person: int = 30
    address: int = 150
    all: int = 300
    hourly: int = 1000


class Runs:
    """All runs of this program on one server, in bounded memory: finished ones beyond ``keep`` are forgotten."""

    def __init__(
        self,
        client: Client,
        *,
        grace: float = 30.0,
        keep: int = 200,
        timing: Timing | None = None,
        ahead: int = 1,
        limits: RunLimits | None = None,
        history: History | None = None,
    ) -> None:
        """``grace``: seconds that a run goes on when nobody watches it any more. ``ahead``: how many are handed to the
        server before those are at their end; the others wait here, and people take turns. Whoever comes waits for all
        that were handed over: more than one spares the server the moment in which the next is on its way. With a
        ``history`` every run and its files are kept there, and found again by `record`."""
        self.client = client
        self.history = history
        self._grace = grace
        self._keep = keep
        self._limits = limits or RunLimits()
        self._around = Surroundings(client, timing or Timing(), Line(ahead), history)
        self._lock = threading.Lock()
        self._entrance = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._live: set[Run] = set()
        self._finished: deque[str] = deque()
        self._durations: OrderedDict[str, deque[float]] = OrderedDict()
        self._last: deque[float] = deque(maxlen=_REMEMBERED_LAST)
        self._recent: deque[tuple[float, str, str]] = deque()
        self._listeners: tuple[Callable[[str], None], ...] = ()
        self._unrecorded: list[Run] = []
        self._recording = threading.Lock()
        self._swept = float("-inf")
        self._closed = False

    def submit(
        self,
        job: Job,
        *,
        owner: str,
        address: str = "",
        deadline: float | None = None,
        watched: bool = True,
        keeps_going: bool = False,
    ) -> Run:
        """Start a run and return it at once; whatever becomes of it is in its state.

        address: where an owner without a login is: anybody can be many owners, but not at many addresses.
        deadline: seconds after which an unfinished run is cancelled, whoever watches. watched: a page is expected to
        attach; the grace time runs until it does, unless the run ``keeps_going``.
        ComfyError when this person or everybody asks for too much, and after `close`.
        """
        run_id = str(uuid.uuid4())
        state = waiting(run_id, job.prompt, job.outputs)
        record = Record(run_id, owner, job, time.time(), state, keeps_going=keeps_going)
        with self._entrance:  # one at a time: who comes in counts for whoever is next
            self._check_limits(owner, address)
            if self.history is not None:
                self.history.begin(record)
            try:
                run = self._start(record, address=address, deadline=deadline, watched=watched)
            except ComfyError:
                if self.history is not None:
                    self.history.end(replace(record, state=stopped(state, _SHUTDOWN)))
                raise
            self._recent.append((time.monotonic(), owner, address))
            return run

    def check_room(self, owner: str, address: str = "") -> None:
        """ComfyError where `submit` would refuse this owner now, whatever it is that they want to run."""
        with self._entrance:
            self._check_limits(owner, address)

    def resume(self) -> None:
        """Take up what an earlier life of this program has left unfinished: what was sent to the server is looked for
        there, what was not stands in line again. The grace time runs until a page finds its run."""
        for record in self._left_over():
            fresh = waiting(record.state.prompt_id, record.job.prompt, record.job.outputs)
            self._start(replace(record, state=fresh), deadline=None, watched=True)
        self._sweep()

    def _left_over(self) -> tuple[Record, ...]:
        try:
            return self.history.unfinished() if self.history is not None else ()
        except ComfyError as problem:
            log.error("Runs that an earlier life began cannot be taken up again: %s %s", problem, problem.hint)
            return ()

    def _start(self, record: Record, *, deadline: float | None, watched: bool, address: str = "") -> Run:
        run = Run(
            record,
            self._around,
            grace=self._grace,
            deadline=deadline,
            watched=watched,
            expected=partial(self._expected, record.job.workflow),
            ended=self._on_ended,
            address=address,
        )
        run.subscribe(self._moves_of(run))
        with self._lock:
            self._check_open()
            self._runs[run.id] = run
            self._live.add(run)
            run.start()
        self._tell(run.owner)
        return run

    def get(self, run_id: str, owner: str) -> Run:
        """A run of this owner; RunNotFound if there is none, somebody else's included."""
        with self._lock:
            run = self._runs.get(run_id)
        if run is None or run.owner != owner:
            raise RunNotFound("This run is not known here.", "It may be too old: run the workflow again.")
        return run

    def record(self, run_id: str, owner: str) -> Record:
        """What is known of a run of this owner, also of an earlier life of the program; RunNotFound as with `get`."""
        try:
            return self.get(run_id, owner).record
        except RunNotFound:
            record = self.history.get(run_id, owner) if self.history is not None else None
            if record is None:
                raise
            return record

    def forget(self, run_id: str, owner: str) -> None:
        """Delete a finished run of this owner and its files, here and in the history; RunNotFound as with `get`, but
        one on record goes though nobody can read it. ComfyError if it goes on.
        """
        try:
            finished = self.record(run_id, owner).state.phase.finished
        except RunNotFound:
            if self.history is None or not self.history.delete(run_id, owner):
                raise
            return
        if not finished:
            raise ComfyError("This run is not finished.", "Stop it first.")
        if self.history is not None:
            self._record_again()  # what is not known to have ended would be taken up at the next start
            if not self.history.delete(run_id, owner) and self.history.get(run_id, owner) is not None:
                raise ComfyError("The history cannot be written at the moment.", "Delete this result later.")
        with self._lock:
            self._runs.pop(run_id, None)

    def move(self, run_id: str, owner: str, place: int) -> None:
        """Let a run of this owner be the ``place``-th (0 = next) of those that wait here; RunNotFound as with `get`."""
        self._around.line.move(self.get(run_id, owner).id, place)
        self._tell(owner)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback`` with an owner whenever one of their runs begins, ends or has another phase or place, and
        with "" when the program is about to end: it must not block. Returns the way out."""
        listener = lambda owner: callback(owner)  # noqa: E731 - one of its own, taken off by itself
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return unsubscribe

    def owned(self, owner: str) -> tuple[Run, ...]:
        """The runs of this owner that are still known, oldest first."""
        with self._lock:
            return tuple(run for run in self._runs.values() if run.owner == owner)

    def line_of(self, owner: str) -> tuple[Run, ...]:
        """The unfinished runs of this owner in the order of their turns: what runs, what is at the server, what waits
        here."""
        unfinished = [(run.turn, run) for run in self.owned(owner) if not run.state.phase.finished]
        return tuple(run for _, run in sorted(unfinished, key=itemgetter(0)))

    @property
    def waiting(self) -> int:
        """How many runs wait, of all people."""
        with self._lock:
            return sum(run.state.phase is Phase.WAITING for run in self._live)

    @property
    def typical_seconds(self) -> float | None:
        """How long a run of any workflow takes, going by the last ones; None while there was none."""
        with self._lock:
            return statistics.fmean(self._last) if self._last else None

    @property
    def closed(self) -> bool:
        """The program is about to end."""
        return self._closed

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """Take no more runs, let those at the server go on for ``finish`` seconds at most, then cancel all and wait
        for their threads."""
        with self._lock:
            self._closed = True
            live = list(self._live)
        self._tell("")
        for run in live:
            if self._around.line.place(run.id) is not None:
                run.leave(_SHUTDOWN)
        end = time.monotonic() + finish
        for run in live:
            run.join(max(0.0, end - time.monotonic()))
        for run in live:
            run.leave(_SHUTDOWN)
        late = _not_joined(live, timeout)
        for run in late:
            run.abandon()
        for run in _not_joined(late, timeout):
            log.warning("Run %s did not end in time", run.id)
        self._record_again()

    def _check_open(self) -> None:
        if self._closed:
            raise ComfyError("The program is shutting down.", "Start it again, then run this again.")

    def _check_limits(self, owner: str, address: str) -> None:
        now = time.monotonic()
        while self._recent and self._recent[0][0] < now - _HOUR:
            self._recent.popleft()
        with self._lock:
            self._check_open()
            live = [run for run in self._live if not run.state.phase.finished]
        if sum((run.owner, run.address) == (owner, address) for run in live) >= self._limits.person:
            raise ComfyError(
                f"You have {self._limits.person} runs waiting already.", "Wait for one of them, or remove one."
            )
        if address and sum(run.address == address for run in live) >= self._limits.address:
            raise ComfyError("Too many people at your address are waiting.", "Try again in a few minutes.")
        if len(live) >= self._limits.all:
            raise ComfyError("Too many people are waiting.", "Try again in a few minutes.")
        if sum(one[1:] == (owner, address) for one in self._recent) >= self._limits.hourly:
            raise ComfyError(f"That is more than {self._limits.hourly} runs in an hour.", "Try again later.")

    def _moves_of(self, run: Run) -> Callable[[], None]:
        """Tells of a run's phases and places, among all that its states tell."""
        seen = run.state.phase, run.state.queue_place

        def look() -> None:
            nonlocal seen
            now = run.state.phase, run.state.queue_place
            if now != seen:
                seen = now
                self._tell(run.owner)

        return look

    def _tell(self, owner: str) -> None:
        for listener in self._listeners:
            try:
                listener(owner)
            except Exception:
                log.exception("A listener failed")

    def _expected(self, workflow: str) -> float | None:
        with self._lock:
            durations = self._durations.get(workflow)
            return statistics.median(durations) if durations else None

    def _on_ended(self, run: Run) -> None:
        state = run.state
        with self._lock:
            self._live.discard(run)
            if not run.recorded:
                self._unrecorded.append(run)
            self._finished.append(run.id)
            while len(self._finished) > self._keep:
                self._runs.pop(self._finished.popleft(), None)
            if state.phase is Phase.DONE and state.started_at and state.finished_at:
                durations = self._durations.setdefault(run.job.workflow, deque(maxlen=_REMEMBERED_DURATIONS))
                # The clock may have been set meanwhile.
                durations.append(min(max(0.0, state.finished_at - state.started_at), run.age))
                self._last.append(durations[-1])
                self._durations.move_to_end(run.job.workflow)
                if len(self._durations) > _REMEMBERED_WORKFLOWS:
                    self._durations.popitem(last=False)
        self._tell(run.owner)
        if time.monotonic() - self._swept > _SWEEP_PAUSE:
            self._sweep()

    def _record_again(self) -> None:
        """Runs whose end could not be written when it came: perhaps the disk has room now."""
        history = self.history
        if history is None:
            return
        with self._recording:  # one at a time: close() finds what another thread has just failed to write
            with self._lock:
                unrecorded, self._unrecorded = self._unrecorded, []
            for run in unrecorded:
                try:
                    history.end(run.record)
                except ComfyError:
                    with self._lock:
                        self._unrecorded.append(run)

    def _sweep(self) -> None:
        self._swept = time.monotonic()
        self._record_again()
        if self.history is not None:
            try:
                self.history.sweep()
            except ComfyError as problem:
                log.warning("Old results could not be removed: %s %s", problem, problem.hint)


def _not_joined(runs: list[Run], timeout: float) -> list[Run]:
    """Those whose threads are not at their end after so many seconds for all of them."""
    end = time.monotonic() + timeout
    return [run for run in runs if not run.join(max(0.0, end - time.monotonic()))]
