"""Grids over HTTP: their cells, their image, their page, and a reopened grid."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import quote

from PIL import Image

from comfy.batches.grids import KEYWORD
from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import AxisSpec, BatchSpec, Seeds
from comfy.runs.interface import Origin
from tests.support.http_client import ANN, BOB
from tests.support.serving import RunningApp
from tests.support.waiting import eventually
from tests.ui.api.page.test_grids import MODEL, OPENED, SEED, SMALL, STEPS, TEXT, ask

GOOD, BROKEN = "demo-landscapes.safetensors", "demo-broken.safetensors"


def ended(app: RunningApp, *axes: AxisSpec, seeds: Seeds = "form") -> BatchSummary:
    """Run one of Ann's batches and return it when it is done."""
    spec = BatchSpec(axes, seeds=seeds)
    batch = app.services.batches.start("text-to-image", SMALL, spec, Origin(f"browser:{ANN}"))
    owner = f"browser:{ANN}"
    eventually(lambda: app.services.batches.get(batch.id, owner).state == "done")
    return batch


def test_a_grid_is_listed_drawn_and_reopened(app: RunningApp) -> None:
    """The app lists cells column by column. The grid image carries its settings: other users can
    fill in their forms from it, and its owner can after deleting the batch. The app also exports
    the grid as an HTML page and as a ZIP with all results. Other users can't see the grid."""
    batch = ended(
        app,
        AxisSpec(MODEL, f"{GOOD}, {BROKEN}"),
        AxisSpec(TEXT, replace="boat\nship\n<b>日本"),
        seeds="one",
    )
    told = ask(app, f"{batch.id}/grid").json()
    assert [(axis["label"], [value[0] for value in axis["values"]]) for axis in told["axes"]] == [
        ("Model", ["demo-landscapes", "demo-broken"]),
        ("Prompt", ["boat", "ship", "<b>日本"]),
    ]
    assert [(cell["index"], cell["state"]) for cell in told["cells"]] == [
        *((at, "done") for at in range(3)),
        *((at, "failed") for at in range(3, 6)),
    ]
    runs = [app.runs.record(cell["page"]["run"], f"browser:{ANN}") for cell in told["cells"][:3]]
    assert len({run.job.values[SEED] for run in runs}) == 1
    assert [run.job.values[TEXT] for run in runs] == ["a red boat", "a red ship", "a red <b>日本"]

    png = ask(app, f"{batch.id}/sheet.png?cell=100&swapped=true")
    assert png.headers["content-disposition"].endswith("Text%20to%20image%20grid.png")
    image = Image.open(io.BytesIO(png.content))
    image.load()
    assert image.width > 300 > 75
    carried = json.loads(image.text[KEYWORD])  # type: ignore[attr-defined]
    assert carried["workflow"] == "text-to-image"
    assert str(app.services.copies.uploads) not in json.dumps(carried)

    assert ask(app, OPENED, ANN, png.content[:5000]).json() == {
        **{"batch": batch.id, "workflow": "", "values": {}, "axes": [], "seeds": "one"},
        **{"missing": [], "errors": {}},
    }
    opened = ask(app, OPENED, BOB, png.content[:5000]).json()
    assert (opened["batch"], opened["workflow"], opened["seeds"], opened["missing"]) == (
        None,
        "text-to-image",
        "one",
        [],
    )
    assert opened["values"][STEPS] == 1
    assert opened["values"][SEED] == runs[0].job.values[SEED]
    assert [(axis["field"], axis["values"], axis["find"]) for axis in opened["axes"]] == [
        (MODEL, [GOOD, BROKEN], ""),
        (TEXT, ["boat", "ship", "<b>日本"], "boat"),
    ]

    page = ask(app, f"{batch.id}/sheet.html").text
    assert page.count("data:image/webp;base64,") == 3
    assert page.count("Failed") == 3
    assert "<b>" not in page
    assert "<script" not in page
    with zipfile.ZipFile(io.BytesIO(ask(app, f"{batch.id}/sheet.zip").content)) as archive:
        *images, last = archive.namelist()
        assert (len(images), last) == (3, "grid.html")
        page = archive.read(last).decode()
        assert [name for name in images if f'src="{quote(name)}"' not in page] == []

    for path in ("grid", "sheet.png", "sheet.html", "sheet.zip"):
        assert ask(app, f"{batch.id}/{path}", BOB).status_code == 404
    assert ask(app, f"{batch.id}/grid?page=1").status_code == 404
    assert ask(app, f"{batch.id}/sheet.png?page=1").status_code == 404
    app.services.batches.delete(batch.id, f"browser:{ANN}")
    assert ask(app, OPENED, ANN, png.content[:5000]).json() == opened


def test_a_batch_without_axes_has_no_grid(app: RunningApp) -> None:
    """Paired fields, a table or too many cells make no grid. With one field, the cells form a
    row."""
    owner = f"browser:{ANN}"
    axes = AxisSpec(STEPS, "1, 2"), AxisSpec(SEED, "1, 2")
    paired = app.services.batches.start(
        "text-to-image", SMALL, BatchSpec(axes, paired=True), Origin(owner)
    )
    assert ask(app, f"{paired.id}/grid").status_code == 404
    app.services.batches.change(paired.id, owner, "stop")
    one = ended(app, AxisSpec(STEPS, "1, 2, 3"), seeds="each")
    told = ask(app, f"{one.id}/grid").json()
    runs = [app.runs.record(cell["page"]["run"], owner) for cell in told["cells"]]
    assert len({run.job.values[SEED] for run in runs}) == 3
    assert ask(app, f"{one.id}/sheet.png").status_code == 200
