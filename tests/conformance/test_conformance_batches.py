"""The app in front of the server: a batch of rows, and a grid of cells with its image."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.services.open_batch import BatchSummary
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp, running_app
from tests.support.speaking import PATIENCE, ServerUnderTest, fresh_prompt
from tests.support.waiting import LONGEST_WAIT, eventually

ROWS = 20
SEED, CFG = "3.seed", "3.cfg"
OWNER = f"browser:{ANN}"


@pytest.fixture
def app(server: ServerUnderTest, tmp_path: Path) -> Iterator[RunningApp]:
    """The app in front of the server, with one workflow."""
    small = fresh_prompt(server, steps=1, size=64)
    (tmp_path / "small.json").write_text(json.dumps(small))
    with running_app(server.url, workflows=tmp_path, demo=server.stand_in) as one:
        yield one


def ended(app: RunningApp, *axes: AxisSpec) -> BatchSummary:
    """A batch that has come to its end."""
    batches = app.services.batches
    batch = batches.start("small", {}, BatchSpec(axes, seeds="one"), OWNER)
    eventually(lambda: batches.get(batch.id, OWNER).state != "running", "it ends", PATIENCE)
    return batches.get(batch.id, OWNER)


def test_each_row_of_a_batch_is_done_once(app: RunningApp, server: ServerUnderTest) -> None:
    """Each with its own value, which is in the image's metadata; the server has run no more."""
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
    """Three values of two fields are nine cells, and an image of three by three."""
    batch = ended(app, AxisSpec(CFG, "1, 7, 12"), AxisSpec(SEED, "101..103"))
    address = f"{app.url}/batches/{batch.id}"
    told = requests.get(f"{address}/grid", cookies=cookie_of(ANN), timeout=LONGEST_WAIT).json()
    assert [len(axis["values"]) for axis in told["axes"]] == [3, 3]
    assert [cell["state"] for cell in told["cells"]] == ["done"] * 9
    sheet = requests.get(
        f"{address}/sheet.png?cell=64", cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )
    image = Image.open(io.BytesIO(sheet.content))
    image.load()
    assert min(image.size) > 3 * 64
