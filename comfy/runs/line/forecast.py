"""Forecast of when waiting runs start and active ones end."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from comfy.comfyui.protocol.run_progress import SamplingWork
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.runs.durations import Durations, time_left
from comfy.runs.interface import Run

_FRESH = 1.0  # seconds to reuse a forecast, because each page asks after each change


class ForecastRun(Run, Protocol):
    """A run, and what the forecast needs beyond what pages see."""

    @property
    def servers(self) -> Sequence[Hashable]:
        """Return the run's server, or the servers that it may use."""

    @property
    def work(self) -> SamplingWork | None:
        """Return the work of the run's samplers, as far as known beforehand."""


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """An unfinished run. `servers`: its server, or all possible ones. `seconds`: its remaining
    time, None if unknown. `before`: the number of prompts before it on its server."""

    id: str
    servers: Sequence[Hashable]
    seconds: float | None
    is_at_work: bool = False
    before: int = 0


def due_in(turns: Iterable[UnfinishedRun]) -> Mapping[str, float]:
    """Return the seconds until each waiting run starts and each active one ends, without
    unpredictable runs.

    A server runs one prompt at a time, and the next run takes the first free server. `turns`: the
    runs in the order of execution. How long other programs' prompts take is unknown.
    """
    due: dict[str, float] = {}
    free: defaultdict[Hashable, float] = defaultdict(float)
    counted: Counter[Hashable] = Counter()
    for turn in turns:
        server = min(turn.servers, key=free.__getitem__, default=None)
        if server is None:
            continue
        if others := max(0, turn.before - counted[server]):
            counted[server] += others
            free[server] = math.inf
        begins = free[server]
        free[server] += math.inf if turn.seconds is None else turn.seconds
        counted[server] += 1
        due[turn.id] = free[server] if turn.is_at_work else begins
    return {run_id: seconds for run_id, seconds in due.items() if seconds < math.inf}


class Forecast:
    """Forecast for all unfinished runs. Thread-safe."""

    def __init__(self, durations: Durations) -> None:
        self._durations = durations
        self._lock = threading.Lock()
        self._version = 0
        self._last: tuple[int, float, Mapping[str, float]] = (-1, 0.0, {})

    def renew(self, _owner: str) -> None:
        """Mark the forecast as outdated, because a run began, ended or changed its place."""
        with self._lock:
            self._version += 1

    def of(self, unfinished: Callable[[], Sequence[ForecastRun]]) -> Mapping[str, float]:
        """See `due_in`; uses the current or a slightly older state."""
        now = time.monotonic()
        with self._lock:
            version, (known, computed_at, due) = self._version, self._last
        if known == version and now - computed_at < _FRESH:
            return due
        due = due_in(_turns(unfinished(), self._durations))
        with self._lock:
            self._last = (version, now, due)
        return due


def _turns(runs: Sequence[ForecastRun], durations: Durations) -> Iterable[UnfinishedRun]:
    """Yield the runs in the order of execution, without canceled ones."""
    known: dict[tuple[str, SamplingWork | None], float | None] = {}
    typical, now = durations.typical, time.time()
    for run in sorted(runs, key=lambda one: (one.turn, one.state.queue_place or 0)):
        state, of_run = run.state, (run.job.workflow, run.work)
        if of_run not in known:
            known[of_run] = durations.expected(*of_run)
        expected = typical if known[of_run] is None else known[of_run]
        is_at_work = state.phase is Phase.RUNNING
        seconds = _left(run, state, expected, now) if is_at_work else expected
        if is_at_work and seconds is not None and state.started_at is not None:
            # Other runs of this kind take as long.
            known[of_run] = seconds + max(0.0, now - state.started_at)
        before = 0 if is_at_work or run.waits_here else state.queue_place or 0
        yield UnfinishedRun(run.id, run.servers, seconds, is_at_work, before)


def _left(run: ForecastRun, state: RunState, expected: float | None, now: float) -> float | None:
    """Return the remaining seconds by the run's progress, or by the expected duration; None if
    unknown, or after the run has taken longer than expected."""
    if state.away or state.started_at is None:
        return None
    done, since = state.nodes_finished, state.started_at
    left = time_left(state.progress, done, since, now, run.usual_times)
    if left is not None or expected is None:
        return left
    remaining = expected - max(0.0, now - since)
    return remaining if remaining > 0 else None
