"""Grids over HTTP: their cells, their image, their page, and a reopened grid."""

from __future__ import annotations

import json
import threading
from urllib.parse import quote

import pytest
import requests
from fastapi import HTTPException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.launch.uploads import Upload
from comfy.runs.interface import Origin
from tests.support.distribution import examples
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.samples.extra_nodes import CLIP, ENCODED, ENCODING
from tests.support.samples.media import saved
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.api.batches.grids import Drawing

MODEL, TEXT, STEPS, SEED = "1.ckpt_name", "2.text", "5.steps", "5.seed"
OPENED = "/grids/opened"
SMALL = {TEXT: "a red boat", STEPS: 1, "4.width": 256, "4.height": 256, SEED: None}


def ask(
    app: RunningApp, path: str, cookie: str = ANN, data: bytes | None = None
) -> requests.Response:
    path = path if path == OPENED else f"/batches/{path}"
    return requests.request(
        "GET" if data is None else "POST",
        f"{app.url}/api/v1{path}",
        cookies=cookie_of(cookie),
        data=data,
        timeout=LONGEST_WAIT,
    )


def test_a_running_grid_sends_its_new_cells(app: RunningApp) -> None:
    """The app sends only the cells that changed since the page's last update. If the app no longer
    knows that update, it sends all cells."""
    batches, owner = app.services.batches, f"browser:{ANN}"
    spec = BatchSpec((AxisSpec(SEED, "1..9"),))
    batch = batches.start("text-to-image", SMALL, spec, Origin(owner))
    batches.change(batch.id, owner, "pause")
    whole = ask(app, f"{batch.id}/grid").json()
    worker = f"batch-{batch.id[:8]}"  # which may just have begun a row
    eventually(lambda: worker not in {thread.name for thread in threading.enumerate()})
    news = ask(app, f"{batch.id}/grid?since={whole['mark']}").json()
    assert news["axes"] is None
    now = ask(app, f"{batch.id}/grid").json()
    changed = {cell["index"]: cell for cell in news["cells"]}
    assert [changed.get(cell["index"], cell) for cell in whole["cells"]] == now["cells"]
    assert len(changed) <= 3
    assert ask(app, f"{batch.id}/grid?since={now['mark']}").json()["cells"] == []
    batches.change(batch.id, owner, "stop")
    for other in (now["mark"], "x-1", f"{now['mark'].partition('-')[0]}-x"):
        assert len(ask(app, f"{batch.id}/grid?since={other}").json()["cells"]) == 9


def test_files_of_a_grid_are_not_in_its_image(app: RunningApp) -> None:
    """Another user who opens the image learns which fields lack files. Each page of the grid has
    its own image."""
    owner = f"browser:{ANN}"
    files = tuple(
        Upload(f"{name}.png", saved("PNG", Image.new("RGB", (size, 40))))
        for name, size in (("a", 30), ("b", 50))
    )
    form = app.services.forms.form("image-to-image", owner)[1]
    keys = {field.input: field.key for field in form.fields}
    spec = BatchSpec(
        (
            AxisSpec(keys["image"], files=files),
            AxisSpec(keys["steps"], "1, 2"),
            AxisSpec(keys["seed"], "5, 6"),
        )
    )
    batch = app.services.batches.start("image-to-image", {}, spec, Origin(owner))
    eventually(lambda: app.services.batches.get(batch.id, owner).state == "done")
    told = ask(app, f"{batch.id}/grid?page=1").json()
    assert [cell["index"] for cell in told["cells"]] == [1, 3, 5, 7]
    png = ask(app, f"{batch.id}/sheet.png?page=1").content
    opened = ask(app, OPENED, BOB, png).json()
    assert [axis["values"] for axis in opened["axes"]] == [[], ["1", "2"], ["5", "6"]]
    assert opened["missing"] == [form.field(keys["image"]).label]


