"""Registry of runs in this process: one thread per run, records in its own database.

Three locks are taken in this order, and never while waiting for a run. `_entrance` admits one run
at a time, from the check of the limits to the start of its thread. `_recording` retries writes of
ends that failed, one writer at a time. `_lock` guards every field that changes, for moments only.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

from comfy.base.errors import ComfyError, RunGoesOn, RunNotFound, ShuttingDown
from comfy.base.messages import message
from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.run_progress import SamplingWork
from comfy.comfyui.protocol.run_state import Phase, RunError, lost, waiting
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.database import nothing_at_start
from comfy.records.record import Job, Record
from comfy.runs.attempt import ApiKey, RunContext, no_key
from comfy.runs.durations import Durations, RunTotals, earlier_runs
from comfy.runs.interface import DEFAULT_POLICY, FrameFollower, OnGap, Origin, RunPolicy, Timeouts
from comfy.runs.latest_state import stamped, told_if_other
from comfy.runs.limits import RunLimits, RunStarts
from comfy.runs.line.fair_queue import FairQueue
from comfy.runs.line.forecast import Forecast
from comfy.runs.reconnect import sent_elsewhere
from comfy.runs.run import OUR_FAULT, LocalRun, not_joined

if TYPE_CHECKING:
    from comfy.records.store import RunStore

log = logging.getLogger(__name__)

_SWEEP_PAUSE = 600.0  # seconds
_PHASE_AND_PLACE = attrgetter("phase", "queue_place")
_LEAVING = 10.0  # seconds that a run's thread may take after the run has finished
_SHUTDOWN = RunError(
    message("The run was stopped because ComfyForms shut down."), message("Try again.")
)


class LocalRunRegistry:
    """All runs of this process, in bounded memory: finished runs beyond `keep` are forgotten."""

    is_keeper = True
    processes = None

    def __init__(  # noqa: PLR0913 - the servers, and options by name
        self,
        servers: ServerPool,
        history: RunStore,
        *,
        grace: float = 30.0,
        keep_running: bool = False,
        keep: int = 200,
        timing: Timeouts | None = None,
        ahead: int = 1,
        limits: RunLimits | None = None,
        retries: bool = True,
        api_key: ApiKey = no_key,
    ) -> None:
        """`grace`: seconds that a run continues without watchers. `keep_running`: every run
        continues without them. `ahead`: how many prompts a server without its own limit gets at
        once; with two it never idles, but a new run waits for both. For the rest see
        `RunContext`."""
        self.history = history
        self.files = history.files
        self.keep_running = keep_running
        self._grace = grace
        self._keep = keep
        self._limits = limits or RunLimits()
        self._starts = RunStarts(history, self._limits)
        self._durations = Durations(earlier := earlier_runs(history))
        servers.note_ended((one.server, one.state.prompt_id) for one in earlier)
        self._line = line = FairQueue(servers.servers, ahead, servers.limits)
        timing = timing or Timeouts()
        parts = servers, timing, line, history.files, history, retries, api_key
        self._context = RunContext(*parts, servers_of=self._limits.servers_of)
        self.closed = False  # the app is shutting down
        servers.on_change(self._use_servers)
        self._entrance = threading.Lock()
        self._recording = threading.Lock()
        self._lock = threading.Lock()
        self._runs: dict[str, LocalRun] = {}
        self._live: set[LocalRun] = set()
        self._finished: deque[str] = deque()
        self._forecast = Forecast(self._durations)
        self._listeners = Callbacks[[str]]()
        self._listeners.add(self._forecast.renew)
        self._unrecorded: list[LocalRun] = []
        self._swept = float("-inf")
        self.group_work = None

    def submit(self, job: Job, origin: Origin, policy: RunPolicy = DEFAULT_POLICY) -> LocalRun:
        is_kept = bool(job.inputs) or job.paid or not origin.is_task  # else its caller restarts it
        # A new id each time: the server may remember another app's prompt under the run's id.
        prompt_id = str(uuid.uuid4())
        run_id = origin.run_id or prompt_id
        state = waiting(prompt_id, job.prompt, job.outputs, job.titles)
        record = Record(
            run_id,
            origin.owner,
            job,
            time.time(),
            state,
            keeps_going=policy.keeps_going or self.keep_running,
            group=origin.group,
            parents=origin.parents,
            address=origin.address,
        )
        self._check_free(run_id, _LEAVING)
        with self._entrance:
            self._check_unfinished(origin)
            self._check_free(run_id)
            check, kept = self._limits.check_hourly, record if is_kept else None
            with self._starts.counting(origin.start, check, kept, origin.at_start):
                return self._start(record, policy)

    def check_room(self, origin: Origin) -> None:
        with self._entrance:
            self._check_unfinished(origin)
            self._limits.check_hourly(self._starts.recent(origin.start))

    def count_call(self, origin: Origin) -> None:
        for start in origin.calls:
            with (
                self._entrance,
                self._starts.counting(start, self._limits.check_hourly, None, nothing_at_start),
            ):
                pass

    def resume(self) -> None:
        """Resume unfinished runs: look for sent ones on the server, and queue the others again. A
        run on a server that isn't configured anymore is lost. The grace time runs until a page
        finds its run."""
        servers = self._context.servers
        for record in self._left_over():
            fresh = record.as_waiting
            if record.sent and servers.at(record.server) is None:
                self._lose(fresh, sent_elsewhere(record.server if servers.shown else ""))
                continue
            with self._entrance:
                try:
                    self._start(fresh, DEFAULT_POLICY)
                except ComfyError as problem:
                    self._lose(fresh, RunError(str(problem), problem.hint))
                except Exception:  # a bad record must not block the other runs
                    log.exception("Run %s can't be resumed", record.id)
                    self._lose(fresh, OUR_FAULT)
        self._sweep()

    def _lose(self, record: Record, why: RunError) -> None:
        """Record the end of a run that can't be resumed. If that fails, the next start tries
        again."""
        try:
            self.history.end(replace(record, state=stamped(lost(record.state, why))))
        except ComfyError as problem:
            extra = {"run": record.id}
            log.warning("Run %s could not be recorded yet: %s", record.id, problem, extra=extra)

    def _left_over(self) -> tuple[Record, ...]:
        try:
            return self.history.unfinished()
        except ComfyError as problem:
            log.warning("Unfinished runs can't be resumed: %s %s", problem, problem.hint)
            return ()

    def _start(self, record: Record, policy: RunPolicy) -> LocalRun:
        run = LocalRun(
            record,
            policy,
            self._context,
            grace=self._grace,
            usual=partial(self._durations.of, record.job.workflow),
            ended=self._on_ended,
        )
        tell = partial(self._listeners.call, run.owner)
        # State changes that lists show.
        run.subscribe(told_if_other(lambda: _PHASE_AND_PLACE(run.state), tell))
        with self._lock:
            self._runs[run.id] = run
            self._live.add(run)
        try:
            run.start()
        except ComfyError:
            with self._lock:
                del self._runs[run.id]
                self._live.discard(run)
            run.end_unstarted()
            raise
        tell()
        return run

    def get(self, run_id: str, owner: str) -> LocalRun:
        """Return a run of this owner. Raises RunNotFound if it is unknown or another owner's."""
        with self._lock:
            run = self._runs.get(run_id)
        if run is None or run.owner != owner:
            raise RunNotFound
        return run

    def record(self, run_id: str, owner: str) -> Record:
        try:
            return self.get(run_id, owner).record
        except RunNotFound:
            record = self.history.get(run_id, owner)
            if record is None:
                raise
            return record

    def forget(self, run_id: str, owner: str) -> None:
        """Delete a finished run of this owner and its files, here and in the history. Raises
        RunNotFound like `get`, but unreadable records are deleted. Raises ComfyError if the run is
        active."""
        with self._lock:
            run = self._runs.get(run_id)
        try:
            finished = self.record(run_id, owner).state.phase.finished
        except RunNotFound:
            if not self.history.delete(run_id, owner):
                raise
            return
        if not finished:
            raise RunGoesOn(message("This run isn't finished yet."), message("Stop it first."))
        self._record_again()  # a run without a recorded end would resume at the next start
        deleted = self.history.delete(run_id, owner)
        if not deleted and self.history.get(run_id, owner) is not None:
            raise ComfyError(
                message("The history can't be saved at the moment."), message("Try again later.")
            )
        with self._lock:
            if self._runs.get(run_id) is run:  # otherwise it was started again meanwhile
                self._runs.pop(run_id, None)

    def move_results(self, owner: str, workflow: str, other: str) -> None:
        self.history.move(owner, workflow, other)
        with self._lock:  # the history's records have the new name
            for run in tuple(self._runs.values()):
                is_moved = run.owner == owner and run.job.workflow == workflow and run.recorded
                if is_moved and run.state.phase.finished:
                    del self._runs[run.id]

    def move(self, run_id: str, owner: str, place: int) -> None:
        self._line.move(self.get(run_id, owner).id, place)
        self._listeners.call(owner)

    def move_to_end(self, run_id: str, *, first: bool) -> None:
        owner = next((run.owner for run in self.known() if run.id == run_id), None)
        if owner is None:
            raise RunNotFound
        self._line.move_to_end(run_id, first=first)
        self._listeners.call(owner)

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return self._listeners.add(callback)

    def follow(self, callback: FrameFollower, gap: OnGap = None) -> Callable[[], None]:
        return self._context.frames.add(callback)

    def known(self) -> tuple[LocalRun, ...]:
        with self._lock:
            return tuple(self._runs.values())

    def owned(self, owner: str) -> tuple[LocalRun, ...]:
        return tuple(run for run in self.known() if run.owner == owner)

    def line_of(self, owner: str) -> tuple[LocalRun, ...]:
        unfinished = [(run.turn, run) for run in self.owned(owner) if not run.state.phase.finished]
        return tuple(run for _, run in sorted(unfinished, key=itemgetter(0)))

    @property
    def waiting(self) -> int:
        return sum(run.state.phase is Phase.WAITING for run in self._unfinished())

    def width_for(self, needs: Needs) -> int:
        return self._context.servers.width_for(needs)

    @property
    def room(self) -> int:
        return self._line.room

    @property
    def totals(self) -> RunTotals:
        return self._durations.totals

    def due_in(self) -> Mapping[str, float]:
        return self._forecast.of(self._unfinished)

    def expected_seconds(self, workflow: str, work: SamplingWork | None) -> float | None:
        return self._durations.expected(workflow, work)

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """Accept no more runs, let active ones continue for at most `finish` seconds, then cancel
        them and wait for their threads. Waiting runs that are on record stay unfinished, so that
        `resume` queues them again."""
        with self._entrance, self._lock:  # every run here has been started
            self.closed = True
            live = list(self._live)
        self._line.use((), {})  # users can still cancel waiting runs
        self._listeners.call("")
        end = time.monotonic() + finish
        for run in live:
            if not run.waits_here:
                run.join(max(0.0, end - time.monotonic()))
        for run in live:
            self._leave(run)
        late = not_joined(live, timeout)
        for run in late:
            run.give_up()
        for run in not_joined(late, timeout):
            log.warning("Run %s did not end in time", run.id, extra={"run": run.id})
        self._record_again()

    def _use_servers(self) -> None:
        servers = self._context.servers
        if not self.closed:
            self._line.use(servers.servers, servers.limits)

    def _leave(self, run: LocalRun) -> None:
        """End a run in this process. Unless it was canceled, a waiting one continues after the
        restart, so it doesn't end for its watchers, except for a batch or chain, which starts it
        again."""
        if run.state.phase is Phase.WAITING and not run.is_stopping:
            try:
                group = run.record.group
                if not group or self.history.groups.get(group, run.owner) is None:
                    run.disown()
                    return
            except ComfyError as problem:
                log.warning("The batch or chain of run %s can't be read: %s", run.id, problem)
        run.leave(_SHUTDOWN)

    def _check_free(self, run_id: str, patience: float = 0.0) -> None:
        """Raise RunGoesOn if a run with this id is active, or if its thread hasn't ended after a
        timeout: that thread would also remove the next run from the queue."""
        with self._lock:
            live = next((run for run in self._live if run.id == run_id), None)
        if live and not (live.state.phase.finished and live.join(patience)):
            raise RunGoesOn(
                message("This run isn't finished yet."), message("Wait for it to finish.")
            )

    def _check_open(self) -> None:
        if self.closed:
            raise ShuttingDown

    def _check_unfinished(self, origin: Origin) -> None:
        with self._lock:
            self._check_open()
        unfinished = [(run.owner, run.address) for run in self._unfinished()]
        self._limits.check_unfinished(origin.owner, origin.address, unfinished)

    def _unfinished(self) -> list[LocalRun]:
        with self._lock:
            return [run for run in self._live if not run.state.phase.finished]

    def _on_ended(self, run: LocalRun) -> None:
        try:
            self._note_ended(run)
        finally:  # last, so that `close` waits for it
            with self._lock:
                self._live.discard(run)

    def _note_ended(self, run: LocalRun) -> None:
        state = run.state
        with self._lock:
            if not run.recorded:
                self._unrecorded.append(run)
            self._finished.append(run.id)
            while len(self._finished) > self._keep:
                oldest = self._runs.get(self._finished.popleft())
                if oldest and oldest.state.phase.finished:
                    del self._runs[oldest.id]  # otherwise it was deleted and started again
        if not run.is_disowned:
            self._durations.note_end(run.job, state, run.age)
        self._listeners.call(run.owner)
        if self._is_time_to_sweep():
            self._sweep()

    def _record_again(self) -> None:
        """Retry recording the ends of runs that couldn't be written: the disk may have room now."""
        with self._recording:  # so that `close` finds what another thread just failed to write
            for _ in [*self._unrecorded]:  # the others stay if one fails in an unexpected way
                with self._lock:
                    run = self._unrecorded.pop(0)
                try:
                    self.history.end(run.record)
                except ComfyError:
                    with self._lock:
                        self._unrecorded.append(run)

    def _is_time_to_sweep(self) -> bool:
        with self._lock:
            now, before = time.monotonic(), self._swept
            self._swept = now if now - before > _SWEEP_PAUSE else before
            return self._swept > before

    def _sweep(self) -> None:
        self._record_again()
        try:
            self.history.sweep()
        except ComfyError as problem:
            log.warning("Can't remove old results: %s %s", problem, problem.hint)
        except OSError as problem:  # from the folder of files
            log.warning("Can't remove old results: %s", problem)
