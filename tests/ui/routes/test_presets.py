"""Presets over HTTP: a person's own, everybody's, and who may change which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from comfy.services.permissions import Permissions
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.serving import RunningApp, running_demo_app

OF_TEXT = "/presets?workflow=text-to-image"


@pytest.fixture
def app() -> Iterator[RunningApp]:
    """An app in which only ANN may add workflows."""
    permissions = Permissions(keep=lambda owner: owner == f"browser:{ANN}")
    with running_demo_app(step_seconds=0, permissions=permissions) as (_, app):
        yield app


def ask(
    app: RunningApp, method: str, path: str, cookie: str = ANN, **body: object
) -> requests.Response:
    """A request as the page of a browser with this cookie makes it."""
    return requests.request(
        method, app.url + path, cookies=cookie_of(cookie), json=body or None, timeout=20
    )


def listed(app: RunningApp, cookie: str = ANN) -> dict[str, Any]:
    return dict(ask(app, "GET", OF_TEXT, cookie).json())


def test_own_presets_are_nobody_elses(app: RunningApp) -> None:
    """Saved, listed, overwritten and deleted by whoever saved them; files, hidden fields and wrong
    values are left out."""
    values = {
        "2.text": "a cat",
        "5.steps": 7,
        "5.seed": "+41",
        "4.width": "wide",
        "9.nothing": 1,
        "5.cfg": 2.5,
    }
    assert ask(app, "POST", OF_TEXT, name=" Cats ", values=values).status_code == 200
    right = {"2.text": "a cat", "5.steps": 7, "5.seed": "+41", "5.cfg": 2.5}
    assert listed(app) == {
        "own": [{"name": "Cats", "values": right}],
        "shared": [],
        "may_share": True,
    }
    assert listed(app, BOB) == {"own": [], "shared": [], "may_share": False}
    ask(app, "DELETE", f"{OF_TEXT}&name=Cats", BOB)
    ask(app, "POST", OF_TEXT, name="Cats", values={"5.steps": 8})
    assert listed(app)["own"] == [{"name": "Cats", "values": {"5.steps": 8}}]
    assert ask(app, "DELETE", f"{OF_TEXT}&name=Cats").json() == {"found": True}
    assert ask(app, "DELETE", f"{OF_TEXT}&name=Cats").json() == {"found": False}
    assert listed(app)["own"] == []


def test_shared_presets_are_changed_by_those_who_may(app: RunningApp) -> None:
    """Everybody has them; who may not add workflows is told so, and nothing is changed."""
    shared = {"name": "House style", "values": {"5.steps": 9}, "shared": True}
    refused = ask(app, "POST", OF_TEXT, BOB, **shared)
    assert refused.status_code == 422
    assert "everybody" in refused.json()["message"]
    assert ask(app, "POST", OF_TEXT, **shared).status_code == 200
    path = f"{OF_TEXT}&name=House%20style&shared=true"
    assert ask(app, "DELETE", path, BOB).status_code == 422
    assert [one["name"] for one in listed(app, BOB)["shared"]] == ["House style"]
    assert listed(app, BOB)["own"] == []
    assert ask(app, "DELETE", path).json() == {"found": True}
    assert listed(app, BOB)["shared"] == []


def test_a_workflow_that_one_does_not_have_has_no_presets(app: RunningApp) -> None:
    """As for one that never was, a sentence; and without a cookie nothing is kept."""
    for method in ("GET", "POST"):
        answer = ask(app, method, "/presets?workflow=none", name="x", values={})
        assert answer.status_code == 404
        assert answer.json()["message"]
    assert ask(app, "POST", OF_TEXT, "", name="x", values={}).status_code == 422
