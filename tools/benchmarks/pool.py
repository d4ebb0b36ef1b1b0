"""Several servers: the gain over a single server, the fairness of turns, and the cost of a killed
server."""

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
from tests.support.sampler import job
from tests.support.serving import open_history
from tools.benchmarks.batches import stand_in
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.kept_journal import successes

SERVERS, RUNS, PEOPLE = 4, 200, 5
STEP_SECONDS = 0.1
LENGTHS = (2, 3, 5, 8, 12)  # steps
_LIMITS = RunLimits(person=1000, address=1000, all=1000, hourly=10_000)


def measure() -> list[Figure]:
    """Measure the time of 200 runs of unequal length on a single server over that on four. Also
    measure the slowest user's finish on four servers over the mean of all users, and the runs lost
    or done twice if a server is killed midway."""
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
    """Yield a registry with a history, and the journal files of its stand-ins."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        journals = [folder / f"journal-{number}" for number in range(servers)]
        urls = [opened.enter_context(stand_in(STEP_SECONDS, journal=one)) for one in journals]
        yield opened.enter_context(registry_on(urls)), journals


@contextmanager
def registry_on(urls: list[str]) -> Iterator[LocalRunRegistry]:
    """Yield a registry with its own history, in front of these servers."""
    with ExitStack() as opened:
        clients = [opened.enter_context(Client(url)) for url in urls]
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        history = opened.enter_context(closing(open_history(folder)))
        pool = opened.enter_context(ServerPool(*clients))
        pool.object_info()
        runs = LocalRunRegistry(pool, history, limits=_LIMITS)
        yield opened.enter_context(closing(runs))


def taken(servers: int, wanted: list[Job]) -> tuple[float, float]:
    """Return the seconds until all runs are done, and the slowest user's finish over the mean of
    all users."""
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
    r"""Kill a server with SIGKILL when half of the runs are done.

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
