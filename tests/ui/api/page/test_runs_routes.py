"""Run again, move and stop: each works only with the user's own runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_client import ANN, BOB, finished, post, start
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import eventually
from ui.settings.web_settings import WebSettings


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a slow server."""
    with running_demo_app(step_seconds=0.05) as served:
        yield served


def test_run_again_is_the_very_same(served: Served) -> None:
    """The new run has the same prompt, values and random seed, belongs to the user, and may keep
    running."""
    _, app = served
    first = finished(start(app, **{"5.steps": 2, "2.text": "a fox"}))
    answer = post(app, f"/api/v1/runs/{first.id}/again?keeps_going=true")
    assert answer.status_code == 201
    second = app.services.runs.get(answer.json()["id"], f"browser:{ANN}")
    assert second.id != first.id
    assert second.job == first.job
    assert second.keeps_going
    assert finished(second).state.phase == "done"


def test_a_run_is_varied_by_its_seed(served: Served) -> None:
    """The values and the prompt differ only in the seed. The first run doesn't change."""
    _, app = served
    first = finished(start(app, **{"5.steps": 2, "5.seed": 7}))
    new = post(app, f"/api/v1/runs/{first.id}/again?vary=true").json()["id"]
    job = finished(app.services.runs.get(new, f"browser:{ANN}")).job
    seed = job.values["5.seed"]
    assert seed != 7
    assert job.values == {**first.job.values, "5.seed": seed}
    assert job.prompt["5"]["inputs"] == {**first.job.prompt["5"]["inputs"], "seed": seed}
    assert first.job.prompt["5"]["inputs"]["seed"] == 7


def test_moving_stays_within_bounds(served: Served) -> None:
    """A move beyond the first or the last place is no error. A run that is already on the server
    keeps its place."""
    _, app = served
    running, *waiting = (start(app, **{"5.steps": 60}) for _ in range(4))
    eventually(lambda: running.state.phase == "running")

    def line() -> list[str]:
        return [run.id for run in app.services.runs.line_of(f"browser:{ANN}")]

    a, b, c = (run.id for run in waiting)
    for run_id, by, wanted in (
        (c, -9, [c, a, b]),
        (c, 9, [a, b, c]),
        (a, 1, [b, a, c]),
        (running.id, 3, [b, a, c]),
    ):
        assert post(app, f"/api/v1/runs/{run_id}/move?by={by}").status_code == 200
        assert line() == [running.id, *wanted]


def test_stop(served: Served) -> None:
    """The app stops waiting and running runs. It doesn't change a finished run."""
    _, app = served
    runs = [start(app, **{"5.steps": 60}) for _ in range(4)]
    for run in reversed(runs):
        assert post(app, f"/api/v1/runs/{run.id}/stop").status_code == 200
        assert finished(run).state.phase == "stopped"
    assert post(app, f"/api/v1/runs/{run.id}/stop").status_code == 200


@pytest.mark.parametrize("what", ["again", "move?by=1"])
def test_a_run_of_another_user_looks_missing(served: Served, what: str) -> None:
    """Another browser gets the same 404 as for a guessed id. The run continues."""
    _, app = served
    run = start(app, **{"5.steps": 60})
    stranger, guess = (
        post(app, f"/api/v1/runs/{run.id}/{what}", BOB),
        post(app, f"/api/v1/runs/none/{what}"),
    )
    assert stranger.status_code == guess.status_code == 404
    assert stranger.json() == guess.json()
    assert not run.state.phase.finished


def test_without_sign_in_runs_cannot_be_changed() -> None:
    """If sign-in is required, the app refuses users who aren't signed in."""
    with running_demo_app(
        step_seconds=0, settings=WebSettings(port=0, users=(("ann", "secret"),))
    ) as (_, app):
        assert post(app, "/api/v1/runs/none/again").status_code == 401


@pytest.mark.parametrize("query", ["by=x", "by=", ""])
def test_nonsense_is_refused(served: Served, query: str) -> None:
    """The app refuses a move that isn't a number, without revealing its internals."""
    _, app = served
    answer = post(app, f"/api/v1/runs/none/move?{query}")
    assert answer.status_code == 422
    assert "Traceback" not in answer.text
