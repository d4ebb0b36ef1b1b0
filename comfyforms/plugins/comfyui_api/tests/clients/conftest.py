"""A team's app: two users with tokens, for clients that know ComfyUI only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from comfyforms.plugins.comfyui_api.tests.files import png
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import token_of
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings


class Team(NamedTuple):
    """App with users who have tokens, and the address that has one in it."""

    app: RunningApp
    ann: str
    bob: str

    def address(self, token: str) -> str:
        return self.app.url.replace("//", f"//any:{token}@")

    def get(self, path: str, token: str) -> Any:
        """Return an answer's JSON."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(self.app.url + path, headers=headers, timeout=LONGEST_WAIT).json()


@pytest.fixture(scope="module")
def running_team(own_temporary_folder: Path) -> Iterator[Team]:
    ways = SignInSettings(kept=sign_in_address("", own_temporary_folder))
    settings = WebSettings(port=0, users=(ANN, BOB), sign_in=ways)
    with running_demo_app(step_seconds=0.02, settings=settings) as (_, app):
        yield Team(app, token_of(app, ANN), token_of(app, BOB))


@pytest.fixture
def team(running_team: Team, nothing_left_behind: None) -> Iterator[Team]:
    yield running_team
    running_team.app.end_runs()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a teal image on this machine."""
    path = tmp_path / "picture.png"
    path.write_bytes(png("teal", size=(64, 64)))
    return path
