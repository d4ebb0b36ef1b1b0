"""Presets over HTTP: a user's own, shared presets, and the right to change them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from comfy.library.permissions import Permissions
from tests.support.http_client import ANN, BOB, cookie_of, get
from tests.support.samples.histories import bytes_kept
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT

OF_TEXT = "/api/v1/presets?workflow=text-to-image"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app in which only ANN may add workflows."""
    permissions = Permissions(keep=lambda owner: owner == f"browser:{ANN}")
    with running_demo_app(step_seconds=0, permissions=permissions) as served:
        yield served


def ask(
    app: RunningApp, method: str, path: str, cookie: str = ANN, **body: object
) -> requests.Response:
    """Send a request as the page of a browser with this cookie does."""
    return requests.request(
        method, app.url + path, cookies=cookie_of(cookie), json=body or None, timeout=LONGEST_WAIT
    )


def listed(app: RunningApp, cookie: str = ANN) -> dict[str, Any]:
    return dict(ask(app, "GET", OF_TEXT, cookie).json())


def values_of(
    app: RunningApp, name: str, cookie: str = ANN, *, of: str = OF_TEXT, shared: bool = False
) -> dict[str, Any]:
    path = of.replace("?", "/values?") + f"&name={name}&shared={shared}"
    answer = ask(app, "GET", path, cookie)
    return dict(answer.json()["values"] if answer.ok else answer.json())


def given(app: RunningApp, data: bytes, cookie: str = ANN) -> str:
    """Upload a file as this user and return its path."""
    answer = requests.post(
        f"{app.url}/gradio_api/upload",
        files={"files": ("a.png", data)},
        cookies=cookie_of(cookie),
        timeout=LONGEST_WAIT,
    )
    return str(answer.json()[0])


def read(app: RunningApp, place: object, cookie: str = ANN) -> bytes | None:
    """Return the file at a path, or None if this user has no file there."""
    answer = get(app, f"/gradio_api/file={place}", cookie)
    return answer.content if answer.ok else None


def test_presets_are_private(app: RunningApp) -> None:
    """Users save, list, overwrite and delete their own presets. The app leaves out hidden fields
    and invalid values."""
    values = {
        "2.text": "a cat",
        "5.steps": 7,
        "5.seed": "+41",
        "4.width": "wide",
        "9.nothing": 1,
        "5.cfg": 2.5,
    }
    assert ask(app, "POST", OF_TEXT, name=" Cats ", values=values).status_code == 204
    right = {"2.text": "a cat", "5.steps": 7, "5.seed": "+41", "5.cfg": 2.5}
    listing = {"own": ["Cats"], "own_values": ["Prompt a cat · Steps 7 · Guidance scale 2.5"]}
    listing |= {"shared": [], "shared_values": []}
    assert listed(app) == listing | {"may_share": True}
    assert values_of(app, "Cats") == right
    assert values_of(app, "Cats", BOB)["detail"] == "This preset no longer exists."
    listing |= {"own": [], "own_values": []}
    assert listed(app, BOB) == listing | {"may_share": False}
    ask(app, "DELETE", f"{OF_TEXT}&name=Cats", BOB)
    ask(app, "POST", OF_TEXT, name="Cats", values={"5.steps": 8})
    assert values_of(app, "Cats") == {"5.steps": 8}
    assert ask(app, "DELETE", f"{OF_TEXT}&name=Cats").status_code == 204
    assert ask(app, "DELETE", f"{OF_TEXT}&name=Cats").status_code == 409
    assert listed(app)["own"] == []