def test_an_unvaried_file_of_a_grid_must_be_added_again(app: RunningApp) -> None:
    """The app also asks for a file in an added field, and restores that field."""
    owner, added = f"browser:{ANN}", "2.images.image1.image"
    name = app.services.forms.open(owner, "clip.json", json.dumps(CLIP).encode()).name
    photo, other = (Upload(f"{one}.png", saved("PNG")) for one in ("photo", "other"))
    base = {"1.image": photo, added: other, "3.fps": 3}
    spec = BatchSpec((AxisSpec("4.filename_prefix", "a\nb"),))
    batch = app.services.batches.start(name, base, spec, Origin(owner))
    png = ask(app, f"{batch.id}/sheet.png").content
    app.services.batches.delete(batch.id, owner)
    opened = ask(app, OPENED, ANN, png).json()
    assert opened["values"] == {"1.image": None, added: None, "3.fps": 3}
    assert opened["missing"] == ["Reference image 1", "Reference image 2"]
    assert opened["errors"] == {
        "1.image": "This grid was created with “photo.png”. Add that file again.",
        added: "This grid was created with “other.png”. Add that file again.",
    }


def test_fields_of_a_choice_can_vary(app: RunningApp) -> None:
    """Added files vary in the same way, both when the app checks the batch and when a user reopens
    its image."""
    owner, added = f"browser:{ANN}", "2.images.image1.image"
    name = app.services.forms.open(owner, "clip.json", json.dumps(CLIP).encode()).name
    varied = {f"{ENCODING}.crf": "20, 30", f"{ENCODING}.color_space": "sRGB, HDR"}
    uploads = app.services.copies.uploads
    image = uploads.make(owner, "a.png")
    image.write_bytes(saved("PNG"))
    told = [{"field": key, "text": text} for key, text in varied.items()]
    told.append({"field": added, "files": [{"file": uploads.place(image)}]})
    values = {**ENCODED, "1.image": "", added: ""}
    checked = requests.post(
        f"{app.url}/api/v1/workflows/{quote(name)}/batches/check",
        cookies=cookie_of(ANN),
        json={"axes": told, "values": values},
        timeout=LONGEST_WAIT,
    ).json()
    assert (checked["rows"], checked["problems"]) == (4, [])

    upload = Upload("a.png", saved("PNG"))
    axes = [AxisSpec(key, text) for key, text in varied.items()]
    spec = BatchSpec((*axes, AxisSpec(added, files=(upload,))))
    base = {**ENCODED, "1.image": upload, added: upload}
    batch = app.services.batches.start(name, base, spec, Origin(owner))
    png = ask(app, f"{batch.id}/sheet.png").content
    app.services.batches.delete(batch.id, owner)
    opened = ask(app, OPENED, ANN, png).json()
    assert [axis["field"] for axis in opened["axes"]] == [*varied, added]
    assert opened["values"] == {**ENCODED, "1.image": None, added: None}
    assert opened["missing"] == ["Reference image 2", "Reference image 1"]
    assert [*opened["errors"]] == ["1.image"]


def test_slow_readers_of_images_delay_no_other() -> None:
    """Any number of users can read an image at the same time, but each user only one."""
    drawing = Drawing()
    readers = [drawing.turn(f"person {at}", iter([b"an image", b" of a grid"])) for at in range(9)]
    begun = [next(one) for one in readers]
    with pytest.raises(HTTPException) as refused:
        next(drawing.turn("person 3", iter([b"another"])))
    assert refused.value.status_code == 429
    whole = [first + b"".join(rest) for first, rest in zip(begun, readers, strict=True)]
    assert whole == [b"an image of a grid"] * 9
    assert next(drawing.turn("person 3", iter([b"another"]))) == b"another"


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300) | st.binary(max_size=60).map(lambda tail: saved("PNG") + tail))
def test_any_other_file_is_refused_with_a_sentence(app: RunningApp, data: bytes) -> None:
    answer = ask(app, OPENED, ANN, data)
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith(".")
