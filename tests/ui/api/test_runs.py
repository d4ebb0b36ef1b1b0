"""Runs that programs start, find, list, stop and delete over REST."""

from __future__ import annotations

import threading

import pytest
import requests

from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB
from tests.support.serving import RunningApp, Served, running_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import QUICK, call, problem, run_of


def test_a_request_with_wait_returns_the_result(app: RunningApp) -> None:
    """One request starts a run and returns its values, seed and file when it has finished. The
    run's address returns the same document."""
    run = run_of(app, values={**QUICK, "2.text": "a boat"})
    assert (run["phase"], run["finished"], run["progress"]) == ("done", True, 1.0)
    assert run["values"]["2.text"] == "a boat"
    assert isinstance(run["values"]["5.seed"], int)
    (file,) = run["files"]
    assert (file["kind"], file["media_type"], file["saved"]) == ("image", "image/png", True)
    assert call(app, "GET", run["url"]).json() == run


def test_a_run_continues_without_a_waiting_client(app: RunningApp) -> None:
    """The app answers immediately, with the address where the client can check the result."""
    with call(app, "POST", "/workflows/text-to-image/runs", json={"values": QUICK}) as answer:
        told = answer.json()
    assert answer.headers["location"] == told["url"]
    eventually(lambda: call(app, "GET", told["url"]).json()["phase"] == "done")


def test_several_runs_are_a_list(app: RunningApp) -> None:
    """With `count`, the app starts several runs, each with its own seed."""
    body = {"values": QUICK, "count": 3}
    path = "/workflows/text-to-image/runs?wait=true"
    told = call(app, "POST", path, json=body).json()
    assert [run["phase"] for run in told["runs"]] == ["done"] * 3
    assert len({run["values"]["5.seed"] for run in told["runs"]}) == 3
    assert told["refused"] is None


def test_all_errors_are_reported_on_their_fields(app: RunningApp) -> None:
    """The app refuses invalid values immediately, with a message for each field."""
    values = {"5.steps": -1, "5.stebs": 3, "5.cfg": True, "4.width": True}
    answer = call(app, "POST", "/workflows/text-to-image/runs", json={"values": values})
    told = problem(answer, 422)
    assert told["type"] == "urn:comfyforms:problem:values-refused"
    assert told["errors"]["5.steps"] == "Minimum 1."
    assert told["errors"]["5.cfg"] == told["errors"]["4.width"] == "Enter a number."
    assert "5.steps" in told["errors"]["5.stebs"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/workflows/none", 404),
        ("POST", "/workflows/none/runs", 404),
        ("GET", "/runs/none", 404),
        ("DELETE", "/runs/none", 404),
        ("GET", "/runs/none/events", 404),
        ("GET", "/runs/none/preview", 404),
        ("GET", "/runs/none/files/0", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/runs", 405),
        ("GET", "/runs?limit=0", 422),
        ("GET", "/runs/none/files/x", 422),
    ],
)
def test_a_missing_resource_is_a_problem_document(
    app: RunningApp, method: str, path: str, status: int
) -> None:
    """Each refused request gets a reason in the one format that programs read."""
    problem(call(app, method, path), status)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "The request is not JSON."),
        (b"[1]", "The request must be a JSON object."),
        (
            b'{"5.steps": 2}',
            "Unknown part “5.steps”. This request accepts “values”, “text_sources”, “callback”, “watched”,"
            " “confirm_paid”, “count”, “keeps_going”.",
        ),
        (b'{"values": 3}', "“values” must be an object with field keys and values."),
        (b'{"count": 17}', "“count” must be a whole number from 1 to 16."),
        (b'{"count": true}', "“count” must be a whole number from 1 to 16."),
        (b'{"values": ' + b"[" * 60 + b"]" * 60 + b"}", "The values are nested too deeply."),
    ],
)
def test_a_body_that_cannot_be_used_is_named(app: RunningApp, body: bytes, says: str) -> None:
    """The app refuses an invalid request with an error message."""
    answer = call(app, "POST", "/workflows/text-to-image/runs", data=body)
    assert problem(answer, 422)["detail"] == says


