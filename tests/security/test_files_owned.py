"""Uploads belong to their owner, the app serves results at its own addresses, and any file name
works."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from comfy.media.svg import is_plain_drawing
from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, BOB, cookie_of, get
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, Served
from tests.support.waiting import LONGEST_WAIT

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


def upload(app: RunningApp, data: bytes, cookie: str = ANN) -> str:
    files = {"files": ("a.png", data)}
    return str(
        requests.post(
            f"{app.url}/gradio_api/upload",
            files=files,
            cookies=cookie_of(cookie),
            timeout=LONGEST_WAIT,
        ).json()[0]
    )


def test_finding_22_an_upload_is_read_by_its_owner_only(served: Served) -> None:
    """Another user or an anonymous caller who knows the path gets no file, no field that shows it,
    and no run that uses it."""
    _, app = served
    place = upload(app, saved("PNG"))
    assert get(app, f"/gradio_api/file={place}").content == saved("PNG")
    for cookie in (BOB, ""):
        assert get(app, f"/gradio_api/file={place}", cookie).status_code == 404
    page = PageCalls(app, BOB).open("image-to-image", kept={"4.image": {"file": place}})
    assert page.component("field-4-image")["props"]["value"] is None
    errors = page.said(page.press({"4.image": {"file": place}}))["errors"]
    assert "no longer exists" in errors["4.image"]


def test_finding_22_no_answer_contains_a_local_path(served: Served) -> None:
    """Neither the answer to an upload nor a form with the upload contains a path."""
    _, app = served
    place = upload(app, saved("PNG"))
    page = PageCalls(app).open("image-to-image", kept={"4.image": {"file": place}})
    told = json.dumps([place, page.components, page.draw(page.choice).text])
    assert str(app.services.copies.uploads.path) not in told
    assert not Path(place).is_absolute()


@pytest.mark.parametrize("name", ["名前.png", "Zoë 🎈.png", 'a"b\\c.png', "plain.png"])
def test_finding_16_the_stand_in_sends_files_of_any_name(served: Served, name: str) -> None:
    """A header holds Latin-1 characters only, but a file name may have any character."""
    demo, _ = served
    folder = demo.storage.folder("output")
    assert folder is not None
    (folder / name).write_bytes(saved("PNG"))
    answer = requests.get(
        f"{demo.url}/view?type=output&filename={quote(name)}", timeout=LONGEST_WAIT
    )
    assert answer.content == saved("PNG")
    assert "filename" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "inside",
    [
        '<rect width="9" height="9" fill="red"/>',
        '<defs><linearGradient id="a"/></defs><g id="x"><path d="M0 0" style="fill:url(#a)"/></g>',
        "<metadata>words</metadata><title>A title</title>",
        '<image href="data:image/png;base64,AAAA"/>',
    ],
)
def test_finding_08_a_plain_drawing_is_one(inside: str) -> None:
    """An SVG drawing with shapes, gradients, notes or embedded images counts as plain."""
    assert is_plain_drawing(f"<svg {NAMESPACE}>{inside}</svg>".encode())


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>",
        '<rect onclick="x"/>',
        '<image href="http://127.0.0.1/a.png"/>',
        "<foreignObject/>",
        '<style>@import "x"</style>',
        "<style>a{fill:url(http://127.0.0.1/)}</style>",
        '<g id="a"><use href="#b"/></g>',
        '<rect fill="url(//host/x)"/>',
        '<a href="javascript:x"><rect/></a>',
        '<rect style="fill:u\\72l(x)"/>',
        "<animate/>",
        "<set/>",
        '<metadata><script xmlns="http://www.w3.org/2000/svg"/></metadata>',
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml"/>',
        "<g>" * 300 + "</g>" * 300,
        "<rect/>" * 30_000,
        "<rect>",
    ],
)
def test_finding_08_anything_else_is_a_download(inside: str) -> None:
    """Drawings with scripts, events, addresses or self-multiplying content are downloads, and so
    are incomplete drawings."""
    assert not is_plain_drawing(f"<svg {NAMESPACE}>{inside}</svg>".encode())
    assert not is_plain_drawing(f'<!DOCTYPE svg [<!ENTITY a "b">]><svg {NAMESPACE}/>'.encode())
