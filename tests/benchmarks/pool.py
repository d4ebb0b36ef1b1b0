"""Several servers: how much more is done than by one, whether turns stay fair, and what a killed
server costs."""

from __future__ import annotations

import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from comfy.runs.limits import RunLimits
from comfy.runs.registry import LocalRunRegistry
from comfy.runs.run import LocalRun
from tests.benchmarks.batches import stand_in
from tests.benchmarks.tools.figure import Figure
from tests.benchmarks.tools.kept_journal import successes
from tests.support.sampler import job
from tests.support.serving import open_history

SERVERS, RUNS, PEOPLE = 4, 200, 5
STEP_SECONDS = 0.1
LENGTHS = (2, 3, 5, 8, 12)  # steps
_LIMITS = RunLimits(person=1000, address=1000, all=1000, hourly=10_000)


def measure() -> list[Figure]:
    """The time of 200 runs of unequal length on one server over that on four; when the last of one
    person's runs was done there, over the mean of all people; what was lost and done twice where
    one server was killed in the middle."""
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


def jobs() -> list[Job]:
    steps = [LENGTHS[at % len(LENGTHS)] for at in range(RUNS)]
    random.Random(1).shuffle(steps)
    return [job(one) for one in steps]


@contextmanager
def runs_on(servers: int) -> Iterator[tuple[LocalRunRegistry, list[Path]]]:
    """A registry with a history, and the files with the journals of its stand-ins."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        journals = [folder / f"journal-{number}" for number in range(servers)]
        urls = [opened.enter_context(stand_in(STEP_SECONDS, journal=one)) for one in journals]
        yield opened.enter_context(registry_on(urls)), journals


@contextmanager
def registry_on(urls: list[str]) -> Iterator[LocalRunRegistry]:
    """A registry with a history of its own, in front of these servers."""
    with ExitStack() as opened:
        clients = [opened.enter_context(Client(url)) for url in urls]
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        history = opened.enter_context(closing(open_history(folder)))
        pool = opened.enter_context(ServerPool(*clients))
        pool.object_info()
        runs = LocalRunRegistry(pool, history=history, limits=_LIMITS)
        yield opened.enter_context(closing(runs))


def taken(servers: int, wanted: list[Job]) -> tuple[float, float]:
    """Seconds until all are done; and when the last run of the person who came off worst was done,
    over the mean of all people."""
    with runs_on(servers) as (runs, _):
        began = time.monotonic()
        begun = [
            runs.submit(one, Origin(f"person {at % PEOPLE}"), UNWATCHED)
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
    """Kill a server, as the kernel would, when half of the runs have ended.

    The journals of all servers, including the killed one, count the completed runs.
    """
    with runs_on(SERVERS) as (runs, journals):
        begun = [runs.submit(one, Origin("me"), UNWATCHED) for one in jobs()]
        end_of(begun[RUNS // 2])
        multiprocessing.active_children()[0].kill()
        done = {run.id for run in begun if end_of(run) is Phase.DONE}
        counted = successes(journals)
    return [
        Figure(
            "pool: runs lost with a killed server", RUNS - len(done & counted.keys()), "runs", 0
        ),
        Figure("pool: runs done twice", sum(counted.values()) - len(counted), "runs", 0),
    ]


def end_of(run: LocalRun) -> Phase:
    *_, state = run.watch()
    return state.phase
