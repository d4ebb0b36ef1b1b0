"""Many runs of several users in a cluster while everything in it dies and returns, in an order that
is drawn from a seed."""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import requests
from sqlalchemy import create_engine, inspect, text

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import PromptExecution, TestedProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.support.waiting import LONGEST_WAIT, eventually

OWNERS = tuple(letter * 43 for letter in "abcd")
MOST_TAKEOVERS = 3
_AT_ONCE = 10  # unfinished runs
_PAUSE = 0.2  # seconds between two looks at the runs


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned run, and what happens after its start. `stopped`: by its user while it runs.
    `fault`: a key of `FAULTS`, or "". `victim`: a number that chooses the process. `lasts`: how
    long the fault lasts, in seconds."""

    number: int
    owner: int
    steps: int
    stopped: bool
    fault: str
    victim: int
    lasts: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run. `phase`: "" if it has no record. `begins`: how often processes have begun
    to execute it."""

    plan: Planned
    run_id: str
    phase: str
    executions: tuple[PromptExecution, ...]
    begins: int


@dataclass
class Report:
    phases: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def planned(seed: int, runs: int, *, alone: bool = False) -> tuple[Planned, ...]:
    """Return the same plans for the same arguments. Every third run has a fault. `alone`: only
    faults that a single process survives."""
    dice = random.Random(seed)
    kinds = _ALONE if alone else tuple(FAULTS)
    return tuple(
        Planned(
            number,
            owner=dice.randrange(len(OWNERS)),
            steps=dice.randint(2, 40),
            stopped=dice.random() < 0.05,
            fault=dice.choice(kinds) if dice.random() < 1 / 3 else "",
            victim=dice.getrandbits(16),
            lasts=dice.choice((0, dice.uniform(0, 3), dice.uniform(3, 12))),
        )
        for number in range(runs)
    )


def soak(cluster: Cluster, plans: Sequence[Planned]) -> Report:
    """Carry out the plans and report all problems, including leftovers at the end."""
    report = Report()
    began = time.monotonic()
    clients = [ClusterClient(cluster, owner) for owner in OWNERS]
    run_ids = _Soak(cluster, clients, report).all(plans)
    for plan in plans:
        outcome = _outcome(cluster, clients[plan.owner], plan, run_ids[plan.number])
        report.phases[outcome.phase or "removed"] += 1
        report.problems += [f"{problem}: {outcome}" for problem in wrong_with(outcome)]
    report.problems += left_over(cluster, sum(report.phases.values()) - report.phases["removed"])
    report.seconds = time.monotonic() - began
    return report


# Faults. Each ends after some seconds, with everything working again.


def _kill_app(cluster: Cluster, victim: int, seconds: float) -> None:
    _down(cluster.apps[victim % len(cluster.apps)], seconds)


def _freeze_app(cluster: Cluster, victim: int, seconds: float) -> None:
    app = cluster.apps[victim % len(cluster.apps)]
    app.freeze()
    threading.Event().wait(seconds)
    app.wake()


def _end_app(cluster: Cluster, victim: int, seconds: float) -> None:
    app = cluster.apps[victim % len(cluster.apps)]
    app.terminate()
    threading.Event().wait(seconds)
    app.restart()


def _kill_server(cluster: Cluster, victim: int, seconds: float) -> None:
    _down(cluster.servers[victim % len(cluster.servers)], seconds)


def _down(process: TestedProcess, seconds: float) -> None:
    process.kill()
    threading.Event().wait(seconds)
    process.start()


def _stop_postgres(cluster: Cluster, _: int, seconds: float) -> None:
    if cluster.postgres is not None:
        cluster.postgres.stop()
        threading.Event().wait(seconds)
        cluster.postgres.start()


def _stop_redis(cluster: Cluster, _: int, seconds: float) -> None:
    if cluster.redis is not None:
        cluster.redis.stop()
        threading.Event().wait(seconds)
        cluster.redis.start()


