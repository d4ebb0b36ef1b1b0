"""A real ComfyUI server between two steps of a chain, and the batch rows that start before another
user's run."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from tests.batches.kept_batches import ANN, BOB, MODEL, kept_batches
from tests.support.serving import running_app
from tests.support.waiting import eventually
from tools.benchmarks.batches import begun_batch
from tools.benchmarks.chains import STEPS, gaps_between, times, whole_chain
from tools.benchmarks.pool import end_of
from tools.benchmarks.tools.app_process import ROOT
from tools.benchmarks.tools.figure import Figure, median

CHAINS, PRESSES, ROWS = 4, 5, 40
SIDE = 256  # pixels, the least that the chain's forms take
SAMPLERS = {"base": "5", "upscale": "7", "detail": "8"}
SIZED = {"base": "4", "detail": "5"}


def gap_of_steps(url: str, model: str) -> Figure:
    """Measure the server's idle time between two steps."""
    values: dict[str, object] = {"upscale.5.scale_by": 1.5}
    for step, sampler in SAMPLERS.items():
        values |= {f"{step}.1.ckpt_name": model, f"{step}.{sampler}.steps": 1}
    for step, node in SIZED.items():
        values |= {f"{step}.{node}.width": SIDE, f"{step}.{node}.height": SIDE}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(url, workflows=ROOT / "workflows", data=Path(folder)) as app,
    ):
        began = time.time() * 1000
        for _ in range(CHAINS):
            whole_chain(app, values)
        runs = [run for run in times(url) if run[0] > began]
    assert len(runs) == CHAINS * STEPS, runs
    return Figure("real: between two steps of a chain", median(gaps_between(runs)), "ms", 150)


def rows_before_another(url: str, model: str, one: Prompt) -> Figure:
    """Return the largest number of batch rows that begin between another user's press and its
    run."""
    with tempfile.TemporaryDirectory() as folder, kept_batches(url, Path(folder)) as kept:
        first = random.getrandbits(40)
        batch = begun_batch(kept, range(first, first + ROWS), 2, **{MODEL: model})
        counts = []
        for at in range(PRESSES):
            rows = kept.batches.get(batch.id, ANN).done
            eventually(lambda rows=rows: kept.batches.get(batch.id, ANN).done > rows)
            one["4"]["inputs"]["seed"] = random.getrandbits(40) + at
            pressed = time.time() * 1000
            run = kept.runs.submit(Job(one, "another"), Origin(BOB), UNWATCHED)
            assert end_of(run) is Phase.DONE, run.state
            counts.append(sum(pressed < start for start, _ in times(url)) - 1)
        kept.batches.stop(batch.id, ANN)
    return Figure("real: rows begun before another person's run", max(counts), "rows", 1)
