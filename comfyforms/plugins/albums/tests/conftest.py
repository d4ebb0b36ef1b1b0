"""An app with albums: Ann and Bob are users, and Olga is an administrator."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from comfy.records.store import RunStore
from comfyforms.plugins.albums.store import AlbumStore
from tests.attacks.people import ANN, BOB, a_run, browser
from tests.records.conftest import history, kept
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

__all__ = ["history", "kept"]
OLGA = ("olga", "mill by the river")


@dataclass(frozen=True, slots=True)
class Place:
    """Running app with its people's cookies by name, and a result of Ann's and of Bob's."""

    app: RunningApp
    cookies: dict[str, str]
    runs: dict[str, str]

    def ask(self, who: str, method: str, path: str, **sent: Any) -> requests.Response:
        """Send a request below `/albums`."""
        address = f"{self.app.url}/api/v1/albums{path}"
        headers = {"Cookie": self.cookies[who]} if who in self.cookies else {}
        headers |= sent.pop("headers", {})
        return requests.request(method, address, headers=headers, timeout=LONGEST_WAIT, **sent)

    def told(self, who: str, method: str, path: str, **sent: Any) -> dict[str, Any]:
        """Return the JSON of a successful answer."""
        answer = self.ask(who, method, path, **sent)
        assert answer.ok, answer.text
        return dict(answer.json())

    def album(self, access: str = "shared", *, settings: bool = True) -> tuple[str, str]:
        """Return a new album of Ann's, and the number of her result in it."""
        album = str(self.told("ann", "POST", "", json={"title": "A", "access": access})["id"])
        return album, self.item("ann", album, settings=settings)

    def item(self, who: str, album: str, *, settings: bool = True) -> str:
        """Return the number of a user's result, after adding it to an album."""
        new = {"results": [{"run": self.runs[who], "file": 0}], "settings": settings}
        return str(self.told(who, "POST", f"/{album}/items", json=new)["items"][0]["id"])

    def guest(self, token: str, who: str = "guest", name: str = "") -> str:
        """Open a link in a new browser, which is `who` from now on. `name`: see
        `Visits.welcome`."""
        self.cookies.pop(who, "")
        answer = self.ask(who, "GET", f"/{token}?guest={name}")
        self.cookies[who] = answer.headers["set-cookie"].partition(";")[0]
        return who

    def link(self, album: str, **options: object) -> str:
        """Return the token of a new link to an album of Ann's, which ends the previous one."""
        return str(self.told("ann", "POST", f"/{album}/link", json=options)["token"])


@pytest.fixture
def albums(history: RunStore) -> AlbumStore:
    return AlbumStore(history.engine, history.grew)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    settings = WebSettings(port=0, users=(ANN, BOB, OLGA))
    permissions = Permissions(operates=lambda owner: owner == "user:olga")
    with running_demo_app(step_seconds=0, settings=settings, permissions=permissions) as (_, app):
        people = {one[0]: browser(app, one) for one in (ANN, BOB, OLGA)}
        yield Place(app, people, {name: a_run(app, people[name]) for name in ("ann", "bob")})


UNKNOWN = secrets.token_urlsafe(16)
