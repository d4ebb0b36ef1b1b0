"""A run's socket: views as text, frames as bytes, and a single frame in flight at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from comfy.runs.interface import Origin
from tests.support.http_client import (
    ANN,
    finished,
    messages,
    start,
    watching,
)
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import eventually
from tests.ui.sockets import test_run_socket as twin

running = twin.running


def test_a_slow_watcher_gets_one_frame_and_delays_no_other(served: Served) -> None:
    """Only one frame at a time is in transit to a frozen browser. The run continues, and another
    watcher isn't delayed."""
    _, app = served
    run = start(app, **{"5.steps": 10})
    with watching(app, run.id) as frozen, watching(app, run.id) as lively:
        assert sum(isinstance(one, bytes) for one in messages(lively)) >= 3
        seen = []
        for one in messages(frozen, painting=False):
            seen.append(one)
            if isinstance(one, dict) and one["finished"]:
                break
        frames = [one for one in seen if isinstance(one, bytes)]
        assert len(frames) == 1


@pytest.fixture
def patient() -> Iterator[Served]:
    """Run an app with a grace time that is long enough for a page to connect."""
    with running_demo_app(step_seconds=0.2, grace=4.0) as (demo, app):
        yield demo, app


def test_the_last_watcher_to_leave_starts_the_grace_time(patient: Served) -> None:
    """After one of two watchers leaves, the run continues. After both leave, the app stops it at
    the end of the grace time."""
    demo, app = patient
    run = app.services.starter.start("text-to-image", {"5.steps": 60}, Origin(f"browser:{ANN}"))
    with watching(app, run.id) as stays:
        told = messages(stays)
        with watching(app, run.id) as leaves:
            next(messages(leaves))
        next(one for one in told if isinstance(one, bytes))
        for _ in range(24):  # longer than the grace time
            next(one for one in told if isinstance(one, bytes))
        assert not run.state.phase.finished
    state = finished(run).state
    assert state.phase == "stopped"
    eventually(lambda: demo.sockets.close_codes == [1000])
