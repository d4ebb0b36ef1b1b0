"""Costs that grow with a user's data: large graphs, many nodes, a long history."""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase, waiting
from comfy.form.build import build_form
from comfy.graph.convert import convert
from comfy.prompt.model import Prompt
from comfy.records.record import Job, Record
from comfy.records.rows import Wanted
from comfy.records.store import put_run
from comfy.runs.input_files import UPLOADS
from comfy.workflow.model import Workflow
from comfy.workflow.sanitize import without_folder
from tests.support.serving import changing, open_history
from tools.benchmarks.tools.figure import Figure

SHARED = Path(__file__).parents[3] / "shared"
RUNS = 10_000
CLASSES = 4180
IMAGES = 1600
OWNER, OTHER = "a", "b"


def measure() -> list[Figure]:
    """Measure the wall time of each case: the best of several tries, and for graphs the slowest
    graph."""
    return [*of_the_history(), *(of_real_workflows() if SHARED.is_dir() else ())]


def of_real_workflows() -> list[Figure]:
    """Measure the largest templates with a real server's catalog, both stored beside the
    checkout."""
    data = gzip.decompress((SHARED / "comfyui" / "object_info-0.33.0.json.gz").read_bytes())
    catalog = Catalog(json.loads(data))
    graphs = sorted(
        (SHARED / "workflows" / "gui_to_api" / "gui").glob("*.json"),
        key=lambda path: -path.stat().st_size,
    )
    largest = [json.loads(path.read_bytes()) for path in graphs[:5]]
    slowest = max(best(lambda graph=graph: convert(graph, catalog)) for graph in largest)  # type: ignore[misc]
    workflows = [Workflow("a", convert(graph, catalog).prompt, graph=graph) for graph in largest]
    built = max(best(lambda workflow=one: build_form(workflow, catalog)) for one in workflows)  # type: ignore[misc]
    chained = best(lambda: build_form(_chained_images(), catalog))
    parsing = best(lambda: Catalog(json.loads(data))["KSampler"])
    with_packs = _many_classes(catalog)
    sanitizing = best(lambda: without_folder(with_packs, UPLOADS))
    return [
        Figure("large: a template of 300 nodes converted", slowest, "s", 0.05),
        Figure("large: its form", built, "s", 0.2),
        Figure(f"large: a form of {IMAGES} images", chained, "s", 1),
        Figure("large: a catalog of 1.6 MB read", parsing, "s", 0.3),
        Figure(f"large: a catalog of {CLASSES} classes sanitized", sanitizing, "s", 0.3),
    ]


def _chained_images() -> Workflow:
    """Return a workflow that appends many images to one batch, one after the other."""
    prompt: Prompt = {"0": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    batch = "0"
    for number in range(1, IMAGES):
        loader, longer = str(number), f"{number}b"
        prompt[loader] = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
        images = {"image1": [batch, 0], "image2": [loader, 0]}
        prompt[longer] = {"class_type": "ImageBatch", "inputs": images}
        batch = longer
    saved = {"images": [batch, 0], "filename_prefix": "a"}
    return Workflow("a", prompt | {"end": {"class_type": "SaveImage", "inputs": saved}})


def _many_classes(catalog: Catalog) -> dict[str, Any]:
    """Return a raw catalog as large as a server's with 55 node packs. Its classes repeat a real
    server's under other names."""
    numbers = range(CLASSES // len(catalog) + 1)
    repeated = {f"{name} {n}": info for n in numbers for name, info in catalog.raw.items()}
    return dict(list(repeated.items())[:CLASSES])


def of_the_history() -> list[Figure]:
    """Measure a page, searches and a look-up among a user's 10,000 runs."""
    prompt = {str(n): {"class_type": "X", "inputs": {"text": "y" * 100}} for n in range(20)}
    values = {"2.text": "a lighthouse at dusk, " * 8, "5.seed": 2**63}
    job = Job(prompt, "portrait", values=values)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(open_history(Path(folder))) as history,
    ):
        state = replace(waiting("", prompt), phase=Phase.DONE, finished_at=0.0)
        record = Record("", OWNER, job, 0.0, state)
        with changing(Path(folder)) as connection:  # one by one they take minutes on a slow disk
            for number in range(RUNS):
                one = replace(record, id=f"r{number:05}", submitted_at=float(number))
                put_run(connection, one, float(number), {})
        asks: dict[str, Callable[[], object]] = {
            "a page": lambda: history.of(OWNER, Wanted("portrait")),
            "a page in the middle": lambda: history.of(OWNER, before="r05000"),
            "a search": lambda: history.of(OWNER, Wanted("portrait", "lighthouse harbour")),
            "a search for a number": lambda: history.of(OWNER, Wanted(text="9223372036854775809")),
            "one run": lambda: history.get("r00005", OWNER),
            "another's search": lambda: history.of(OTHER, Wanted(text="lighthouse")),
        }
        return [
            Figure(f"large: {name} of {RUNS} runs", best(ask), "s", 0.05)
            for name, ask in asks.items()
        ]


def best(ask: Callable[[], object], tries: int = 5) -> float:
    """Return the seconds of the fastest try."""
    took = []
    for _ in range(tries):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return min(took)
