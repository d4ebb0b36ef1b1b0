"""All unfinished runs of the cluster, and the latest finished ones, in this process's memory."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Engine

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import RunState, lost, stopped
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.records.tables import reading
from comfy.runs.latest_state import stamped
from comfy.runs.line.order import Turns, waiting_order
from comfy.runs.reconnect import FORGOTTEN
from comfyforms.plugins.cluster.messaging.states import state_from_wire
from comfyforms.plugins.cluster.rows import LiveRow, read_live, read_turns
from comfyforms.plugins.cluster.run import LAST, ClusterRun

log = logging.getLogger(__name__)

_POLL = 1.8  # seconds; hints make it sooner
_SETTLE = 0.02  # seconds; hints often come together, and work that matters more comes first
_LEAST = 0.05  # seconds between two polls


class Mirror:
    """Runs of all processes, by id. Thread-safe: the poll thread and the wire's reader write."""

    def __init__(  # noqa: PLR0913 - the parts that it connects
        self,
        engine: Engine,
        history: RunStore,
        servers: ServerPool,
        *,
        create: Callable[[Record], ClusterRun],
        polled: Callable[[Mapping[str, LiveRow], Turns, float], None],
        ended: Callable[[ClusterRun], None],
        missed: Callable[[], Collection[str]],
        keep: int,
    ) -> None:
        """`create` returns a run of a record. `polled` gets all rows and the turns after each poll,
        and when they were read. `ended` is called once for each end. `missed` returns ids of runs
        to add even if they have ended since. `keep`: the number of finished runs to remember."""
        self._engine, self._history, self._servers = engine, history, servers
        self._create, self._polled, self._ended, self._keep = create, polled, ended, keep
        self._missed = missed
        self._lock = threading.Lock()
        self._runs: dict[str, ClusterRun] = {}
        self._added: dict[str, float] = {}  # when unfinished runs came here
        self._finished: deque[str] = deque()
        self._polling = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_polling, name="mirror", daemon=True)

    def start(self) -> None:
        """Read the runs, and start the thread that reads them again."""
        self.poll()
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def look(self) -> None:
        """Poll soon, because something has changed. Returns at once."""
        self._wake.set()

    def get(self, run_id: str) -> ClusterRun | None:
        """Return a run, or None."""
        with self._lock:
            return self._runs.get(run_id)

    @property
    def runs(self) -> tuple[ClusterRun, ...]:
        """Return all runs, oldest first."""
        with self._lock:
            return tuple(self._runs.values())

    @property
    def unfinished(self) -> list[ClusterRun]:
        with self._lock:
            return [self._runs[run_id] for run_id in self._added]

    def add(self, run: ClusterRun) -> bool:
        """Add a run whose row is about to be written; `confirm` follows, or `forget`. Return False
        if there is an unfinished one with its id."""
        with self._lock:
            if run.id in self._added:
                return False
            self._runs.pop(run.id, None)  # a finished one with the same id
            self._runs[run.id] = run
            self._added[run.id] = math.inf
        return True

    def confirm(self, run: ClusterRun) -> None:
        """Note that the run's row is written."""
        with self._lock:
            if run.id in self._added:
                self._added[run.id] = time.monotonic()

    def forget(self, run: ClusterRun) -> None:
        with self._lock:
            if self._runs.get(run.id) is run:
                del self._runs[run.id]
                self._added.pop(run.id, None)

    def note_state(self, run: ClusterRun) -> None:
        """Note that a run may have finished."""
        if not run.state.phase.finished:
            return
        with self._lock:
            if self._added.pop(run.id, None) is None:
                return
            self._finished.append(run.id)
            while len(self._finished) > self._keep:
                oldest = self._finished.popleft()
                if oldest not in self._added:
                    self._runs.pop(oldest, None)
        self._ended(run)

    def _keep_polling(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_POLL)
            if self._closing.wait(_SETTLE):
                return
            self._wake.clear()
            try:
                self.poll()
            except ComfyError as problem:
                log.warning("The queue can't be read at the moment: %s", problem)
            except Exception:
                log.exception("Reading the queue failed with an internal error")
            self._closing.wait(_LEAST)

    def poll(self) -> None:
        """Read all unfinished runs. Raises ComfyError if the database can't be used."""
        with self._polling:  # two threads would make two objects of a new run
            self._poll()

    def _poll(self) -> None:
        asked_at = time.monotonic()
        with reading(self._engine) as connection:
            rows, turns = read_live(connection, states=True), read_turns(connection)
        self._load(rows)
        waiting_rows = [row.waiting_row for row in rows.values() if row.waits]
        handed = len(rows) - len(waiting_rows)
        places = {run: at for at, run in enumerate(waiting_order(waiting_rows, turns), handed)}
        for row in rows.values():
            if run := self.get(row.run):
                self._apply(run, row, places.get(row.run), asked_at)
        self._end_missing(rows, asked_at)
        self._polled(rows, turns, asked_at)

    def _apply(self, run: ClusterRun, row: LiveRow, place: int | None, asked_at: float) -> None:
        held = place is not None and self._servers.must_wait(run.needs)
        was_accepted = run.row is not None and run.row.accepted
        run.update_row(row, place, held=held)
        if row.accepted and not was_accepted and (server := self._servers.at(row.server or "")):
            server.took(run.needs, run.state.prompt_id)
        version = row.taken, row.number
        if not run.lacks(version, asked_at) or (row.state is None and version > run.version):
            return
        state = run.first_record.state
        if row.state is not None:
            try:
                state = state_from_wire(row.state, run.job)
            except ValueError as problem:
                log.warning("The state of run %s can't be read: %s", run.id, problem)
                return
        run.receive(version, state)
        self.note_state(run)

    def _load(self, rows: Mapping[str, LiveRow]) -> None:
        """Add the runs that were submitted elsewhere."""
        missed = self._missed()
        with self._lock:
            new = [run_id for run_id in {*rows, *missed} if run_id not in self._added]
        if not new:
            return
        for record in self._history.get_many(new, None).values():
            known = self.get(record.id)
            is_known = known is not None and known.submitted_at == record.submitted_at
            has_ended = record.state.phase.finished
            if is_known or (has_ended and record.id not in missed):
                continue  # ended since the rows were read, or its end isn't recorded yet
            run = self._create(record.as_waiting)
            if self.add(run):
                self.confirm(run)
                if has_ended:
                    run.receive(LAST, record.state)
                    self.note_state(run)

    def _end_missing(self, rows: Mapping[str, LiveRow], asked_at: float) -> None:
        """End the runs whose rows have been deleted."""
        with self._lock:
            missing = [
                run_id
                for run_id, since in self._added.items()
                if run_id not in rows and since < asked_at
            ]
        if not missing:
            return
        records = self._history.get_many(missing, None)
        for run_id in missing:
            if run := self.get(run_id):
                run.receive(LAST, _end_of(run, records.get(run_id)))
                self.note_state(run)


def _end_of(run: ClusterRun, record: Record | None) -> RunState:
    """Return the final state of a run that has no row anymore."""
    if record is None:  # its owner stopped it before it started
        return stamped(stopped(run.state))
    if record.state.phase.finished:
        return record.state
    return stamped(lost(run.state, FORGOTTEN))
