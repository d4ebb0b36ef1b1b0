"""Fixtures for an app with two servers, an administrator and another user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from comfy.comfyui.client.address import ServerAddress
from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from tests.security.signing_in import signed_in
from tests.support.sampler import prompt
from tests.support.serving import PAINTED, RunningApp, running_app
from ui.settings.web_settings import WebSettings

ANNA, BEN = ("anna", "lighthouse"), ("ben", "harbour")
TOKEN = "token-of-the-other-server"


class Place(NamedTuple):
    one: DemoServer
    other: DemoServer
    app: RunningApp
    anna: requests.Session
    ben: requests.Session


@pytest.fixture
def place(running_place: Place, nothing_left_behind: None) -> Iterator[Place]:
    yield running_place
    running_place.anna.close()
    running_place.ben.close()


def hidden(url: str) -> ServerAddress:
    """Return a server whose address only administrators see, as in an app that is open to a
    network."""
    return replace(ServerAddress.parse(url), shown=False)


@pytest.fixture(scope="module")
def running_place(
    own_temporary_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("workflows")
    lacking = prompt(seed=1)
    lacking["1"]["inputs"]["ckpt_name"] = "nowhere.safetensors"
    lacking["6"]["class_type"] = "SaveNowhere"
    for name, one in (("whole", prompt(seed=1)), ("lacking", lacking)):
        (folder / f"{name}.json").write_text(json.dumps(one), encoding="utf-8")
    lacking["6"]["class_type"] = "SaveImage"
    (folder / "replaced.json").write_text(json.dumps(lacking), encoding="utf-8")
    (folder / "replaced.toml").write_text('[fields."1.ckpt_name"]\nclosest = true\n', "utf-8")
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    with (
        DemoServer(step_seconds=0.02, painted=PAINTED) as one,
        DemoServer(step_seconds=0.02, painted=PAINTED) as other,
        running_app(
            hidden(one.url),
            hidden(other.url.replace("://", f"://proxy:{TOKEN}@")),
            settings=WebSettings(port=0, users=(ANNA, BEN)),
            permissions=operators,
            workflows=folder,
            demo=False,
        ) as app,
        signed_in(app, ANNA) as anna,
        signed_in(app, BEN) as ben,
    ):
        yield Place(one, other, app, anna, ben)
