"""The cluster's queue in Postgres beside 100,000 records: a decision while 300 runs wait, and
submits and ends of eight processes at once."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter

from sqlalchemy import func, insert, literal, select, text

from comfy.records.rows import row_of
from comfy.records.tables import runs
from comfyforms.plugins.cluster.tables import make_cluster_tables
from comfyforms.plugins.cluster.tests.benchmarks.queue_process import (
    OWNERS,
    QueueProcess,
    queue_process,
)
from tests.support.postgres import running_postgres
from tests.support.samples.histories import begun, ended_record
from tools.benchmarks.tools.figure import Figure, median, percentile

_RECORDS, _WAITING, _DECISIONS = 100_000, 300, 100
_PROCESSES, _SECONDS = 8, 5.0
_ROUNDS = 3


def measure() -> list[Figure]:
    """Measure on one database. Each figure is the median of three rounds, but the number of runs
    that began twice is their sum."""
    with running_postgres() as url, queue_process(url) as process:
        make_cluster_tables(process.history.engine)
        _fill(process)
        decisions = [_decisions(process) for _ in range(_ROUNDS)]
        with process.history.engine.begin() as connection:
            connection.execute(text("DELETE FROM live"))
        rounds = [_together(url) for _ in range(_ROUNDS)]
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    usual = statistics.median(map(median, decisions))
    late = statistics.median(percentile(one, 0.95) for one in decisions)
    rates, twice = zip(*rounds, strict=True)
    return [
        Figure("queue: decide, 300 waiting, p50", 1000 * usual, "ms", 20),
        Figure("queue: decide, 300 waiting, p95", 1000 * late, "ms", 20),
        Figure("queue: submits and ends of 8 processes", median(rates), "/s", 100, at_least=True),
        Figure("queue: runs that began twice", sum(twice), "runs", 0),
    ]


def _fill(process: QueueProcess) -> None:
    """Add finished runs to the history."""
    record = ended_record(begun("run", "browser:0", 1e9))
    number = func.generate_series(1, _RECORDS).column_valued("number")
    row = row_of(record, record.state.finished_at)
    others = {name: literal(value) for name, value in row.items()} | {
        "id": func.concat("run-", number),
        "owner": func.md5(func.concat(number % OWNERS)),
        "submitted_at": 1e9 + number,
        "ended_at": 1e9 + number + 1,
    }
    with process.history.engine.begin() as connection:
        connection.execute(insert(runs).from_select(list(others), select(*others.values())))
        connection.execute(text("ANALYZE"))


def _decisions(process: QueueProcess) -> list[float]:
    """Return the seconds of each decision, while the same number of runs waits."""
    while len(process.begun) < 4 or process.waiting < _WAITING:
        process.submit(process.waiting)
    seconds = []
    for number in range(_DECISIONS):
        began = time.monotonic()
        process.decide()
        seconds.append(time.monotonic() - began)
        process.end()
        process.submit(number)
    return seconds


def _together(url: str) -> tuple[float, int]:
    """Return the submits and ends per second of all processes, and how many runs began twice."""
    command = sys.executable, "-m", "comfyforms.plugins.cluster.tests.benchmarks.queue_process", url
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(_PROCESSES):
            one = stack.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
            stack.callback(one.kill)
            processes.append(one)
        for one in processes:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in processes:
            assert one.stdin is not None
            one.stdin.write(f"{_SECONDS}\n")
            one.stdin.flush()
        answers = [json.loads(one.communicate(timeout=60)[0]) for one in processes]
    taken = Counter(run for answer in answers for run in answer["taken"])
    done = sum(answer["submitted"] for answer in answers) + taken.total()
    return done / _SECONDS, taken.total() - len(taken)
