"""Execution of runs in this process, as long as no other process takes them over.

Records as the execution of a run writes them, and repetition while the database is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, failed, lost
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.records.tables import transaction
from comfy.runs.attempt import Cancellation, RunContext, WaitingLine
from comfy.runs.durations import RunTimes
from comfy.runs.interface import RunPolicy
from comfy.runs.latest_state import stamped
from comfy.runs.run import OUR_FAULT, LocalRun
from comfyforms.plugins.cluster.line import LineThread
from comfyforms.plugins.cluster.messaging.states import StateSender
from comfyforms.plugins.cluster.mirror import Mirror
from comfyforms.plugins.cluster.rows import (
    Fence,
    LiveRow,
    NotOurs,
    claim,
    give_back,
    keep_begun,
    release_attempts,
    write_states,
)
from comfyforms.plugins.cluster.run import LAST, ClusterRun

log = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE = 0.5  # seconds until the database is tried again
_MOST_TAKEN = 3
_STARTING = 5.0  # seconds until a claimed run without an execution is handed over
_INTERRUPTED = RunError(message("This run was interrupted too often."), message("Try again."))


class FencedRecords:
    """The history as one execution uses it: nothing is written once another process has taken the
    run over, and the row of the queue ends with the run."""

    def __init__(
        self, history: RunStore, fence: Fence, not_ours: Callable[[], None], tries: Retries
    ) -> None:
        self._history, self._fence = history, fence
        self._not_ours, self._tries = not_ours, tries
        self.ending = False  # from here on, the run's row may be gone

    def sent(self, record: Record, prompt_id: str) -> None:
        """See `RunStore.sent`. Waits for a database that is away, because the run may be executed
        twice without this."""

        def write() -> None:
            if not self._history.sent_if(record, prompt_id, self._fence.condition):
                raise NotOurs

        self._tries.until_done(partial(self._guarded, write))

    def end(self, record: Record) -> None:
        self.ending = True
        self._guarded(partial(self._history.end, record, self._fence.end))

    def _guarded(self, write: Callable[[], None]) -> None:
        try:
            write()
        except NotOurs:
            self._not_ours()
            raise


class Retries:
    """Repetition of database work while the database is away, until the process ends."""

    def __init__(self) -> None:
        self._closing = threading.Event()

    def close(self) -> None:
        """Repeat nothing anymore."""
        self._closing.set()

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def until_done(self, work: Callable[[], T]) -> T:
        """Return the result of the work. Raises NotOurs, and at the end of the process the last
        ComfyError."""
        while True:
            try:
                return work()
            except NotOurs:
                raise
            except ComfyError as problem:
                log.warning("The database is away: %s", problem)
                if self._closing.wait(_PAUSE):
                    raise


class _Execution:
    """A run that this process executes."""

    def __init__(self, claimed: LiveRow, run: LocalRun, records: FencedRecords) -> None:
        self.fence = Fence(claimed.run, claimed.taken)
        self.run, self.records = run, records
        self.server_url: str | None = claimed.server
        self.ended = threading.Event()
        self.released = False
        self.number = 0
        self.publishing = threading.Lock()


class Executor:
    """All runs that this process executes. Also the queue as they use it."""

    def __init__(  # noqa: PLR0913 - the parts that it connects
        self,
        life: str,
        history: RunStore,
        context: Callable[[WaitingLine], RunContext],
        mirror: Mirror,
        sender: StateSender,
        line: LineThread,
        usual: Callable[[str], RunTimes | None],
    ) -> None:
        """`context` returns the context of all runs, with this queue. `usual` returns the usual
        times of a workflow."""
        self._database, self._history, self._mirror = history.engine, history, mirror
        self._sender, self._line, self._life, self._usual = sender, line, life, usual
        self._context = context(self)
        self.frames = self._context.frames
        self._tries = Retries()
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, int], LiveRow] = {}
        self._working = Counter[str]()  # threads that execute a run, by its id
        self._orphans: dict[tuple[str, int], float] = {}  # claimed attempts that no thread executes
        self._executions: dict[str, _Execution] = {}
        self._moved: dict[str, Callable[[], None]] = {}
        self._given_back: dict[str, float] = {}  # until when polled rows are outdated

    # Called by the engine

    def expect(self, claimed: LiveRow) -> None:
        """Note that this process has claimed an attempt, before the engine starts it."""
        with self._lock:
            self._claims[claimed.run, claimed.attempt] = claimed

    def execute(self, run_id: str, attempt: int) -> None:
        """Execute an attempt of a run in this thread; do nothing if the run has ended or was handed
        over since. Never raises: an error would end the run for the engine."""
        claimed = None
        with self._lock:
            self._working[run_id] += 1
        try:
            claimed = self._claimed(run_id, attempt)
            if claimed is not None:
                self._execute(claimed)
        except NotOurs:
            return
        except Exception as error:
            if not (self._tries.closing and isinstance(error, ComfyError)):
                log.exception("Run %s failed with an internal error", run_id)
                if claimed is not None:
                    self._fail(claimed)
        finally:
            with self._lock:
                self._working[run_id] -= 1
                self._working = +self._working
            self._mirror.look()

    def _claimed(self, run_id: str, attempt: int) -> LiveRow | None:
        with self._lock:
            claimed = self._claims.pop((run_id, attempt), None)
        return claimed or self._tries.until_done(partial(self._claim, run_id, attempt))

    def _claim(self, run_id: str, attempt: int) -> LiveRow | None:
        with transaction(self._database) as connection:
            return claim(connection, run_id, attempt, self._life)

    def _execute(self, claimed: LiveRow) -> None:
        record = self._tries.until_done(partial(self._record, claimed))
        shown = self._mirror.get(claimed.run)
        if record is None or shown is None:
            log.error("Run %s has no readable record", claimed.run)
            self._tries.until_done(partial(self._drop, claimed))
            return
        if claimed.taken - claimed.attempt >= _MOST_TAKEN:
            self._end(claimed, record, shown, lost(record.state, _INTERRUPTED))
            return
        execution = self._execution(claimed, record)
        run = execution.run
        run.subscribe(partial(self._publish, execution, shown))
        self._add(execution)
        try:
            run.execute()
            self._record_end(execution)
        finally:
            with self._lock:
                del self._executions[run.id]
            execution.ended.set()
            self._sender.forget(execution.fence)

    def _add(self, execution: _Execution) -> None:
        """Add an execution, after the end of one that this process has lost, for example while it
        was frozen. Raises NotOurs if there is a newer one."""
        while True:
            with self._lock:
                before = self._executions.setdefault(execution.fence.run, execution)
            if before is execution:
                return
            if before.fence.taken > execution.fence.taken:
                raise NotOurs
            before.run.disown()
            before.ended.wait()

    def _record(self, claimed: LiveRow) -> Record | None:
        """Return the run's record; from the database if another process may have changed it."""
        shown = self._mirror.get(claimed.run)
        if shown is None:
            self._mirror.poll()
            shown = self._mirror.get(claimed.run)
        if shown is not None and claimed.taken == claimed.attempt == 1:
            return shown.first_record
        record = self._history.get_many([claimed.run], None).get(claimed.run)
        return None if record is None else record.as_waiting

    def _execution_of(self, run_id: str) -> _Execution | None:
        with self._lock:
            return self._executions.get(run_id)

    def _execution(self, claimed: LiveRow, record: Record) -> _Execution:
        fence = Fence(claimed.run, claimed.taken)
        records = FencedRecords(
            self._history, fence, partial(self._disown, claimed.run, fence), self._tries
        )
        left = None if claimed.deadline is None else max(0.0, claimed.deadline - time.time())
        run = LocalRun(
            replace(record, server=claimed.server or record.server),
            RunPolicy(deadline=left, watched=False),
            replace(self._context, history=records),
            grace=0.0,
            usual=partial(self._usual, record.job.workflow),
            ended=lambda _: None,
        )
        return _Execution(claimed, run, records)

    def _record_end(self, execution: _Execution) -> None:
        """Record an end that couldn't be recorded at once."""
        run = execution.run
        if run.is_disowned or run.recorded:
            return
        self._tries.until_done(partial(execution.records.end, run.record))

    def _fail(self, claimed: LiveRow) -> None:
        """End a run after an internal error, which another attempt would only repeat."""
        try:
            record = self._tries.until_done(partial(self._record, claimed))
            shown = self._mirror.get(claimed.run)
            if record is not None and shown is not None:
                self._end(claimed, record, shown, failed(record.state, error=OUR_FAULT))
        except NotOurs:
            return
        except Exception:
            log.exception("The end of run %s can't be recorded", claimed.run)

    def _end(self, claimed: LiveRow, record: Record, shown: ClusterRun, state: RunState) -> None:
        """Record the end of a run that isn't executed anymore. Raises NotOurs."""
        state, fence = stamped(state), Fence(claimed.run, claimed.taken)
        end = partial(self._history.end, replace(record, state=state), fence.end)
        self._tries.until_done(end)
        shown.receive(LAST, state)
        self._mirror.note_state(shown)
        if record.sent and (server := self._context.servers.at(claimed.server or record.server)):
            cancellation = Cancellation(server.client, self._context.timing)
            if not cancellation.tell(state.prompt_id, accepted=True):
                cancellation.retry(state.prompt_id, accepted=True)

    def _drop(self, claimed: LiveRow) -> None:
        """End a run whose record can't be read. Raises NotOurs."""
        self._history.end_unreadable(claimed.run, Fence(claimed.run, claimed.taken).end)

    def _publish(self, execution: _Execution, shown: ClusterRun) -> None:
        if execution.run.is_disowned:
            return
        with execution.publishing:  # a later state gets a higher number
            execution.number = number = execution.number + 1
            state = execution.run.state
        if shown.receive((execution.fence.taken, number), state):
            self._sender.send(shown, execution.fence, number, state)
            self._mirror.note_state(shown)

    # Called by other parts

    def cancel(self, run_id: str, reason: RunError | None, *, if_waiting: bool = False) -> bool:
        """Stop a run if this process executes it; return whether it does. `if_waiting`: let it
        continue if it has begun."""
        execution = self._execution_of(run_id)
        if execution is None:
            return False
        if if_waiting and execution.run.state.phase is not Phase.WAITING:
            self._line.change(partial(keep_begun, run=run_id))
        else:
            execution.run.cancel(reason)
        return True

    def check(self, rows: Mapping[str, LiveRow], asked_at: float) -> None:
        """Compare the executed runs with the queue's rows, read at `asked_at`: disown those that
        another process executes, note their servers, and hand over claimed runs that nothing here
        executes."""
        self._hand_over_orphans(rows, asked_at)
        with self._lock:
            executions = tuple(self._executions.values())
        for execution in executions:
            run_id, row = execution.fence.run, rows.get(execution.fence.run)
            if row is None or row.taken < execution.fence.taken:  # read before it was claimed
                continue
            if row.taken > execution.fence.taken:
                self._disown(run_id, execution.fence)
            elif asked_at > self._given_back.get(run_id, 0.0):
                execution.server_url = row.server
                if moved := self._moved.get(run_id):
                    moved()

    def _hand_over_orphans(self, rows: Mapping[str, LiveRow], asked_at: float) -> None:
        """A commit that looked like a failure leaves such runs, and a failed start."""
        with self._lock:
            orphans = {
                (row.run, row.attempt): self._orphans.get((row.run, row.attempt), asked_at)
                for row in rows.values()
                if row.process == self._life and not self._working[row.run]
            }
            late = [one for one, since in orphans.items() if asked_at - since > _STARTING]
            for one in late:
                self._claims.pop(one, None)
                del orphans[one]
            self._orphans = orphans
        for run_id, attempt in late:
            log.warning("Run %s was claimed but not started; it is handed over.", run_id)
            self._line.change(partial(release_attempts, attempts=[(run_id, attempt)]))

    def write_states(self) -> None:
        """Write the newest states of the executed runs, and disown those that aren't ours. Raises
        ComfyError."""
        states = self._sender.unwritten()
        if not states:
            return
        not_ours = write_states(self._database, states)
        self._sender.note_written({fence: number for fence, (number, _) in states.items()})
        for fence in not_ours:
            execution = self._execution_of(fence.run)
            if execution is not None and not execution.records.ending:
                self._disown(fence.run, fence)

    def close(self) -> None:
        """Disown all runs, so that other processes can take them over."""
        self._tries.close()
        with self._lock:
            executions = tuple(self._executions.values())
        for execution in executions:
            execution.run.disown()

    def _disown(self, run_id: str, fence: Fence) -> None:
        execution = self._execution_of(run_id)
        if execution is not None and execution.fence == fence:
            log.info("Another process follows run %s.", run_id)
            execution.run.disown()

    # The queue as executed runs use it: see `comfy.runs.attempt.WaitingLine`

    def join(
        self,
        run_id: str,
        owner: str,
        moved: Callable[[], None],
        *,
        address: str = "",
        handed: ComfyServer | None = None,
        candidates: Callable[[], Sequence[ComfyServer]] | None = None,
    ) -> None:
        """Note how to wake a run; it is in the queue already."""
        self._moved[run_id] = moved

    def place(self, run_id: str) -> int | None:
        """Return the number of runs before this one; None once a server has it."""
        if self.server_of(run_id) is not None:
            return None
        shown = self._mirror.get(run_id)
        return None if shown is None else shown.place

    def server_of(self, run_id: str) -> ComfyServer | None:
        """Return the server that has the run; None while it waits."""
        execution = self._execution_of(run_id)
        if execution is None or execution.server_url is None:
            return None
        return self._context.servers.at(execution.server_url)

    def mark_accepted(self, run_id: str) -> None:
        """Note that the server has accepted the run, so that it can get the next one."""
        execution = self._execution_of(run_id)
        if execution is not None:
            self._line.change(partial(execution.fence.update, accepted=True))

    def give_back(self, run_id: str) -> None:
        """Put a run back at the front, because its server didn't run it or has lost its results."""
        with self._lock:
            execution = self._executions.get(run_id)
            if execution is None:
                return
            execution.server_url, execution.released = None, False
            self._given_back[run_id] = float("inf")

        def done(moment: float) -> None:
            with self._lock:
                if run_id in self._given_back:  # it hasn't ended meanwhile
                    self._given_back[run_id] = moment

        self._line.change(partial(give_back, fence=execution.fence), done, decides=True)

    def release(self, run_id: str) -> None:
        """Let the server get the next run."""
        with self._lock:
            execution = self._executions.get(run_id)
            if execution is None or execution.released:
                return
            execution.released = True
        change = partial(execution.fence.update, over=True)
        self._line.change(change, decides=True)

    def leave(self, run_id: str) -> None:
        """Forget how to wake the run."""
        with self._lock:
            self._moved.pop(run_id, None)
            self._given_back.pop(run_id, None)
