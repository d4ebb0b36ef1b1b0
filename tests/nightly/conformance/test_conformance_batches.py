"""Batches and grids of the app with the tested server, including a killed app or server."""

from __future__ import annotations

import io
import json
import os
import random
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.batches.kept_batches import ANN as LIVING
from tests.batches.kept_batches import MODEL, kept_batches, killed_batches
from tests.nightly.conformance.conftest import STEP_SECONDS
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp, running_app
from tests.support.speaking import PATIENCE, ServerUnderTest, fresh_prompt
from tests.support.waiting import LONGEST_WAIT, eventually

ROWS, FEW = 20, 5
SEED, CFG = "3.seed", "3.cfg"
OWNER = f"browser:{ANN}"


@pytest.fixture
def other(server: ServerUnderTest) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return the URL of another server with the same checkpoint, and a function that kills it."""
    if server.stand_in:
        with DemoServer(step_seconds=STEP_SECONDS, load_seconds=0) as one:
            yield one.url, one.stop
        return
    urls, kill = os.environ.get("COMFYUI_URLS", "").split(), os.environ.get("COMFYUI_KILL", "")
    if not (urls and kill):
        pytest.skip("COMFYUI_URLS names no other server, or COMFYUI_KILL no command to kill it")
    yield urls[-1], partial(subprocess.run, shlex.split(kill), check=True)


@pytest.fixture
def app(server: ServerUnderTest, tmp_path: Path) -> Iterator[RunningApp]:
    """Run the app with the tested server and one workflow."""
    small = fresh_prompt(server, steps=1, size=64)
    (tmp_path / "small.json").write_text(json.dumps(small))
    with running_app(server.url, workflows=tmp_path, demo=server.stand_in) as one:
        yield one


def ended(app: RunningApp, *axes: AxisSpec) -> BatchSummary:
    """Run a batch to its end and return its summary."""
    batches = app.services.batches
    batch = batches.start("small", {}, BatchSpec(axes, seeds="one"), Origin(OWNER))
    eventually(lambda: batches.get(batch.id, OWNER).state != "running", "it ends", PATIENCE)
    return batches.get(batch.id, OWNER)


def test_each_row_of_a_batch_is_done_once(app: RunningApp, server: ServerUnderTest) -> None:
    """Each row runs once with its own value, which the image's metadata contains. The server runs
    nothing else."""
    known = server.get("/history").keys()
    batch = ended(app, AxisSpec(SEED, f"1..{ROWS}"))
    assert (batch.state, batch.done, batch.failed) == ("done", ROWS, 0)
    states = app.services.batches.table(batch.id, OWNER).states
    seeds = []
    for row in range(ROWS):
        record = app.runs.record(states.run(row), OWNER)
        path = app.services.copies.blobs.path(record.state.files[0].digest)
        assert path
        with Image.open(path) as image:
            seeds.append(json.loads(image.info["prompt"])["3"]["inputs"]["seed"])
    assert seeds == list(range(1, ROWS + 1))
    assert len(server.get("/history").keys() - known) == ROWS


def test_a_grid_shows_all_its_combinations(app: RunningApp) -> None:
    """Three values for each of two fields give nine cells and a three-by-three image."""
    batch = ended(app, AxisSpec(CFG, "1, 7, 12"), AxisSpec(SEED, "101..103"))
    address = f"{app.url}/api/v1/batches/{batch.id}"
    told = requests.get(f"{address}/grid", cookies=cookie_of(ANN), timeout=LONGEST_WAIT).json()
    assert [len(axis["values"]) for axis in told["axes"]] == [3, 3]
    assert [cell["state"] for cell in told["cells"]] == ["done"] * 9
    sheet = requests.get(
        f"{address}/sheet.png?cell=64", cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )
    image = Image.open(io.BytesIO(sheet.content))
    image.load()
    assert min(image.size) > 3 * 64


def test_a_batch_resumes_after_a_kill(server: ServerUnderTest, tmp_path: Path) -> None:
    """Each row is completed once. The app doesn't send completed rows to the server again."""
    known = server.get("/history").keys()

    def done() -> int:
        return len(server.get("/history").keys() - known)

    values = {MODEL: server.checkpoint, "4.cfg": round(random.uniform(2, 9), 3)}
    with killed_batches(server.url, tmp_path, FEW, **values):
        eventually(lambda: done() > 1, "some of them are done", PATIENCE)
    with kept_batches(server.url, tmp_path) as one:
        (batch,) = one.batches.of(LIVING)
        eventually(lambda: one.batches.get(batch.id, LIVING).finished, "it ends", PATIENCE)
        batch = one.batches.get(batch.id, LIVING)
    assert (batch.state, batch.done, batch.failed) == ("done", FEW, 0)
    assert done() == FEW


def test_no_row_is_lost_with_a_server_that_is_killed(
    server: ServerUnderTest, other: tuple[str, Callable[[], object]], tmp_path: Path
) -> None:
    """Two servers share the rows, and one of them is killed. The app still gets all results."""
    url, kill = other
    small = fresh_prompt(server, steps=4, size=64)
    (tmp_path / "small.json").write_text(json.dumps(small))
    with running_app(server.url, url, workflows=tmp_path, demo=server.stand_in) as app:
        batches, runs = app.services.batches, app.runs
        spec = BatchSpec((AxisSpec(SEED, f"1..{ROWS}"),), seeds="one")
        batch = batches.start("small", {CFG: round(random.uniform(2, 9), 3)}, spec, Origin(OWNER))

        def rows() -> list[Record]:
            states = batches.table(batch.id, OWNER).states
            done = [at for at in range(ROWS) if states[at] == "done"]
            return [runs.record(states.run(at), OWNER) for at in done]

        eventually(lambda: {one.server for one in rows()} == {server.url, url}, "both", PATIENCE)
        kill()
        eventually(lambda: batches.get(batch.id, OWNER).state != "running", "it ends", PATIENCE)
        assert batches.get(batch.id, OWNER).done == ROWS
        kept = app.services.copies.blobs
        assert all(kept.path(file.digest) for one in rows() for file in one.state.files)
