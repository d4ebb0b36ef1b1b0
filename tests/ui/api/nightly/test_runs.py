"""Runs that programs start, find, list, stop and delete over REST."""

from __future__ import annotations

from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from tests.support.serving import Served, running_app
from tests.ui.api.api_calls import call, problem


def test_runs_above_the_limit_are_reported(served: Served) -> None:
    """The app starts the runs that fit a user's limit and reports a problem for the others. It
    refuses the next request with 429."""
    with (
        DemoServer(step_seconds=1) as slow,
        running_app(slow.url, run_limits=RunLimits(person=2)) as app,
    ):
        told = call(app, "POST", "/workflows/text-to-image/runs", json={"count": 3}).json()
        assert len(told["runs"]) == 2
        assert told["refused"]["type"] == "urn:comfyforms:problem:too-many"
        more = call(app, "POST", "/workflows/text-to-image/runs", json={})
        assert problem(more, 429)["hint"]
        assert more.headers["retry-after"] == "60"
        for run in told["runs"]:
            assert call(app, "DELETE", run["url"]).status_code == 202