FAULTS: Mapping[str, Callable[[Cluster, int, float], None]] = MappingProxyType(
    {
        "process killed": _kill_app,
        "process frozen": _freeze_app,
        "process ended": _end_app,
        "server killed": _kill_server,
        "Postgres stopped": _stop_postgres,
        "Redis stopped": _stop_redis,
    }
)
# SIGTERM stops the runs of a single process.
_ALONE = ("process killed", "process frozen", "server killed")


class _Soak:
    """Soak that keeps some runs unfinished, while another thread causes one fault after the
    other."""

    def __init__(self, cluster: Cluster, clients: Sequence[ClusterClient], report: Report) -> None:
        self._cluster = cluster
        self._clients = clients
        self._report = report
        self._unfinished: dict[str, Planned] = {}
        self._due: list[Planned] = []
        self._news = threading.Condition()
        self._is_over = False

    def all(self, plans: Sequence[Planned]) -> dict[int, str]:
        """Start every run and wait for all ends. Return the runs' ids by number."""
        run_ids: dict[int, str] = {}
        faults = threading.Thread(target=self._cause_faults, name="faults")
        faults.start()
        try:
            for plan in plans:
                self._wait_for(_AT_ONCE - 1)
                run_id = self._clients[plan.owner].submit(plan.steps, key=f"soak-{plan.number}")
                run_ids[plan.number] = run_id
                self._unfinished[run_id] = plan
                if plan.fault:
                    with self._news:
                        self._due.append(plan)
                        self._news.notify()
        finally:
            with self._news:
                self._is_over = True
                self._news.notify()
            faults.join()
        self._wait_for(0)
        return run_ids

    def _wait_for(self, most: int) -> None:
        """Wait until at most this many runs are unfinished."""
        end = time.monotonic() + 2 * LONGEST_WAIT
        while len(self._unfinished) > most:
            for run_id, plan in list(self._unfinished.items()):
                self._look(run_id, plan)
            if time.monotonic() > end:
                raise TimeoutError(f"no end of {self._unfinished}")
            threading.Event().wait(_PAUSE)

    def _look(self, run_id: str, plan: Planned) -> None:
        client = self._clients[plan.owner]
        answer = client.anywhere("GET", f"/runs/{run_id}")
        run = answer.json()
        if answer.status_code == 404 or run["finished"]:
            del self._unfinished[run_id]
        elif plan.stopped and run["phase"] == "running":
            client.anywhere("POST", f"/runs/{run_id}/stop")

    def _cause_faults(self) -> None:
        while True:
            with self._news:
                while not self._due and not self._is_over:
                    self._news.wait()
                if not self._due:
                    return
                # Faults take longer than runs. Those that the soak can't catch up with are left
                # out.
                plan = self._due.pop(0)
                del self._due[2:]
            try:
                FAULTS[plan.fault](self._cluster, plan.victim, plan.lasts)
            except Exception as problem:  # noqa: BLE001 - the report says what
                self._report.problems.append(f"{plan.fault!r} could not be caused: {problem!r}")
            self._report.faults[plan.fault] += 1


# Afterwards


def _outcome(cluster: Cluster, client: ClusterClient, plan: Planned, run_id: str) -> Outcome:
    answer = client.anywhere("GET", f"/runs/{run_id}")
    phase = "" if answer.status_code == 404 else answer.json()["phase"]
    executions = tuple(cluster.executions_of(run_id))
    return Outcome(plan, run_id, phase, executions, cluster.begins(run_id))


