"""Values as the page's script sends them (`ui.documents.browser_values`)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.serving import RunningApp
from tests.ui.api import test_browser_json as twin
from tests.ui.api.api_calls import call, problem
from tests.ui.api.test_browser_json import OWNER, RUNS, SEED

running, app = twin.running, twin.app


def test_draws_the_start_of_a_seed_that_counts(app: RunningApp) -> None:
    """The app draws the start if the request gives none. The runs of one request have consecutive
    seeds."""
    body = {"values": {SEED: {"from": None}}, "count": 2}
    first, second = call(app, "POST", RUNS, json=body).json()["runs"]
    assert int(second["seeds"][SEED]) == int(first["seeds"][SEED]) + 1


def test_a_text_of_a_run_becomes_a_parent(app: RunningApp) -> None:
    """The run becomes a parent only if the values contain one of its texts. The app ignores other
    ids."""
    body: dict[str, Any] = {"values": {"5.steps": 1}, "text_sources": ["nothing"]}
    assert call(app, "POST", RUNS, json=body).json()["parents"] == []
    for wrong in ("nothing", [1], ["x"] * 17):
        problem(call(app, "POST", RUNS, json={**body, "text_sources": wrong}), 422)


def test_a_watched_run_stops_without_watchers(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program's run keeps going without watchers. For a page's run, the request says whether it
    does, unless all runs keep going."""
    registry = app.services.runs
    run = call(app, "POST", RUNS, json={"values": {"5.steps": 1}, "watched": True}).json()
    assert registry.get(run["id"], OWNER).keeps_going
    monkeypatch.setattr(registry, "keep_running", False)
    for more, keeps_going in (
        ({}, True),
        ({"watched": True}, False),
        ({"watched": True, "keeps_going": True}, True),
    ):
        run = call(app, "POST", RUNS, json={"values": {"5.steps": 1}, **more}).json()
        assert registry.get(run["id"], OWNER).keeps_going is keeps_going
