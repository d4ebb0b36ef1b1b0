"""Run again, move and stop: each works only with the user's own runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_client import post, start
from tests.support.serving import Served, running_demo_app


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a slow server."""
    with running_demo_app(step_seconds=0.05) as served:
        yield served


@pytest.mark.parametrize("what", ["again", "move?by=1"])
def test_other_sites_change_nothing(served: Served, what: str) -> None:
    """The app refuses another site's page, even though the browser would send the cookie."""
    _, app = served
    run = start(app, **{"5.steps": 60})
    assert (
        post(app, f"/api/v1/runs/{run.id}/{what}", origin="https://evil.example").status_code == 401
    )
    assert not run.state.phase.finished
