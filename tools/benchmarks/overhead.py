"""The time this program adds to a run, from submission to the result, compared with a bare
script."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from comfy.runs.registry import LocalRunRegistry
from comfy.workflow.model import read_workflow
from tests.support.registries import EmbeddedRegistry
from tools.benchmarks.tools import bare
from tools.benchmarks.tools.app_process import ROOT, running_app
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource

PAIRS = 5
STEPS = 20
STEP_SECONDS = 0.1
LOADING = 1.0  # seconds before the first preview


def measure() -> list[Figure]:
    """Measure the median ratio of paired runs on the same server. The order alternates from pair to
    pair."""
    ratios = []
    source = FrameSource(STEPS, STEP_SECONDS)
    with source.serve() as demo, Client(demo.url) as client:
        runs, prompt = EmbeddedRegistry(ServerPool(client)), prompts(client)
        try:
            bare.run(demo.url, next(prompt))
            for pair in range(PAIRS):
                taken = {}
                for ours in (True, False) if pair % 2 else (False, True):
                    taken[ours] = (
                        whole_run(runs, next(prompt)) if ours else bare.run(demo.url, next(prompt))
                    )
                ratios.append(taken[True] / taken[False])
        finally:
            runs.close()
    return [
        Figure(
            f"overhead: whole run / bare script ({STEPS * STEP_SECONDS:g} s)",
            median(ratios),
            "ratio",
            1.02,
        ),
        first_preview(),
    ]


def first_preview() -> Figure:
    """Measure the same for an unmodified ComfyUI client at the app's address, up to the first
    preview of a run that loads its model."""
    source = FrameSource(STEPS, STEP_SECONDS, lead=LOADING)
    with source.serve() as demo, running_app(demo.url, "--open", "yes") as app:
        return Figure(*to_first_preview("ComfyUI client", demo.url, app.url), "ratio", 1.05)


def to_first_preview(who: str, server: str, address: str) -> tuple[str, float]:
    """Return the figure's name, and the median ratio of paired runs at an address of the app and at
    its server."""
    ratios = []
    with Client(server) as client:
        prompt = prompts(client)
        for url in (server, address):
            bare.run(url, next(prompt))
        for pair in range(PAIRS):
            urls = (server, address) if pair % 2 else (address, server)
            taken = {url: bare.timed(url, next(prompt))[0] for url in urls}
            ratios.append(taken[address] / taken[server])
    return f"overhead: {who}'s first preview / at the server ({LOADING:g} s)", median(ratios)


def whole_run(runs: LocalRunRegistry, prompt: Prompt) -> float:
    """Return the seconds from submitting to the finished state."""
    started = time.perf_counter()
    run = runs.submit(Job(prompt, "text-to-image"), Origin("benchmark"), UNWATCHED)
    *_, last = run.watch(timeout=60)
    taken = time.perf_counter() - started
    assert last.phase is Phase.DONE, last.error
    return taken


def prompts(client: Client) -> Iterator[Prompt]:
    """Yield text-to-image prompts as the form fills them, each with a new seed, so that the server
    reuses no result."""
    workflow = read_workflow(ROOT / "workflows" / "text-to-image.json")
    form = build_form(workflow, Catalog(client.object_info()))
    values, errors = check(
        form, {field.key: None for field in form.fields if field.widget == "seed"}
    )
    assert not errors, errors
    rng = random.Random(0)
    while True:
        yield fill(workflow, form, values, rng)[0]
