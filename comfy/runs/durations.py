"""Durations of past runs, to predict waiting times."""

from __future__ import annotations

import logging
import statistics
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_progress import (
    RunProgress,
    SamplerSteps,
    SamplingWork,
    sampling_work,
)
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.records.record import Job, Record
from comfy.records.rows import WantedOfAll
from comfy.records.store import RunStore

log = logging.getLogger(__name__)

_EARLIER = 100  # recorded runs to read
_WORKFLOWS = 200
_OF_A_WORKFLOW = 5
_OF_ALL = 20
_COMPARABLE = 4.0  # most times that a step of one sampler may work as much as of another
_BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)  # seconds


@dataclass(frozen=True, slots=True)
class RunTimes:
    """Duration of a run, or the usual duration of its workflow. `seconds`: in total; `before`,
    `after`: before a sampler's first step and after the last one, None without steps; `paces`: each
    sampler's seconds per step; `work`: the samplers' work in one run, as far as known."""

    seconds: float
    before: float | None = None
    after: float | None = None
    paces: Mapping[str, float] = field(default_factory=dict)
    work: SamplingWork | None = None


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Totals since the start. `ended`: the number of runs by last phase. Of the successful runs,
    `within`: the number below each bound; `timed`: their number; `seconds`: their total duration.
    """

    ended: Mapping[Phase, int]
    within: Mapping[int, int]
    timed: int
    seconds: float


class Durations:
    """Latest durations of each workflow and of all, and totals. Thread-safe."""

    def __init__(self, earlier: Iterable[Record] = ()) -> None:
        """`earlier`: runs from before the start, which count for predictions but not for totals."""
        self._lock = threading.Lock()
        self._by_workflow: OrderedDict[str, deque[RunTimes]] = OrderedDict()
        self._last: deque[float] = deque(maxlen=_OF_ALL)
        self._ended = dict.fromkeys((one for one in Phase if one.finished), 0)
        self._within = Counter[int]()
        self._timed = 0
        self._seconds = 0.0
        for record in earlier:
            if times := _times_on_record(record):
                self.add(record.job.workflow, times)

    def note_end(self, job: Job, state: RunState, longest: float) -> None:
        """Record the end of a run of this job; `longest`: see `_times_of`."""
        with self._lock:
            self._ended[state.phase] += 1
        if state.phase is Phase.DONE and (times := _times_of(state, job.prompt, longest)):
            self.add(job.workflow, times)
            with self._lock:
                self._within.update(one for one in _BOUNDS if times.seconds <= one)
                self._timed += 1
                self._seconds += times.seconds

    @property
    def totals(self) -> RunTotals:
        with self._lock:
            within = {bound: self._within[bound] for bound in _BOUNDS}
            return RunTotals(dict(self._ended), within, self._timed, self._seconds)

    def add(self, workflow: str, times: RunTimes) -> None:
        with self._lock:
            own = self._by_workflow.setdefault(workflow, deque(maxlen=_OF_A_WORKFLOW))
            own.append(times)
            self._last.append(times.seconds)
            self._by_workflow.move_to_end(workflow)
            if len(self._by_workflow) > _WORKFLOWS:
                self._by_workflow.popitem(last=False)

    def of(self, workflow: str) -> RunTimes | None:
        """Return the usual duration of this workflow's runs; None before the first."""
        with self._lock:
            own = tuple(self._by_workflow.get(workflow, ()))
        return _usual(own) if own else None

    def expected(self, workflow: str, work: SamplingWork | None) -> float | None:
        """Predict the seconds of a run of this workflow by the `work` of its samplers (None:
        unknown); None before the first run."""
        with self._lock:
            own = tuple(self._by_workflow.get(workflow, ()))
        return expected_seconds(own, work) if own else None

    @property
    def typical(self) -> float | None:
        """Return the usual duration of any run; None before the first."""
        with self._lock:
            return statistics.fmean(self._last) if self._last else None


def earlier_runs(history: RunStore) -> Sequence[Record]:
    """Return the latest recorded runs of all owners that are done or left a result, oldest
    first."""
    try:
        return history.of("", WantedOfAll(), limit=_EARLIER)[::-1]
    except ComfyError as problem:
        log.warning("Can't read earlier runs: %s", problem)
        return ()