def test_problems_are_in_the_language_of_the_request(app: RunningApp) -> None:
    """The detail is for users. The type and the title are for programs and aren't translated."""
    headers = {"accept-language": "de"}
    told = problem(call(app, "GET", "/runs/none", headers=headers), 404)
    assert told["detail"] == "Dieses Ergebnis gibt es nicht mehr."
    assert told["title"] == "Not Found"


def test_the_list_has_pages_and_filters(app: RunningApp) -> None:
    """The list shows the newest runs first, page by page without a gap, and filters by workflow and
    by words. It contains no other user's runs."""
    texts = ("a red kite", "a green kite", "a kite of paper")
    ids = [run_of(app, values={**QUICK, "2.text": text}, cookie=BOB)["id"] for text in texts]
    first = call(app, "GET", "/runs?limit=2", BOB).json()
    second = call(app, "GET", f"/runs?limit=2&cursor={first['next']}", BOB).json()
    assert [run["id"] for page in (first, second) for run in page["runs"]] == ids[::-1]
    assert second["next"] is None
    for cursor in ("abc", first["next"]):  # an unknown cursor, and another user's
        problem(call(app, "GET", f"/runs?cursor={cursor}", ANN), 422)
    found = call(app, "GET", "/runs?text=kite%20green", BOB).json()["runs"]
    assert [run["id"] for run in found] == ids[1:2]
    assert call(app, "GET", "/runs?workflow=upscale", BOB).json()["runs"] == []
    others = call(app, "GET", "/runs?limit=200", ANN).json()["runs"]
    assert not {run["id"] for run in others} & {*ids}


def test_a_run_is_stopped_then_deleted(served: Served) -> None:
    """`DELETE` stops an active run, unless `stop=false` is given, and removes a finished run. The
    answer says what ComfyUI keeps. `…/stop` removes nothing."""
    with DemoServer(step_seconds=1) as slow, running_app(slow.url) as app:
        run = run_of(app, wait=False)
        listed = call(app, "GET", "/runs").json()["runs"]
        assert [one["id"] for one in listed] == [run["id"]]
        refused = problem(call(app, "DELETE", f"{run['url']}?stop=false"), 409)
        assert refused["type"] == "urn:comfyforms:problem:goes-on"
        other = run_of(app, wait=False)
        assert call(app, "POST", f"{other['url']}/stop").status_code == 200
        eventually(lambda: call(app, "GET", other["url"]).json()["phase"] == "stopped")
        assert call(app, "POST", f"{other['url']}/stop").json()["phase"] == "stopped"
        assert call(app, "GET", run["url"]).json()["phase"] == "running"
        assert call(app, "DELETE", run["url"]).status_code == 202
        eventually(lambda: call(app, "GET", run["url"]).json()["phase"] == "stopped")
        gone = call(app, "DELETE", run["url"])
        assert gone.status_code == 200
        assert "stays" in gone.json()
        problem(call(app, "GET", run["url"]), 404)


def test_a_waiting_client_that_leaves_stops_the_run(served: Served) -> None:
    """No other client follows the run after its only client has disconnected."""
    with DemoServer(step_seconds=1) as slow, running_app(slow.url) as app:

        def leave_soon() -> None:
            with pytest.raises(requests.Timeout):
                call(
                    app,
                    "POST",
                    "/workflows/text-to-image/runs?wait=true",
                    json={"values": QUICK},
                    timeout=(5, 0.5),
                )

        leaving = threading.Thread(target=leave_soon)
        leaving.start()
        eventually(lambda: app.runs.known())
        (run,) = app.runs.known()
        leaving.join()
        eventually(lambda: run.state.phase.finished)
        assert run.state.phase == "stopped"


def test_without_a_cookie_runs_are_found_by_their_ids_only(app: RunningApp) -> None:
    """A script without a session or a cookie finds its runs by the ids that only it received. The
    app lists them for no user, and a user's runs need that user's cookie."""
    mine = run_of(app, cookie="")
    assert call(app, "GET", mine["url"], "").json()["phase"] == "done"
    assert call(app, "GET", "/runs", "").json() == {"runs": [], "next": None, "page": None}
    problem(call(app, "GET", mine["url"], ANN), 404)
    problem(call(app, "GET", run_of(app)["url"], ""), 404)
