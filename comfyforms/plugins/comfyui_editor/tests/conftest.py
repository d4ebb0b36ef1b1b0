"""Fixtures: an app with an editor, and people who use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from comfyforms.plugins.comfyui_editor.tests.front_end_server import front_end_server
from comfyui_standin import DemoServer
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import signed_in
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings

CID = ("cid", "breakwater by night")  # may run the app's workflows only


@dataclass(frozen=True, slots=True)
class AtEditor:
    """Browser at the editor's host. `cookie`: the Cookie header."""

    app: RunningApp
    cookie: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        return f"editor.localhost:{self.app.url.rpartition(':')[2]}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Host": self.host, "Connection": "close", **options.pop("headers", {})}
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        options = {"timeout": LONGEST_WAIT, "allow_redirects": False, **options}
        return requests.request(method, self.app.url + path, headers=headers, **options)


def code_of(app: RunningApp, browser: requests.Session, workflow: str = "") -> str:
    """Return the code on the app's page, "" if the page doesn't exist for this user."""
    address = f"{app.url}/comfyui-editor?workflow={workflow}"
    page = browser.get(address, timeout=LONGEST_WAIT).text
    found = re.search(r'name="code" value="([^"]+)"', page)
    return found[1] if found else ""


def enter(app: RunningApp, code: str, origin: str = "") -> requests.Response:
    headers = {"Origin": origin or app.url}
    return AtEditor(app).ask("POST", "/enter", data={"code": code}, headers=headers)


def opened(app: RunningApp, browser: requests.Session, workflow: str = "") -> AtEditor:
    """Open the editor as the user of a signed-in browser."""
    answer = enter(app, code_of(app, browser, workflow))
    assert answer.status_code == 303
    return AtEditor(app, "; ".join(f"{one.name}={one.value}" for one in answer.cookies))


@pytest.fixture(scope="module")
def running_editor(own_temporary_folder: Path) -> Iterator[RunningApp]:
    ways = SignInSettings(kept=sign_in_address("", own_temporary_folder), share_link=True)
    settings = WebSettings(port=0, users=(ANN, BOB, CID), sign_in=ways)
    permissions = Permissions(
        open=lambda owner: owner != "user:cid",
        keep=lambda owner: owner == "user:ann",
        operates=lambda owner: owner == "user:bob",
    )
    with (
        DemoServer(step_seconds=0.05) as demo,
        front_end_server() as front_end,
        running_app(demo.url, front_end, settings=settings, permissions=permissions) as app,
    ):
        yield app


@pytest.fixture
def app(running_editor: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    yield running_editor
    running_editor.end_runs()


@pytest.fixture
def editor_of(app: RunningApp) -> Callable[[tuple[str, str]], AtEditor]:
    """Return a function that opens the editor for a user."""

    def of(login: tuple[str, str]) -> AtEditor:
        with signed_in(app, login) as browser:
            return opened(app, browser)

    return of
