"""Run again, move and stop: each works only with the user's own runs."""

from __future__ import annotations

import pytest

from tests.support.http_client import post, start
from tests.support.serving import Served
from tests.ui.api.page import test_runs_routes as twin

running = twin.running


@pytest.mark.parametrize("what", ["again", "move?by=1"])
def test_other_sites_change_nothing(served: Served, what: str) -> None:
    """The app refuses another site's page, even though the browser would send the cookie."""
    _, app = served
    run = start(app, **{"5.steps": 60})
    assert (
        post(app, f"/api/v1/runs/{run.id}/{what}", origin="https://evil.example").status_code == 401
    )
    assert not run.state.phase.finished
