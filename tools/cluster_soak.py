"""`python -m tools.cluster_soak [--runs N] [--seed N]`: runs in a cluster while its processes,
ComfyUI servers, Postgres and Redis die and return. See `tests.plugins.cluster.soak`."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter

from tests.plugins.cluster.soak import planned, soak
from tests.support.cluster.running import running_cluster


def main(arguments: list[str] | None = None) -> int:
    """Run the soak. Return 0 if everything was right."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.cluster_soak",
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
        print(f"again: python -m tools.cluster_soak --runs {given.runs} --seed {seed}")
    return 1 if report.problems else 0


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common()) or "none"


if __name__ == "__main__":
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    sys.exit(main())
