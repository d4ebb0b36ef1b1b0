"""Uploads and `/view`: names as in ComfyUI, for each user's own files only."""

from __future__ import annotations

import errno
import hashlib
import io
import shutil
from typing import Any

import pytest
import requests
from PIL import Image

from comfyforms.plugins.comfyui_api.files import OwnFiles
from comfyforms.plugins.comfyui_api.tests.files import (
    copying,
    opened,
    png,
    result,
    send,
    upload,
    view,
)
from tests.support.http_client import ANN, BOB, cookie_of, get
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.options import Settings
from ui.settings.web_settings import permissions_of


def test_uploads_get_the_names_that_comfyui_gives(app: RunningApp) -> None:
    """Equal content keeps its name, other content gets a number, `overwrite` replaces it."""
    red, blue = png("red"), png("blue")
    named = [upload(app, one, "n.png").json()["name"] for one in (red, red, blue, blue)]
    assert named == ["n.png", "n.png", "n (1).png", "n (1).png"]
    answer = upload(app, blue, "n.png", overwrite="true").json()
    assert answer == {"name": "n.png", "subfolder": "", "type": "input"}
    assert view(app, filename="n.png", type="input").content == blue
    deep = upload(app, red, "n.png", subfolder="x/y", path="/api/upload/image").json()
    assert deep == {"name": "n.png", "subfolder": "x/y", "type": "input"}
    assert view(app, filename="n.png", type="input", subfolder="x/y").content == red


def test_reads_texts_that_are_sent_as_files(app: RunningApp) -> None:
    """Some programs send `overwrite` so. A second file of any size isn't a text."""
    red, blue = png("red"), png("blue")
    upload(app, red, "parts.png", subfolder="x")
    parts = {"overwrite": b"true", "subfolder": b"x", "type": b"input"}

    def send_parts(**more: bytes) -> requests.Response:
        files = {"image": ("parts.png", blue), **parts, **more}
        address = f"{app.url}/upload/image"
        return requests.post(address, files=files, cookies=cookie_of(ANN), timeout=LONGEST_WAIT)

    assert send_parts().json() == {"name": "parts.png", "subfolder": "x", "type": "input"}
    assert view(app, filename="parts.png", type="input", subfolder="x").content == blue
    assert send_parts(mask=bytes(5000)).status_code == 400
    assert send_parts(**{str(at): b"" for at in range(20)}).status_code == 400


