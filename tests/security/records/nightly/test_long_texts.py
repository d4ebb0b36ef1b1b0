"""Failed runs with texts too long to save, in a real app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.http_client import finished, get, post, start
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import eventually


@pytest.fixture
def forgetful() -> Iterator[Served]:
    with running_demo_app(step_seconds=0, keep=0) as served:
        yield served


def test_finding_s5_only_runs_with_long_texts_cannot_be_rerun(forgetful: Served) -> None:
    """The app doesn't rerun a run with part of its text: an error says why, and the run's settings
    don't include that field. A run with a normal text can be rerun."""
    demo, app = forgetful
    for text, is_kept in (("a fox " * 1_000, True), ("a fox " * 2_000, False)):
        demo.script("http_413", at="POST /prompt")
        run = finished(start(app, **{"2.text": text, "5.steps": 2}))
        eventually(lambda: not app.services.runs.known(), "the app has let go of it")
        values = get(app, f"/api/v1/runs/{run.id}/values").json()["values"]
        assert values.get("2.text") == (text if is_kept else None)
        assert values["5.steps"] == 2
        answer = post(app, f"/api/v1/runs/{run.id}/again")
        assert (answer.status_code == 201) == is_kept
        assert ("too long to save" in answer.text) != is_kept
        eventually(lambda: not app.services.runs.known(), "the run that was run again has ended")