def _times_on_record(record: Record) -> RunTimes | None:
    """Return a recorded run's duration. Of its steps, the record contains only the number."""
    state = record.state
    if state.phase is not Phase.DONE or state.started_at is None or state.finished_at is None:
        return None
    seconds = max(0.0, state.finished_at - state.started_at)
    return RunTimes(seconds, work=sampling_work(record.job.prompt))


def _times_of(state: RunState, prompt: Mapping[str, Any], longest: float) -> RunTimes | None:
    """Return the duration of a successful run of this prompt, at most `longest` seconds, because
    the clock may have changed meanwhile."""
    begin, end = state.started_at, state.finished_at
    if begin is None or end is None:
        return None
    samplers = state.progress.samplers
    first = min((one.first_at for one in samplers.values() if one.first_at), default=None)
    last = max((one.last_at for one in samplers.values() if one.last_at), default=None)
    return RunTimes(
        min(max(0.0, end - begin), longest),
        None if first is None else max(0.0, first - begin),
        None if last is None else max(0.0, end - last),
        {node: one.pace for node, one in samplers.items() if one.pace is not None},
        sampling_work(prompt, samplers) if first is not None else None,
    )


def expected_seconds(runs: Sequence[RunTimes], work: SamplingWork | None) -> float:
    """Predict a run's seconds from at least one earlier run: the usual time before the first step,
    and the rest by the samplers' work. If the work is unknown, return the usual total."""
    rates = [
        (run.seconds - (run.before or 0.0)) / run.work.amount
        for run in runs
        if work and run.work and run.work.source == work.source
    ]
    usual = _usual(runs)
    if work is None or not rates:
        return usual.seconds
    return (usual.before or 0.0) + statistics.median(rates) * work.amount


def time_left(
    progress: RunProgress, done: frozenset[str], since: float, now: float, usual: RunTimes | None
) -> float | None:
    """Return the remaining seconds at `now` of a run that started at `since`; None if unknown.

    A sampler's remaining steps use their pace in this run. Parts that haven't begun use the `usual`
    pace, otherwise the pace and weight of the earlier steps, unless their weights differ too much
    to tell. Without steps, the `usual` duration counts.
    """
    samplers, elapsed = progress.samplers, now - since
    before, after = (usual.before or 0.0, usual.after or 0.0) if usual else (0.0, 0.0)
    if not samplers:  # it has no samplers, or their earlier results are reused
        rest = after if usual is None or usual.after is not None else usual.seconds
        return _if_any(rest - elapsed)
    last = max((sampler.last_at for sampler in samplers.values() if sampler.last_at), default=None)
    if last is None and usual is not None and elapsed > usual.seconds:
        return None  # it takes longer than usual
    left = max(0.0, before - elapsed) if last is None else 0.0
    going = {
        node: sampler
        for node, sampler in samplers.items()
        if node not in done and not sampler.through
    }
    for node, sampler in going.items():
        pace = _pace_of(node, sampler, samplers, usual)
        if pace is None or sampler.restarted:
            return None
        passed = min(pace, max(0.0, now - sampler.last_at)) if sampler.last_at else 0.0
        left += pace * sampler.left - passed
    return _if_any(left + after - (0.0 if going or last is None else max(0.0, now - last)))


def _pace_of(
    node: str, sampler: SamplerSteps, samplers: Mapping[str, SamplerSteps], usual: RunTimes | None
) -> float | None:
    if sampler.pace is not None:
        return sampler.pace
    if usual is not None and node in usual.paces:
        return usual.paces[node]
    measured = [other for other in samplers.values() if other.pace is not None]
    last = max(measured, key=lambda other: other.last_at or 0.0, default=None)
    if last is None or last.pace is None:
        return None
    # Servers differ too much: sixteen frames at once may take the time of sixteen, or of one.
    times = sampler.weight / last.weight
    return last.pace * times if 1 / _COMPARABLE <= times <= _COMPARABLE else None


def _if_any(seconds: float) -> float | None:
    return seconds if seconds > 0 else None


def _usual(runs: Iterable[RunTimes]) -> RunTimes:
    """Return the median of each part."""
    runs = tuple(runs)
    samplers = {node for run in runs for node in run.paces}
    return RunTimes(
        statistics.median(run.seconds for run in runs),
        _median(run.before for run in runs),
        _median(run.after for run in runs),
        {node: _median(run.paces.get(node) for run in runs) or 0.0 for node in samplers},
    )


def _median(known: Iterable[float | None]) -> float | None:
    values = [one for one in known if one is not None]
    return statistics.median(values) if values else None
