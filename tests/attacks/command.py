"""The command `python -m tools.fuzz`: its arguments and output."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter

from tests.attacks.campaign import Report, campaign
from tests.support.leaks import left_since, measured

SETTLE = 20.0  # seconds that closing may take


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign and return 0 if it found no problem."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz",
        description=(
            "Hostile HTTP and WebSocket requests against the app on a free port of this machine,"
            " with and without a login. All of them are drawn from the seed; a failing one is tried"
            " again by giving it."
        ),
    )
    parser.add_argument(
        "--requests", type=int, default=10_000, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, help="what everything is drawn from (default: another one each time)"
    )
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    print(f"seed {seed}: {given.requests} requests", flush=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as tempfile.tempdir:
        before = measured()
        report = campaign(given.requests, seed)
        end = time.monotonic() + SETTLE
        while (leaks := left_since(before)) and time.monotonic() < end:
            time.sleep(0.05)
        tell(report, leaks)
    if report.problems or leaks:
        print(f"again: python -m tools.fuzz --requests {given.requests} --seed {seed}")
        return 1
    return 0


def tell(report: Report, leaks: dict[str, set[str]]) -> None:
    """Print the figures, then the problems."""
    print(f"{report.seconds:.0f} s; {sum(report.kinds.values())} requests: {counted(report.kinds)}")
    print(f"answers (0 = none): {counted(report.statuses)}")
    print(f"left behind: {', '.join(f'{len(leaks.get(name, ()))} {name}' for name in measured())}")
    print(f"{len(report.problems)} problems")
    for problem, command in report.problems.items():
        print(f"  {problem}\n    {command[:2000]}")
    for name, left in leaks.items():
        print(f"  left behind: {name}: {sorted(left)}")


def counted(counter: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