def wrong_with(outcome: Outcome) -> Iterator[str]:
    """Yield a sentence for each impossible thing about a run's end."""
    executions = outcome.executions
    for before, after in itertools.pairwise(executions):
        if before.forgotten is None or before.forgotten > after.started:
            yield "it was executed twice"
    if any(one.outcome == "started" for one in executions):
        yield "a server still executes it"
    match outcome.phase:
        case "done" if not executions or executions[-1].outcome != "success":
            yield "it is called done, and no server has finished it"
        case "lost" if (
            all(one.forgotten is None for one in executions) and outcome.begins <= MOST_TAKEOVERS
        ):
            yield "it is called lost, and no server was killed"
        case "stopped" | "" if not outcome.plan.stopped:
            yield "it was stopped, and its user hasn't stopped it"
        case "failed" | "refused" | "waiting" | "running":
            yield f"it is {outcome.phase}"
        case _:
            pass


def left_over(cluster: Cluster, records: int) -> Iterator[str]:
    """Yield a sentence for everything that is left after the ends of all runs. `records`: how many
    runs have one."""
    for server in cluster.servers:
        queue = requests.get(f"{server.url}/queue", timeout=LONGEST_WAIT).json()
        if queue["queue_running"] or queue["queue_pending"]:
            yield f"{server.name} has prompts in its queue"
    try:
        eventually(lambda: not _unfinished_rows(cluster), "no unfinished rows", seconds=30)
    except AssertionError:
        yield f"left over: {_unfinished_rows(cluster)}"
    engine = create_engine(cluster.database)
    with engine.begin() as connection:
        count = connection.execute(text("SELECT count(*) FROM runs")).scalar_one()
        digests = set(connection.execute(text("SELECT digest FROM files")).scalars())
    engine.dispose()
    if count != records:
        yield f"{count} of {records} runs are on record"
    kept = {file.name for file in (cluster.data / "files").rglob("*") if file.is_file()}
    if kept - digests:
        yield f"{len(kept - digests)} files have no record"
    if digests - kept:
        yield f"{len(digests - kept)} files of records are gone"


def _unfinished_rows(cluster: Cluster) -> dict[str, int]:
    """Count the rows of unfinished runs in all tables that have some."""
    engine = create_engine(cluster.database)
    counts = {"runs": "SELECT count(*) FROM runs WHERE ended_at IS NULL"}
    inspector = inspect(engine)
    if inspector.has_table("live"):
        counts["live"] = "SELECT count(*) FROM live"
    if cluster.postgres is not None and inspector.has_table("workflow_status", schema="dbos"):
        counts["workflows"] = (
            "SELECT count(*) FROM dbos.workflow_status"
            " WHERE name = 'run' AND status IN ('PENDING', 'ENQUEUED')"
        )
    with engine.begin() as connection:
        found = {name: connection.execute(text(sql)).scalar_one() for name, sql in counts.items()}
    engine.dispose()
    return {name: count for name, count in found.items() if count}


def main(arguments: list[str] | None = None) -> int:
    """Run the soak. Return 0 if everything was right."""
    parser = argparse.ArgumentParser(
        prog="python -m comfyforms.plugins.cluster.tests.soak",
        description="Runs in a cluster while everything in it dies and returns.",
    )
    parser.add_argument("--runs", type=int, default=1000, help="number of runs (default: 1000)")
    parser.add_argument("--seed", type=int, help="repeats a soak (default: a random one)")
    parser.add_argument(
        "--alone", action="store_true", help="one app process without Postgres and Redis"
    )
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    print(f"seed {seed}: {given.runs} runs", flush=True)
    with running_cluster(
        apps=1 if given.alone else 3, servers=4, step_seconds=0.03, wire=not given.alone
    ) as cluster:
        report = soak(cluster, planned(seed, given.runs, alone=given.alone))
    print(f"ended in {report.seconds:.0f} s: {_counts(report.phases)}")
    print(f"faults: {_counts(report.faults)}; {len(report.problems)} problems")
    for problem in report.problems:
        print(f"  {problem}")
    if report.problems:
        print(
            f"again: python -m comfyforms.plugins.cluster.tests.soak --runs {given.runs} --seed {seed}"
        )
    return 1 if report.problems else 0


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common()) or "none"


if __name__ == "__main__":
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    sys.exit(main())
