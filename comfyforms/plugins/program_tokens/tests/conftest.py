"""Fixtures: an app with an administrator and a user, who have tokens for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from comfy.library.permissions import Permissions
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import signed_in, token_of
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings


class Team(NamedTuple):
    """App with ann, who administers it, her token for programs and one for everything."""

    app: RunningApp
    token: str
    whole: str

    @property
    def address(self) -> str:
        return f"{self.app.url}/as/{self.token}"


def address_of(app: RunningApp, browser: requests.Session, **fields: str) -> str:
    """Create an address for a program on the account page, and return it."""
    sent = {"label": "krita", **fields}
    answer = browser.post(f"{app.url}/account/programs", sent, timeout=LONGEST_WAIT)
    (address,) = re.findall(r'<b id="token">([^<]+)</b>', answer.text)
    return str(address)


@pytest.fixture(scope="module")
def running_team(own_temporary_folder: Path) -> Iterator[Team]:
    ways = SignInSettings(kept=sign_in_address("", own_temporary_folder))
    settings = WebSettings(port=0, users=(ANN, BOB), sign_in=ways)
    permissions = Permissions(operates=lambda owner: owner == "user:ann")
    options = {"settings": settings, "permissions": permissions}
    with running_demo_app(step_seconds=0.02, **options) as (_, app):
        with signed_in(app, ANN) as browser:
            token = address_of(app, browser).rpartition("/")[2]
        yield Team(app, token, token_of(app, ANN))


@pytest.fixture
def team(running_team: Team, nothing_left_behind: None) -> Iterator[Team]:
    yield running_team
    running_team.app.end_runs()
