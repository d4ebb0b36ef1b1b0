"""The command `python -m tools.soak`: its arguments, the server and the output."""

from __future__ import annotations

import argparse
import logging
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.runs.interface import Timeouts
from tests.nightly.faults.plan import planned
from tests.nightly.faults.soak import Report, Target, soak
from tests.nightly.faults.table import FAULTS, LINK, REMOTE
from tests.nightly.faults.timing import HURRIED
from tests.support.leaks import left_since, measured
from tests.support.stage import HeldServer

CALM = Timeouts(
    call=5.0,
    ping=3.0,
    silence=4.0,
    fresh=1.5,
    silence_most=8.0,
    retry=0.1,
    retry_most=1.0,
    patience=180.0,
)
SETTLE = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run the soak. Return 0 if everything was right."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.soak",
        description=(
            "Runs of several people under random faults. Everything that happens is drawn from the"
            " seed; a failing one is tried again by giving it."
        ),
    )
    parser.add_argument(
        "--runs", type=int, default=1000, help="how many runs (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, help="what everything is drawn from (default: another one each time)"
    )
    parser.add_argument("--server", metavar="URL", help="a real ComfyUI instead of the stand-in")
    parser.add_argument(
        "--restart", metavar="COMMAND", help="with --server: kills it and starts it again"
    )
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    print(f"seed {seed}: {given.runs} runs", flush=True)
    logging.basicConfig(level=logging.CRITICAL)  # the report names the faults
    with own_temporary_folder():
        before = measured()
        with stand_in() if given.server is None else real(given.server, given.restart) as target:
            known = (
                FAULTS
                if target.demo
                else [*LINK, *REMOTE, *(["restarted"] if given.restart else [])]
            )
            report = soak(target, planned(seed, given.runs, tuple(known)))
        leaks = settled(before)
    tell(report, leaks)
    if report.problems or leaks:
        print(f"again: python -m tools.soak --runs {given.runs} --seed {seed}")
        return 1
    return 0


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="soak-") as tempfile.tempdir:
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextmanager
def stand_in() -> Iterator[Target]:
    stage = HeldServer()
    with stage.demo as demo:
        yield Target(
            demo.url,
            "demo-landscapes.safetensors",
            "demo-broken.safetensors",
            demo.restart,
            HURRIED,
            limit=60.0,
            tail=3.0,
            demo=demo,
        )


@contextmanager
def real(url: str, command: str | None) -> Iterator[Target]:
    restart = partial(subprocess.run, command or "false", shell=True, check=True)
    with Client(url) as client:
        spec = Catalog(client.object_info())["CheckpointLoaderSimple"].by_name["ckpt_name"]
    checkpoints = [str(name) for name in spec.choices or ()]
    good, bad = (
        next((one for one in checkpoints if ("broken" in one) is broken), "")
        for broken in (False, True)
    )
    yield Target(url, good, bad, restart, CALM, limit=600.0, tail=15.0)


def settled(before: dict[str, set[str]]) -> dict[str, set[str]]:
    end = time.monotonic() + SETTLE
    while (left := left_since(before)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def tell(report: Report, leaks: dict[str, set[str]]) -> None:
    """Print the figures, then the problems."""
    print(f"{report.seconds:.0f} s; {sum(report.phases.values())} runs: {counted(report.phases)}")
    print(
        f"{sum(report.faults.values())} faults ({report.missed} came too late):"
        f" {counted(report.faults)}"
    )
    print(
        f"{report.again} runs sent again after a restart, {report.unseen} of them begun before"
        " without a word"
    )
    left = [f"{len(leaks.get(name, ()))} {name}" for name in measured()]
    print(f"left behind: {', '.join(left)}; {len(report.problems)} problems")
    for problem in report.problems:
        print(f"  {problem}")
    for name, left in leaks.items():
        print(f"  left behind: {name}: {sorted(left)}")


def counted(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
