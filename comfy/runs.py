"""The registry of runs: submit, find again, end them all."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import OrderedDict, deque

from comfy.client import Client
from comfy.errors import ComfyError, RunNotFound
from comfy.events import Skipped
from comfy.job import Job
from comfy.queue_board import QueueBoard
from comfy.run import Run
from comfy.run_state import Phase, RunError
from comfy.timing import Timing

__all__ = ["Run", "Runs"]

log = logging.getLogger(__name__)

_REMEMBERED_WORKFLOWS = 200
_REMEMBERED_DURATIONS = 5
_SHUTDOWN = RunError("The run was stopped because the program is shutting down.", "Run it again later.")


class Runs:
    """All runs of this program on one server, in bounded memory: finished ones beyond ``keep`` are forgotten."""

    def __init__(self, client: Client, *, grace: float = 30.0, keep: int = 200, timing: Timing | None = None) -> None:
        """``grace``: seconds that a run goes on when nobody watches it any more."""
        self.client = client
        self._grace = grace
        self._keep = keep
        self._timing = timing or Timing()
        self._board = QueueBoard()
        self._skipped = Skipped()
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._live: set[Run] = set()
        self._finished: deque[str] = deque()
        self._durations: OrderedDict[str, deque[float]] = OrderedDict()
        self._closed = False

    def submit(self, job: Job, *, owner: str, deadline: float | None = None, watched: bool = True) -> Run:
        """Start a run and return it at once; whatever becomes of it is in its state.

        deadline: seconds after which an unfinished run is cancelled, whoever watches. watched: a page is expected to
        attach; the grace time runs until it does. ComfyError after `close`.
        """
        run = Run(
            job,
            owner=owner,
            client=self.client,
            board=self._board,
            timing=self._timing,
            skipped=self._skipped,
            grace=self._grace,
            deadline=deadline,
            watched=watched,
            expected_seconds=self._expected(job.workflow),
            ended=self._on_ended,
        )
        with self._lock:
            if self._closed:
                raise ComfyError("The program is shutting down.", "Start it again, then run this again.")
            self._runs[run.id] = run
            self._live.add(run)
            run.start()
        return run

    def get(self, run_id: str, owner: str) -> Run:
        """A run of this owner; RunNotFound if there is none, somebody else's included."""
        with self._lock:
            run = self._runs.get(run_id)
        if run is None or run.owner != owner:
            raise RunNotFound("This run is not known here.", "It may be too old: run the workflow again.")
        return run

    def owned(self, owner: str) -> tuple[Run, ...]:
        """The runs of this owner that are still known, oldest first."""
        with self._lock:
            return tuple(run for run in self._runs.values() if run.owner == owner)

    def close(self, timeout: float = 1.0) -> None:
        """Cancel all runs and wait for their threads. Afterwards nothing can be submitted."""
        with self._lock:
            self._closed = True
            live = list(self._live)
        for run in live:
            run.cancel(_SHUTDOWN)
        end = time.monotonic() + timeout
        late = [run for run in live if not run.join(max(0.0, end - time.monotonic()))]
        for run in late:
            run.abandon()
        for run in late:
            if not run.join(timeout):
                log.warning("Run %s did not end in time", run.id)

    def _expected(self, workflow: str) -> float | None:
        with self._lock:
            durations = self._durations.get(workflow)
            return statistics.median(durations) if durations else None

    def _on_ended(self, run: Run) -> None:
        state = run.state
        with self._lock:
            self._live.discard(run)
            self._finished.append(run.id)
            while len(self._finished) > self._keep:
                del self._runs[self._finished.popleft()]
            if state.phase is Phase.DONE and state.started_at and state.finished_at:
                durations = self._durations.setdefault(run.job.workflow, deque(maxlen=_REMEMBERED_DURATIONS))
                durations.append(state.finished_at - state.started_at)
                self._durations.move_to_end(run.job.workflow)
                if len(self._durations) > _REMEMBERED_WORKFLOWS:
                    self._durations.popitem(last=False)
