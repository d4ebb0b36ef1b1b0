"""Values as the page's script sends them (`ui.documents.browser_values`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from comfy.form.seeds import CountUp
from comfy.launch.uploads import Refused, Upload
from tests.support.http_client import ANN
from tests.support.samples.forms import WORKFLOWS
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app
from tests.ui.api.api_calls import call
from ui.parts import Parts

OWNER = f"browser:{ANN}"
SEED = "5.seed"
RUNS = "/workflows/text-to-image/runs"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0) as (_, app):
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    yield running
    running.close_idle()


def value_of(app: RunningApp, workflow: str, key: str, value: object) -> object:
    reader = Parts(app.services).reader.of(OWNER)
    return reader.value(reader.form(workflow, {}).field(key), value)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"after": "41"}, CountUp(41)),
        ({"after": 2**64 - 1}, CountUp(2**64 - 1)),
        ({"from": "41"}, CountUp(41, is_used=False)),
        (None, None),
        ("41", "41"),
        ({"from": "-1"}, {"from": "-1"}),
        ({"after": "9" * 5000}, {"after": "9" * 5000}),
        ({"after": None}, {"after": None}),
    ],
)
def test_reads_seeds_that_count(app: RunningApp, sent: object, taken: object) -> None:
    """The app refuses an invalid seed on its field later."""
    assert value_of(app, "text-to-image", SEED, sent) == taken


def test_returns_seeds_as_digits(app: RunningApp) -> None:
    """JavaScript numbers would lose the last digits."""
    told = call(app, "POST", RUNS, json={"values": {SEED: {"after": str(2**60)}}}).json()
    assert told["seeds"] == {SEED: str(2**60 + 1)}


def test_takes_an_upload_and_its_paint(app: RunningApp) -> None:
    """An unpainted image in a mask field gets an alpha channel. The error for a missing file gives
    the file's name."""
    uploads = app.services.copies.uploads
    file = uploads.make(OWNER, "a.png")
    file.write_bytes(saved("PNG"))
    place = uploads.place(file)
    assert isinstance(value_of(app, "image-to-image", "4.image", {"file": place}), Upload)
    assert isinstance(value_of(app, "inpaint", "4.image", {"file": place, "mask": None}), Upload)
    painted = value_of(app, "inpaint", "4.image", {"file": place, "mask": place})
    assert isinstance(painted, Upload)
    assert painted.name.endswith("painted.png")
    assert value_of(app, "image-to-image", "4.image", {"file": None}) is None
    gone = value_of(app, "image-to-image", "4.image", {"file": "0/a.png", "name": "my.png"})
    assert isinstance(gone, Refused)
    assert gone.name == "my.png"


def test_reports_a_seed_for_any_input_name(app: RunningApp) -> None:
    """A number node that feeds a seed counts up between runs, like a seed."""
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text("utf-8"))
    prompt["99"] = {"class_type": "PrimitiveInt", "inputs": {"value": 5}}
    prompt["5"]["inputs"]["seed"] = ["99", 0]
    name = app.services.forms.open(OWNER, "number.json", json.dumps(prompt).encode()).name
    path = f"/workflows/{quote(name)}/runs"
    told = call(app, "POST", path, json={"values": {"99.value": {"after": "41"}}}).json()
    assert told["seeds"] == {"99.value": "42"}
