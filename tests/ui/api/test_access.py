"""Access to the API: for signed-in users, but not for pages of other sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.attacks.people import ANN, BOB, LOGIN, browser
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import QUICK, call, problem

RUNS = "/workflows/text-to-image/runs"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app that requires sign-in, on a fast server."""
    with running_demo_app(step_seconds=0.02, settings=LOGIN) as served:
        yield served


def as_person(app: RunningApp, login: tuple[str, str]) -> dict[str, str]:
    return {"cookie": browser(app, login)}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("GET", "/docs"), ("GET", "/openapi.json"), ("POST", RUNS)],
)
def test_every_path_refuses_anonymous_requests(app: RunningApp, method: str, path: str) -> None:
    """The app answers with a problem document before it reads any of the body."""
    problem(call(app, method, path, cookie="", json={}), 401)


def test_the_schema_describes_how_programs_sign_in(app: RunningApp) -> None:
    """Programs sign in with a token. They don't need one if they send a cookie or the app requires
    no sign-in."""
    told = call(app, "GET", "/openapi.json", "", headers=as_person(app, ANN)).json()
    scheme = told["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert told["security"] == [{"token": []}, {}]


def test_each_user_sees_only_their_own_runs(app: RunningApp) -> None:
    """A signed-in user finds their runs from any machine. No other user does."""
    ann, bob = as_person(app, ANN), as_person(app, BOB)
    run = call(app, "POST", f"{RUNS}?wait=true", "", json={"values": QUICK}, headers=ann).json()
    other_machine = as_person(app, ANN)
    listed = call(app, "GET", "/runs", "", headers=other_machine).json()["runs"]
    assert [one["id"] for one in listed] == [run["id"]]
    assert call(app, "GET", "/runs", "", headers=bob).json()["runs"] == []
    problem(call(app, "GET", run["url"], "", headers=bob), 404)
    problem(call(app, "GET", run["files"][0]["url"], ""), 401)


def test_pages_of_other_sites_have_no_identity(app: RunningApp) -> None:
    """A signed-in browser starts nothing for another site's page."""
    headers = as_person(app, ANN) | {"origin": "https://evil.example"}
    problem(call(app, "POST", RUNS, "", json={}, headers=headers), 401)
    assert not any(run.owner == "user:ann" for run in app.runs.line_of("user:ann"))


@pytest.mark.parametrize("path", ["events", "preview?stream=true"])
def test_streams_end_with_the_login(served: Served, path: str) -> None:
    """A user who signs out gets no more events or previews of their runs, which continue."""
    demo, app = served
    demo.speed.step = 2
    ann = as_person(app, ANN)
    values = {**QUICK, "5.steps": 60}
    run = call(app, "POST", RUNS, "", json={"values": values}, headers=ann).json()
    with call(app, "GET", f"{run['url']}/{path}", "", headers=ann, stream=True) as answer:
        lines = answer.iter_lines()
        next(lines)
        out = requests.post(f"{app.url}/logout", headers=ann, timeout=LONGEST_WAIT)
        assert out.ok
        rest = b"\n".join(lines)
    assert b"event: end" not in rest
    assert b"--frame--" not in rest
    going = app.runs.get(run["id"], "user:ann")
    assert not going.state.phase.finished
    demo.speed.step = 0
    going.cancel()
