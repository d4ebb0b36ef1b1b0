"""Users who aren't trusted can't save settings that name server files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, get
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app
from tests.ui.api.form_editor.editor_calls import at, editor, save, send
from ui.web.identity import NOBODY


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app in which Ann may add workflows without being trusted, and Bob may not."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    permissions = Permissions(keep=lambda owner: owner == NOBODY + ANN)
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=folder, permissions=permissions) as app,
    ):
        yield app


@pytest.mark.parametrize(
    "field",
    [
        {"key": "4.image", "default": "others.png"},
        {"key": "Your image.image", "default": "others.png"},
        {"key": "Size.upscale_method", "default": "/etc/passwd"},
    ],
    ids=json.dumps,
)
def test_a_default_cannot_name_a_server_file(app: RunningApp, field: dict[str, Any]) -> None:
    """The settings are refused, as a draft too."""
    document = editor(app, "image-to-image")
    document["settings"]["fields"] = [field]
    answer = save(app, "image-to-image", document)
    assert answer.status_code == 422, answer.json()
    draft = {"settings": document["settings"]}
    assert send(app, "POST", at("image-to-image", "/draft"), draft).status_code == 422


def test_present_settings_are_kept(app: RunningApp) -> None:
    """An author's own default may stay, and the user can change the rest."""
    toml = app.services.folder.path / "image-to-image.toml"
    toml.write_text('[fields."Your image.image"]\ndefault = "authors.png"\n')
    document = editor(app, "image-to-image")
    document["settings"]["title"] = "Mine"
    answer = save(app, "image-to-image", document)
    assert answer.status_code == 200, answer.json()


def test_users_who_may_not_add_workflows_cannot_edit(app: RunningApp) -> None:
    """They get the reason."""
    answer = get(app, at("text-to-image"), BOB)
    assert (answer.status_code, answer.json()["detail"]) == (422, "Adding workflows is turned off.")


@pytest.mark.parametrize("way", ["undo", "restore", "revert"])
def test_earlier_settings_are_checked_too(app: RunningApp, way: str) -> None:
    """A user who isn't trusted can't bring back a server file that an administrator has removed."""
    toml = app.services.folder.path / "image-to-image.toml"
    toml.write_text('[fields."Your image.image"]\ndefault = "authors.png"\n')
    document = editor(app, "image-to-image")
    document["settings"]["fields"] = []
    assert save(app, "image-to-image", document).status_code == 200
    oldest = get(app, at("image-to-image", "/history")).json()[-1]["id"]
    path = {"undo": "/undo", "restore": f"/history/{oldest}", "revert": "/revert"}[way]
    answer = send(app, "POST", at("image-to-image", path), {})
    assert answer.status_code == (200 if way == "revert" else 422), answer.json()