def test_a_preset_gets_another_name(app: RunningApp) -> None:
    """A user can rename a preset that the user may overwrite. The app refuses the name of another
    preset, which would be lost."""
    for name, steps in (("Cats", 3), ("Dogs", 4)):
        ask(app, "POST", OF_TEXT, name=name, values={"5.steps": steps})
    cats = f"{OF_TEXT}&name=Cats"
    taken = ask(app, "PATCH", cats, name="Dogs")
    assert (taken.status_code, taken.json()["detail"]) == (
        409,
        "A preset “Dogs” already exists.",
    )
    assert ask(app, "PATCH", cats, BOB, name="Mine").status_code == 409
    assert ask(app, "PATCH", f"{cats}&shared=true", BOB, name="Mine").status_code == 409
    assert ask(app, "PATCH", cats, name=" ").status_code == 409
    assert listed(app)["own"] == ["Cats", "Dogs"]
    assert ask(app, "PATCH", cats, name=" Kittens ").status_code == 204
    assert ask(app, "PATCH", cats, name="Lions").json()["detail"] == (
        "This preset no longer exists."
    )
    assert listed(app)["own"] == ["Dogs", "Kittens"]
    assert (values_of(app, "Kittens"), values_of(app, "Dogs")) == ({"5.steps": 3}, {"5.steps": 4})
    for name in ("Dogs", "Kittens"):
        ask(app, "DELETE", f"{OF_TEXT}&name={name}")


def test_shared_presets_can_be_changed_only_with_permission(app: RunningApp) -> None:
    """All users see shared presets. A user who can't add workflows gets an error, and the presets
    don't change."""
    shared = {"name": "House style", "values": {"5.steps": 9}, "shared": True}
    refused = ask(app, "POST", OF_TEXT, BOB, **shared)
    assert refused.status_code == 409
    assert "shared presets" in refused.json()["detail"]
    assert ask(app, "POST", OF_TEXT, **shared).status_code == 204
    path = f"{OF_TEXT}&name=House%20style&shared=true"
    assert ask(app, "DELETE", path, BOB).status_code == 409
    assert listed(app, BOB)["shared"] == ["House style"]
    assert values_of(app, "House style", BOB, shared=True) == {"5.steps": 9}
    assert listed(app, BOB)["own"] == []
    assert ask(app, "DELETE", path).status_code == 204
    assert listed(app, BOB)["shared"] == []


def test_an_unavailable_workflow_has_no_presets(app: RunningApp) -> None:
    """The app answers 404 with a sentence, as for an unknown workflow. Without a cookie, it saves
    no preset."""
    for method in ("GET", "POST"):
        answer = ask(app, method, "/api/v1/presets?workflow=none", name="x", values={})
        assert answer.status_code == 404
        assert answer.json()["detail"]
    assert ask(app, "POST", OF_TEXT, "", name="x", values={}).status_code == 409


OF_INPAINT = "/api/v1/presets?workflow=inpaint"


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_a_preset_holds_files_and_masks(app: RunningApp, shared: bool) -> None:
    """The app restores the image and mask unchanged, as copies for the users of the preset only.
    Deleting the preset deletes its files."""
    image, mask = saved("PNG"), saved("PNG", Image.new("LA", (8, 8), (255, 200)))
    value = {"file": given(app, image), "mask": given(app, mask)}
    told = {"name": "x", "values": {"4.image": value, "7.steps": 3}, "shared": shared}
    assert ask(app, "POST", OF_INPAINT, **told).status_code == 204
    blobs = app.services.copies.blobs
    assert bytes_kept(blobs) == len(image) + len(mask)
    for cookie in (ANN, BOB):
        back = values_of(app, "x", cookie, of=OF_INPAINT, shared=shared)
        if cookie == BOB and not shared:
            assert back["detail"] == "This preset no longer exists."
            continue
        assert back["7.steps"] == 3
        assert read(app, back["4.image"]["file"], cookie) == image
        assert read(app, back["4.image"]["mask"], cookie) == mask
        if not shared:
            assert read(app, back["4.image"]["file"], BOB) is None
    path = f"{OF_INPAINT}&name=x&shared={shared}"
    assert ask(app, "DELETE", path).status_code == 204
    assert bytes_kept(blobs) == 0


def test_a_deleted_file_is_reported(app: RunningApp) -> None:
    """The app refuses another user's file, a deleted file and an invalid file. The error names the
    field, and the app saves no preset."""
    places = (given(app, saved("PNG"), BOB), "ab" * 16 + "/a.png", given(app, b"no image"))
    for place in places:
        values = {"4.image": {"file": place, "mask": None}}
        answer = ask(app, "POST", OF_INPAINT, name="x", values=values)
        assert answer.status_code == 409
        assert answer.json()["detail"].startswith("Your image: ")
    assert ask(app, "GET", OF_INPAINT).json()["own"] == []
    assert bytes_kept(app.services.copies.blobs) == 0