def test_a_failed_overwrite_keeps_the_old_file(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = png("red")
    upload(app, red, "kept.png")
    (file,) = app.services.copies.uploads.path.glob("*/*/kept.png")
    monkeypatch.setattr(shutil, "copyfileobj", fails)
    assert upload(app, png("blue"), "kept.png", overwrite="true").status_code >= 400
    monkeypatch.undo()
    assert view(app, filename="kept.png", type="input").content == red
    assert [*file.parent.iterdir()] == [file]


def test_an_upload_reads_no_other_file_again(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many files of one name and size would make each further upload slower."""
    read: list[str] = []
    digest_of = hashlib.file_digest

    def digest(file: Any, kind: str) -> Any:
        read.append(kind)
        return digest_of(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    files = [png(color).ljust(500, b"\0") for color in ("red", "blue", "teal", "gold", "navy")]
    names = [upload(app, one, "many.png").json()["name"] for one in (*files, *files)]
    assert names == 2 * ["many.png", *(f"many ({number}).png" for number in range(1, 5))]
    assert len(read) == len(names)


def fails(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_only_the_owner_reaches_an_upload(app: RunningApp) -> None:
    """Users have the same names for their own files. A file of a client without an identity has a
    name that others can't guess."""
    upload(app, png("red"), "own.png")
    query = {"filename": "own.png", "type": "input"}
    assert view(app, BOB, **query).status_code == 404
    assert upload(app, png("blue"), "own.png", BOB).json()["name"] == "own.png"
    assert opened(view(app, **query)).getpixel((0, 0)) == (255, 0, 0)
    name = upload(app, png("red"), "own.png", "", overwrite="true").json()["name"]
    assert len(name) == len("own-.png") + 32
    assert view(app, "", **query).status_code == 404
    assert view(app, "", filename=name, type="input").status_code == 200
    assert view(app, filename=name, type="input").status_code == 404


@pytest.mark.parametrize("cookie", [ANN, ""])
def test_uploads_and_results_become_inputs_of_prompts(app: RunningApp, cookie: str) -> None:
    """A prompt reads the file under the name in the answer, another one reads the result of the
    first. Other users' prompts don't."""
    name = upload(app, png("teal", size=(64, 64)), "in.png", cookie).json()["name"]
    first = result(app, copying(name), cookie)
    value = f"{first['subfolder']}/{first['filename']} [{first['type']}]"
    second = result(app, copying(value), cookie)
    image = opened(view(app, cookie, **second))
    assert image.convert("RGB").getpixel((32, 32)) == (0, 128, 128)
    own = OwnFiles(app.services.copies, app.services.forms.permissions)
    assert own.find(f"browser:{cookie}", value)
    assert not own.find(f"browser:{BOB}", value)
    for theirs in (name, value):
        assert send(app, copying(theirs), BOB).status_code == 400


def test_view_converts_images(app: RunningApp) -> None:
    """A client can ask for a small preview, for the colors alone, and for the alpha alone."""
    image = Image.new("RGBA", (8, 8), (200, 100, 50, 77))
    content = io.BytesIO()
    image.save(content, "PNG")
    upload(app, content.getvalue(), "v.png")
    query = {"filename": "v.png", "type": "input"}
    for preview, kind in {"webp;90": "WEBP", "jpeg": "JPEG", "png;200": "WEBP"}.items():
        assert opened(view(app, **query, preview=preview)).format == kind
    colors = opened(view(app, **query, channel="rgb"))
    assert (colors.mode, colors.getpixel((0, 0))) == ("RGB", (200, 100, 50))
    assert opened(view(app, **query, channel="a")).getpixel((0, 0)) == (0, 0, 0, 77)
    upload(app, b"words", "v.txt")
    assert view(app, filename="v.txt", type="input", preview="webp").status_code == 400


def test_view_sends_results_as_comfyui_does(app: RunningApp) -> None:
    """The header names the file, and HEAD returns its size. Only the owner gets it."""
    upload(app, png("teal"), "r.png")
    file = result(app, copying("r.png"))
    answer = view(app, **file)
    assert answer.headers["content-disposition"] == f'filename="{file["filename"]}"'
    assert view(app, BOB, **file).status_code == view(app, "", **file).status_code == 404
    assert opened(view(app, **file, preview="webp;50")).format == "WEBP"
    head = requests.head(
        f"{app.url}/view", params=file, cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )
    assert head.headers["content-length"] == str(len(answer.content))


def test_view_finds_the_newest_result_without_its_subfolder(app: RunningApp) -> None:
    """Only the owner gets it. Clients that share an owner need the run's id."""
    upload(app, png("blue"), "blue.png")
    file = result(app, copying("blue.png"))
    newest = {"filename": file["filename"], "type": "output"}
    assert opened(view(app, **newest)).convert("RGB").getpixel((0, 0)) == (0, 0, 255)
    assert opened(view(app, **newest, preview="webp;90")).format == "WEBP"
    assert view(app, BOB, **newest).status_code == view(app, "", **newest).status_code == 404
    assert view(app, **newest | {"type": "input"}).status_code == 404


def test_uploads_keep_their_names_where_no_other_machine_comes() -> None:
    """Programs name their upload in a prompt without reading the answer."""
    alone = permissions_of(Settings(), None)
    with running_demo_app(permissions=alone) as (_, app):
        answer = upload(app, png("red"), "red.png", "", overwrite="true").json()
        assert answer == {"name": "red.png", "subfolder": "", "type": "input"}
        copy = copying("red.png")
        copy["3"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
        prompt_id = send(app, copy, "").json()["prompt_id"]
        eventually(lambda: get(app, f"/history/{prompt_id}", "").json())
        outputs = get(app, f"/history/{prompt_id}", "").json()[prompt_id]["outputs"]
        assert {node: len(one["images"]) for node, one in outputs.items()} == {"2": 1, "3": 1}


def test_attack_view_runs_no_script_and_leaves_no_folder(app: RunningApp) -> None:
    for name in ("x.html", "x.svg", "x.js", "x.xml"):
        upload(app, b"<svg onload='alert(1)'/>", name)
        answer = view(app, filename=name, type="input")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
    for wrong in ("../x.svg", "/etc/passwd", "a/../../x.svg", "..", "\\..\\x"):
        assert view(app, filename=wrong, type="input").status_code == 400, wrong
    assert view(app, filename="x.svg", type="input", subfolder="../..").status_code == 400
    assert view(app, filename="x.svg", type="models").status_code == 400
    assert view(app).status_code == 404
    for fields in ({"subfolder": "../up"}, {"subfolder": "/etc"}, {"type": "models"}):
        assert upload(app, png("red"), **fields).status_code == 400
    assert upload(app, png("red"), "../../up.png").status_code == 400
    assert upload(app, png("red"), "/up.png").json()["name"] == "up.png"
    empty = upload(app, b"", "empty.png")
    assert (empty.status_code, empty.json()["error"]["type"]) == (400, "refused")


def test_a_mask_becomes_the_alpha_of_an_image(app: RunningApp) -> None:
    """The mask goes over an upload or a result of the same user."""
    upload(app, png("red"), "below.png")
    mask, original = png("#00000040", "RGBA"), {"filename": "below.png", "type": "input"}
    fields = {"original_ref": original, "subfolder": "clipspace"}
    answer = upload(app, mask, "mask.png", path="/upload/mask", **fields).json()
    assert answer == {"name": "mask.png", "subfolder": "clipspace", "type": "input"}
    image = opened(view(app, filename="mask.png", subfolder="clipspace", type="input"))
    assert image.getpixel((0, 0)) == (255, 0, 0, 64)
    assert upload(app, mask, cookie=BOB, path="/upload/mask", **fields).status_code == 400
    for wrong in ("no JSON", [], {"filename": 1}, {"filename": "../below.png", "type": "input"}):
        refused = upload(app, mask, path="/upload/mask", original_ref=wrong)
        assert refused.status_code == 400
    large = png("red", "RGBA", (9, 9))
    assert upload(app, large, path="/upload/mask", original_ref=original).status_code == 400
