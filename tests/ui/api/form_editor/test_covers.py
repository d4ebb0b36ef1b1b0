"""Authors choose a result as the cover of a workflow."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.serving import WORKFLOWS, RunningApp
from tests.ui.api.form_editor.editor_calls import at, editor, save, send

SMALL = {"5.steps": 1, "4.width": 256, "1.ckpt_name": "demo-landscapes.safetensors"}


def test_a_result_becomes_the_cover(app: RunningApp) -> None:
    """It lies beside the workflow as a WebP and isn't listed as a workflow. A cover that no version
    uses is removed after a day."""
    folder = app.services.folder.path
    before = {one["name"] for one in get(app, "/api/v1/workflows").json()["workflows"]}
    run = finished(start(app, "text-to-image", ANN, **SMALL))
    answer = send(app, "PUT", at("text-to-image", "/cover"), {"run": run.id, "index": 0})
    cover = answer.json()["cover"]
    with Image.open(folder / cover) as image:
        assert (image.format, image.width) == ("WEBP", 256)
    unused = folder / "text-to-image-cover-01234567.webp"
    unused.touch()
    os.utime(unused, (0, 0))
    document = editor(app, "text-to-image")
    assert cover in document["images"]
    document["settings"]["cover"] = cover
    assert save(app, "text-to-image", document).status_code == 200
    assert get(app, "/page/covers/text-to-image").content == (folder / cover).read_bytes()
    assert not unused.exists()
    assert {one["name"] for one in get(app, "/api/v1/workflows").json()["workflows"]} == before


def test_only_own_images_become_covers(app: RunningApp, tmp_path: Path) -> None:
    """Other users' results are unknown, and a private workflow has no place for a cover."""
    run = finished(start(app, "text-to-image", ANN, **SMALL))
    given = {"run": run.id, "index": 0}
    assert send(app, "PUT", at("text-to-image", "/cover"), given, BOB).status_code == 404
    assert send(app, "PUT", at("text-to-image", "/cover"), given | {"index": 9}).status_code == 404


def test_authors_see_the_images_beside_a_workflow(app: RunningApp) -> None:
    """Only images that can be a cover are sent."""
    path = "/page/covers/text-to-image"
    assert (
        get(app, f"{path}?image=upscale.webp").content == (WORKFLOWS / "upscale.webp").read_bytes()
    )
    for name in ("upscale.json", "../upscale.webp", "none.webp", ".."):
        assert get(app, f"{path}?image={name}").status_code == 404, name
