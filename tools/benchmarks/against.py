"""The app against another version, whose folder BENCHMARK_BASE names: start, idle and runs. The
benchmark is skipped without that folder."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from comfyui_standin import DemoServer
from tools.benchmarks.tools.app_process import ROOT, started_app, wait_for_answer
from tools.benchmarks.tools.clients import Person
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.rest_runs import whole_run

_BASE = os.environ.get("BENCHMARK_BASE", "")
_ROUNDS, _WARM_RUNS, _RUNS = 5, 5, 40
_SETTLE, _IDLE = 3.0, 10.0  # seconds


@dataclass(frozen=True, slots=True)
class _Measured:
    """Processor time of a start and of a run in seconds, share of a processor at idle in percent,
    and memory in MB."""

    start: float
    idle: float
    memory: float
    run: float


def measure() -> list[Figure]:
    """Measure both versions alternately. Figures compare the medians."""
    if not _BASE:
        print("against: left out, as BENCHMARK_BASE names no folder")
        return []
    base, ours = [], []
    for number in range(_ROUNDS):
        for is_ours in (True, False) if number % 2 else (False, True):
            (ours if is_ours else base).append(_measured(ROOT if is_ours else Path(_BASE)))
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)

    def both(name: str) -> tuple[float, float]:
        before, after = (
            statistics.median(getattr(one, name) for one in some) for some in (base, ours)
        )
        print(f"  ({name}: {before:.4f}, now {after:.4f})", flush=True)
        return before, after

    start, idle, memory, run = map(both, ("start", "idle", "memory", "run"))
    return [
        Figure("against: processor time of a start", start[1] / start[0], "ratio", 1.05),
        Figure("against: idle processor time added", idle[1] - idle[0], "%", 0.2),
        Figure("against: memory", memory[1] / memory[0], "ratio", 1.05),
        Figure("against: processor time of a run", run[1] / run[0], "ratio", 1.05),
    ]


def _measured(root: Path) -> _Measured:
    with DemoServer(step_seconds=0.0) as demo, started_app(demo.url, root=root) as app:
        wait_for_answer(app.url)
        start = app.cpu_seconds()
        person = Person(app.url)
        for _ in range(_WARM_RUNS):
            whole_run(person)
        used = app.cpu_seconds()
        for _ in range(_RUNS):
            whole_run(person)
        run = (app.cpu_seconds() - used) / _RUNS
        time.sleep(_SETTLE)
        used, began = app.cpu_seconds(), time.monotonic()
        time.sleep(_IDLE)
        idle = 100 * (app.cpu_seconds() - used) / (time.monotonic() - began)
        return _Measured(start, idle, app.memory() / 1e6, run)
