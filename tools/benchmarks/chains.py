"""A chain of three steps: the server's idle time between two steps."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import requests

from comfy.runs.interface import Origin
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually
from tools.benchmarks.batches import stand_in
from tools.benchmarks.tools.app_process import ROOT
from tools.benchmarks.tools.figure import Figure, median, percentile

CHAINS = 12
STEPS = 3
CHAIN = "create-upscale-detail.chain"
OWNER = "benchmark"
_TIMEOUT = 60
_LONGEST = 300.0  # seconds of a chain on a real server


def measure() -> list[Figure]:
    """Measure the time between a step's end on the server and the next step's start. Meanwhile, the
    app downloads and stores the result, passes it to the next step's form, uploads its file and
    sends the prompt."""
    with (
        stand_in(0, painted=512) as url,
        tempfile.TemporaryDirectory() as folder,
        running_app(url, workflows=ROOT / "workflows", data=Path(folder)) as app,
    ):
        whole_chain(app)
        known = len(times(url))
        for _ in range(CHAINS):
            whole_chain(app)
        runs = times(url)[known:]
    assert len(runs) == CHAINS * STEPS, runs
    gaps = gaps_between(runs)
    return [
        Figure("chains: between two steps, in the middle", median(gaps), "ms", 150),
        Figure("chains: between two steps, p90", percentile(gaps, 0.9), "ms", 150),
    ]


def gaps_between(runs: list[tuple[int, int]]) -> list[int]:
    return [
        next_start - end
        for at, ((_, end), (next_start, _)) in enumerate(pairwise(runs), 1)
        if at % STEPS
    ]


def whole_chain(app: RunningApp, values: Mapping[str, object] = MappingProxyType({})) -> None:
    """Run a chain until it is done, with new seeds each time."""
    started = app.services.chains.start(CHAIN, values, Origin(OWNER))

    def is_over() -> bool:
        return all(one.state != "running" for one in app.services.chains.recent(OWNER))

    eventually(is_over, "it ends", _LONGEST)
    (state,) = (one.state for one in app.services.chains.recent(OWNER) if one.id == started.id)
    assert state == "done", state


def times(url: str) -> list[tuple[int, int]]:
    """Return the start and end, in milliseconds, of each completed prompt that the server
    remembers."""
    history = requests.get(f"{url}/history", timeout=_TIMEOUT).json().values()
    told = (dict(one["status"]["messages"]) for one in history if one["status"]["completed"])
    return sorted(
        (one["execution_start"]["timestamp"], one["execution_success"]["timestamp"]) for one in told
    )
