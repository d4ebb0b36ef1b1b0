"""Several servers: how much more is done than by one, whether turns stay fair, and what a killed
server costs."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import requests

from comfy.client.client import Client
from comfy.protocol.run_state import Phase
from comfy.records.record import Job
from comfy.runs.limits import RunLimits
from comfy.runs.registry import LocalRunRegistry
from comfy.runs.run import LocalRun
from comfy.servers.pool import ServerPool
from tests.benchmarks.batches import stand_in
from tests.benchmarks.tools.figure import Figure
from tests.support.sampler import job
from tests.support.serving import open_history

SERVERS, RUNS, KILLED_RUNS, PEOPLE = 4, 200, 60, 5
STEP_SECONDS = 0.1
LENGTHS = (2, 3, 5, 8, 12)  # steps
_LIMITS = RunLimits(person=1000, address=1000, all=1000, hourly=10_000)
_TIMEOUT = 60


def measure() -> list[Figure]:
    """The time of 200 runs of unequal length on one server over that on four; how long people's
    first runs waited there, each over the mean; what was lost and done twice of those during which
    one server was killed."""
    one, _ = taken(1, jobs())
    four, waits = taken(SERVERS, jobs())
    return [
        Figure(
            f"pool: {RUNS} runs, on {SERVERS} servers / on one",
            one / four,
            "times",
            3.8,
            at_least=True,
        ),
        Figure("pool: the last of five people's runs / their mean", waits, "ratio", 1.1),
        *with_one_killed(),
    ]


def jobs(count: int = RUNS) -> list[Job]:
    """Always the same lengths, in an order that nobody chose."""
    steps = [LENGTHS[at % len(LENGTHS)] for at in range(count)]
    random.Random(1).shuffle(steps)
    return [job(one) for one in steps]


@contextmanager
def runs_on(servers: int) -> Iterator[tuple[LocalRunRegistry, list[str]]]:
    """A registry with a history, and the addresses of its stand-ins."""
    with ExitStack() as opened:
        urls = [opened.enter_context(stand_in(STEP_SECONDS)) for _ in range(servers)]
        clients = [opened.enter_context(Client(url)) for url in urls]
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        history = opened.enter_context(closing(open_history(folder)))
        pool = opened.enter_context(ServerPool(*clients))
        pool.object_info()
        runs = LocalRunRegistry(pool, history=history, limits=_LIMITS)
        yield opened.enter_context(closing(runs)), urls


def taken(servers: int, wanted: list[Job]) -> tuple[float, float]:
    """Seconds until all are done; and when the last run of the person who came off worst was done,
    over the mean of all people."""
    with runs_on(servers) as (runs, _):
        began = time.monotonic()
        begun = [
            runs.submit(one, owner=f"person {at % PEOPLE}", watched=False)
            for at, one in enumerate(wanted)
        ]
        ended: dict[str, float] = {}
        for run in begun:
            assert end_of(run) is Phase.DONE, run.state
            ended[run.owner] = max(ended.get(run.owner, 0.0), run.state.finished_at or 0.0)
        lasted = time.monotonic() - began
        since = [moment - begun[0].submitted_at for moment in ended.values()]
    return lasted, max(since) / statistics.fmean(since)


def with_one_killed() -> list[Figure]:
    """Sixty runs, and after a fifth of them a server is killed, as by the kernel."""
    with runs_on(SERVERS) as (runs, urls):
        begun = [runs.submit(one, owner="me", watched=False) for one in jobs(KILLED_RUNS)]
        end_of(begun[KILLED_RUNS // 5])
        threading.Thread(target=multiprocessing.active_children()[0].kill).start()
        ends = Counter(end_of(run) for run in begun)
        known = Counter[str]()
        for url in urls:
            with contextlib.suppress(requests.ConnectionError):
                known.update(list(requests.get(f"{url}/history", timeout=_TIMEOUT).json()))
    return [
        Figure("pool: runs lost with a killed server", KILLED_RUNS - ends[Phase.DONE], "runs", 0),
        Figure("pool: done twice at servers that live", max(known.values()) - 1, "runs", 0),
    ]


def end_of(run: LocalRun) -> Phase:
    """How it has ended."""
    *_, state = run.watch()
    return state.phase
