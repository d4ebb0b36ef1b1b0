"""A batch's rows and the names of their files, over REST."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
import requests

from comfy.batches.spec import Seeds
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import QUICK, call

BATCH = "/workflows/text-to-image/batches?wait=true"


def result_of(app: RunningApp, batch: str, name: str) -> bytes:
    """Return a file of a batch's results."""
    address = f"{app.url}/api/v1/batches/{batch}/{name}"
    return requests.get(address, cookies=cookie_of(ANN), timeout=LONGEST_WAIT).content


@pytest.mark.parametrize("seeds", ["form", "each"])
def test_results_contain_drawn_seeds(app: RunningApp, seeds: Seeds) -> None:
    """Each row has its own seed. The batch's table makes the same runs again, and its grid opens
    with a separate seed per cell."""
    axes = [{"field": "2.text", "text": "a boat\na sea"}]
    body = {"values": QUICK, "axes": axes, "seeds": seeds}
    batch = call(app, "POST", BATCH, json=body).json()
    table = result_of(app, batch["id"], "results.csv").decode()
    told = [row["Seed"] for row in csv.DictReader(io.StringIO(table, newline=""))]
    again = {"values": QUICK, "table": {"name": "results.csv", "text": table}}
    runs = [
        [row["run"]["values"] for row in call(app, "GET", f"{one['url']}/rows").json()["rows"]]
        for one in (batch, call(app, "POST", BATCH, json=again).json())
    ]
    assert told == [str(values["5.seed"]) for values in runs[0]]
    assert len({*told}) == 2
    assert runs[1] == runs[0]
    image = result_of(app, batch["id"], "sheet.png?cell=100")
    opened = requests.post(
        f"{app.url}/api/v1/grids/opened",
        data=image[:5000],
        cookies=cookie_of(""),
        timeout=LONGEST_WAIT,
    ).json()
    assert (opened["seeds"], opened["values"]["5.seed"]) == ("each", None)


def test_a_cell_counts_the_results_it_does_not_show(app: RunningApp) -> None:
    axes = [{"field": "2.text", "text": "a boat\na sea"}]
    body = {"values": {**QUICK, "4.batch_size": 3}, "axes": axes}
    batch = call(app, "POST", BATCH, json=body).json()
    cells = call(app, "GET", f"{batch['url']}/grid").json()["cells"]
    assert [cell["page"]["more"] for cell in cells] == [2, 2]


def test_an_empty_cell_shows_the_value_of_its_run(app: RunningApp) -> None:
    """Rows and file names show the form's value. They omit a seed that the row draws and a value
    that the form leaves to the workflow."""
    text = "Prompt,Steps,Seed,5.cfg\na boat,1,3,5\n,2,,\n"
    values = {**QUICK, "2.text": "a red boat"}
    body = {"values": values, "table": {"name": "a.csv", "text": text}}
    batch = call(app, "POST", BATCH, json=body).json()
    rows = call(app, "GET", f"{batch['url']}/rows").json()["rows"]
    assert [row["values"] for row in rows] == [
        {"2.text": "a boat", "5.steps": "1", "5.seed": "3", "5.cfg": "5"},
        {"2.text": "a red boat", "5.steps": "2"},
    ]
    archive = result_of(app, batch["id"], "results.zip?pattern={row}{Prompt}{5.cfg}")
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    assert names == ["1a-boat5.png", "2a-red-boat.png", "results.csv"]
