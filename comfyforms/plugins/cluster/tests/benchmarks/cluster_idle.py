"""One process of a cluster beside the embedded app: processor time and memory at idle, and its
connections to Postgres while it works."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import create_engine, text

from comfyforms.plugins.cluster.tests.redis import running_redis
from comfyui_standin import DemoServer
from tests.support.postgres import running_postgres
from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.clients import Person
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.rest_runs import whole_run

_ROUNDS = 3
_WARM_RUNS, _SETTLE, _IDLE = 3, 5.0, 15.0  # seconds
_RUNS, _AT_ONCE = 40, 8
_COUNT = text(
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class _Idle:
    """Share of a processor in percent, and resident memory in MB."""

    processor: float
    memory: float


def measure() -> list[Figure]:
    """Measure embedded apps and processes of a cluster alternately. Figures are the differences of
    medians."""
    embedded, cluster, connections = [], [], 0
    for _ in range(_ROUNDS):
        with DemoServer(step_seconds=0.0) as demo, running_app(demo.url) as app:
            embedded.append(_idle(app))
        with ExitStack() as stack:
            demo = stack.enter_context(DemoServer(step_seconds=0.0))
            database = stack.enter_context(running_postgres())
            wire = stack.enter_context(running_redis()).url
            options = "--database", database, "--wire", wire, "--hourly", "100000"
            app = stack.enter_context(running_app(demo.url, *options))
            cluster.append(_idle(app))
            connections = max(connections, _connections(app, database))
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    return [
        Figure(
            "cluster: idle processor time added", _added(embedded, cluster, "processor"), "%", 2
        ),
        Figure("cluster: idle memory added", _added(embedded, cluster, "memory"), "MB", 20),
        Figure("cluster: connections of a process", connections, "", 25),
    ]


def _added(embedded: Sequence[_Idle], cluster: Sequence[_Idle], name: str) -> float:
    before, after = (
        statistics.median(getattr(one, name) for one in some) for some in (embedded, cluster)
    )
    return after - before


def _idle(app: AppProcess) -> _Idle:
    """Measure an app that has executed a few runs."""
    person = Person(app.url)
    for _ in range(_WARM_RUNS):
        whole_run(person)
    time.sleep(_SETTLE)
    used, began = app.cpu_seconds(), time.monotonic()
    time.sleep(_IDLE)
    share = (app.cpu_seconds() - used) / (time.monotonic() - began)
    return _Idle(100 * share, app.memory() / 1e6)


def _connections(app: AppProcess, database: str) -> int:
    """Return the most connections to Postgres at a time while runs start and end."""
    person, most = Person(app.url), 0
    engine = create_engine(database, isolation_level="AUTOCOMMIT")
    with ThreadPoolExecutor(_AT_ONCE) as pool, engine.connect() as connection:
        tasks = [pool.submit(whole_run, person) for _ in range(_RUNS)]
        while not all(task.done() for task in tasks):
            most = max(most, int(connection.execute(_COUNT).scalar() or 0))
            time.sleep(0.02)
        for task in tasks:
            task.result()
    engine.dispose()
    return most
