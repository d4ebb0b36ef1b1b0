r"""Real ComfyUI servers at the addresses in COMFYUI_URLS, all with a checkpoint of the same name.
The benchmark compares all servers with the first, compares a batch with raw submission, and kills
the last server with the command COMFYUI_KILL. It is skipped without these servers.

Servers on the same machine share its processor, so limit each to some cores (OMP_NUM_THREADS).
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import requests

from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from comfy.runs.registry import LocalRunRegistry
from comfy.runs.run import LocalRun
from tests.batches.kept_batches import MODEL, kept_batches
from tests.support.sampler import prompt
from tools.benchmarks.batches import submitted, whole_batch
from tools.benchmarks.chains import times
from tools.benchmarks.pool import end_of, registry_on
from tools.benchmarks.real_app import page_and_kill
from tools.benchmarks.real_turns import gap_of_steps, rows_before_another
from tools.benchmarks.tools import bare
from tools.benchmarks.tools.figure import Figure, median

URLS = os.environ.get("COMFYUI_URLS", "").split()
KILL = shlex.split(os.environ.get("COMFYUI_KILL", ""))
RUNS, ROWS, PAIRS, STEPS = 30, 20, 3, 4
SIDES = (64, 96, 128)  # pixels
_TIMEOUT = 60


def measure() -> list[Figure]:
    r"""Measure batches, chains and several servers on real ComfyUI servers.

    The figures: the first server's idle time between two rows of a batch, with this program's
    processor time per row; the idle time between two steps of a chain; the rows that begin before
    another user's run; the app's page beside a batch; the batch of a killed app; the time of 30
    short runs on the first server over the time on all; and the runs lost and run twice when a
    server is killed.
    """
    if not URLS:
        print("real: left out, as COMFYUI_URLS names no servers")
        return []
    model = checkpoint(URLS[0])
    for url in URLS:
        bare.run(url, small(model, 0))
    figures = batch_against_raw(URLS[0], model)
    figures.append(gap_of_steps(URLS[0], model))
    figures.append(rows_before_another(URLS[0], model, small(model, 0)))
    figures += page_and_kill(URLS[0], model)
    if len(URLS) > 1:
        gain = taken(URLS[:1], model) / taken(URLS, model)
        name = f"real: {RUNS} runs, on {len(URLS)} servers / on one"
        figures.append(Figure(name, gain, "times", 1.5, at_least=True))
        figures += with_one_killed(model) if KILL else []
    return figures


def checkpoint(url: str) -> str:
    """Return a server's first checkpoint that it can load."""
    with Client(url) as client:
        loader = Catalog(client.object_info())["CheckpointLoaderSimple"]
    return next(name for name in loader.by_name["ckpt_name"].choices or () if "broken" not in name)


def small(model: str, at: int) -> Prompt:
    """Return a prompt that no server has seen, in any of three sizes."""
    one = prompt(random.getrandbits(48), STEPS)
    one["1"]["inputs"]["ckpt_name"] = model
    one["3"]["inputs"]["width"] = one["3"]["inputs"]["height"] = SIDES[at % len(SIDES)]
    return one


def begin_all(runs: LocalRunRegistry, model: str) -> list[LocalRun]:
    """Submit thirty runs for a single user."""
    jobs = (Job(small(model, at), "real") for at in range(RUNS))
    return [runs.submit(one, Origin("me"), UNWATCHED) for one in jobs]


def taken(urls: list[str], model: str) -> float:
    """Return the seconds until all runs are done."""
    with registry_on(urls) as runs:
        began = time.monotonic()
        for run in begin_all(runs, model):
            assert end_of(run) is Phase.DONE, run.state
        return time.monotonic() - began


def with_one_killed(model: str) -> list[Figure]:
    """Kill the last server after a fifth of the runs, once its finished runs are recorded."""
    with registry_on(URLS) as runs:
        begun = begin_all(runs, model)
        end_of(begun[RUNS // 5])
        known = Counter(done_at(URLS[-1]))
        subprocess.run(KILL, check=True)
        ends = Counter(end_of(run) for run in begun)
    for url in URLS[:-1]:
        known.update(done_at(url))
    twice = sum(count > 1 for count in known.values())
    return [
        Figure("real: runs lost with a killed server", RUNS - ends[Phase.DONE], "runs", 0),
        Figure("real: runs done twice", twice, "runs", 0),
    ]


def done_at(url: str) -> list[int]:
    """Return the seeds of the completed runs that a server remembers. Prompt ids can differ between
    servers."""
    history = requests.get(f"{url}/history", timeout=_TIMEOUT).json().values()
    samplers = [
        entry["prompt"][2].get("4", {}) for entry in history if entry["status"]["completed"]
    ]
    return [one["inputs"]["seed"] for one in samplers if one.get("class_type") == "KSampler"]


def batch_against_raw(url: str, model: str) -> list[Figure]:
    """Measure the server's idle time between two prompts, for a batch and a bare script.

    The two alternate, as the times of whole runs depend more on the machine's other load.
    """
    idle: dict[bool, list[int]] = {True: [], False: []}
    spent = 0.0
    with tempfile.TemporaryDirectory() as folder, kept_batches(url, Path(folder)) as one:
        for ours in (False, True) * PAIRS:
            first, began = random.getrandbits(40), time.time() * 1000
            if ours:
                cpu = time.process_time()
                whole_batch(one, range(first, first + ROWS), STEPS, **{MODEL: model})
                spent += time.process_time() - cpu
            else:
                submitted(url, [small(model, 0) for _ in range(ROWS)])
            runs = [run for run in times(url) if run[0] > began]
            idle[ours] += [start - end for (_, end), (start, _) in pairwise(runs)]
    more = median(idle[True]) - median(idle[False])
    return [
        Figure("real: between two rows, more than raw", more, "ms", 50),
        Figure("real: processor time a row", spent / PAIRS / ROWS * 1000, "ms", 20),
    ]
