"""Examples on the stage of workflows without an author's cover."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from PIL import Image

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer, Templates
from tests.support.brought import image_with, own_prompt
from tests.support.http_client import ANN, BOB, get
from tests.support.samples.graphs import image_edit
from tests.support.serving import RunningApp, Served, running_app
from tests.templates.template_server import entry, image, index_of
from tests.ui.api.api_calls import call
from ui.page.covers import Covers, Example

NAME = "api_grok_image_edit"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    """Serve an app whose server offers one template, with images of its input and its result."""
    files = {
        "index.json": index_of(entry(NAME, thumbnailVariant="compareSlider")),
        f"{NAME}-1.webp": image((1200, 900)),
        f"{NAME}-2.webp": image((400, 300)),
    }
    permissions = Permissions(open=lambda _: True, templates=lambda _: True)
    with (
        DemoServer(step_seconds=0, templates=Templates(files)) as demo,
        running_app(demo.url, permissions=permissions) as app,
    ):
        yield demo, app


def opened(app: RunningApp, data: bytes, file: str) -> tuple[str, Example]:
    """Open a file and return the workflow's name and example."""
    name = call(app, "POST", f"/workflows?file={file}", data=data).json()["name"]
    owner = f"browser:{ANN}"
    workflow, _ = app.services.forms.form(name, owner)
    covers = Covers(app.services.library, app.services.templates)
    return name, covers.example(workflow, name, owner)


def test_a_template_has_its_servers_images(app: RunningApp) -> None:
    """The file may have any name. The result's image is large enough for the stage."""
    _, example = opened(app, json.dumps(image_edit()).encode(), "mine.json")
    sizes = [
        Image.open(io.BytesIO(get(app, address).content)).size
        for address in (example.url, example.before)
    ]
    assert sizes == [(1024, 768), (400, 300)]
    other = json.dumps({**image_edit(), "links": []}).encode()
    assert opened(app, other, f"{NAME}.json")[1] == Example()


def test_an_opened_image_is_its_own_example(app: RunningApp) -> None:
    """Only its user gets it, drawn again without the workflow in it."""
    name, example = opened(app, image_with(prompt=own_prompt("a hat")), "fox.png")
    answer = get(app, example.url)
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.content)).size == (8, 8)
    assert b"a hat" not in answer.content
    assert call(app, "GET", f"/../../page/covers/{name}", BOB).status_code == 404
    name, example = opened(app, json.dumps(own_prompt("no image")).encode(), "fox.json")
    assert example == Example()
    assert get(app, f"/page/covers/{name}").status_code == 404
