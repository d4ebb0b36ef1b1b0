"""Templates judged for a real server's catalog: the first ones, all, and again after a restart."""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.library.catalog import CatalogCache
from comfy.media.decoding import DecodingSlots
from comfy.templates.offered import OfferedTemplates
from comfyui_standin import DemoServer, Templates
from tools.benchmarks.tools.figure import Figure

SHARED = Path(__file__).parents[3] / "shared"
TEMPLATES = 650
LONG = 600.0  # seconds


def measure() -> list[Figure]:
    """Measure 650 templates from a local server, with the graphs and the catalog that are stored
    beside the checkout."""
    if not SHARED.is_dir():
        return []
    data = gzip.decompress((SHARED / "comfyui" / "object_info-0.33.0.json.gz").read_bytes())
    with (
        tempfile.TemporaryDirectory() as folder,
        DemoServer(step_seconds=0, templates=_templates()) as demo,
        Client(demo.url) as client,
        ServerPool(client) as pool,
    ):
        catalog = CatalogCache(lambda: json.loads(data))
        catalog.get()

        def templates() -> OfferedTemplates:
            return OfferedTemplates(pool, catalog, Path(folder), DecodingSlots())

        new = templates()
        listed = _seconds(new.all)
        first = _seconds(lambda: new.readiness(0))
        whole = first + _seconds(lambda: new.readiness(LONG))
        restarted = templates()
        restarted.all()
        again = _seconds(lambda: restarted.readiness(LONG))
    return [
        Figure(f"templates: {TEMPLATES} of them listed", listed, "s", 0.3),
        Figure("templates: the first 24 judged", first, "s", 0.5),
        Figure("templates: all judged", whole, "s", 2.0),
        Figure("templates: all after a restart", again, "s", 0.2),
    ]


def _templates() -> Templates:
    """Return as many templates as the newest package has, each with its own content."""
    graphs = sorted((SHARED / "workflows" / "gui_to_api" / "gui").glob("*.json"))
    files: dict[str, bytes | Path] = {}
    for number, graph in enumerate(islice(cycle(graphs), TEMPLATES)):
        files[f"t{number}.json"] = graph.read_bytes() + b" " * number
    entries = [{"name": f"t{number}", "title": f"Template {number}"} for number in range(TEMPLATES)]
    files["index.json"] = json.dumps([{"title": "All", "templates": entries}]).encode()
    return Templates(files)


def _seconds(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before
