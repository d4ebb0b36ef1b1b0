"""Repeated requests with an idempotency key start nothing again."""

from __future__ import annotations

import threading
from typing import Any

import requests

from tests.support.http_client import ANN, BOB
from tests.support.samples.media import saved
from tests.support.serving import RunningApp
from tests.ui.api.api_calls import QUICK, call, problem

RUNS = "/workflows/text-to-image/runs"


def sent(
    app: RunningApp, key: str, body: Any = None, cookie: str = ANN, path: str = RUNS
) -> requests.Response:
    """Send a request with a key and return the answer."""
    headers = {"idempotency-key": key}
    return call(app, "POST", path, cookie, json=body or {"values": QUICK}, headers=headers)


def test_the_same_request_has_the_same_runs(app: RunningApp) -> None:
    """The app returns the earlier run in its current state and refuses another request with its
    key. Another user's request with the same key starts a separate run."""
    first = sent(app, "one")
    assert first.status_code == 201
    again = sent(app, "one", path=f"{RUNS}?wait=true")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert (again.json()["id"], again.json()["phase"]) == (first.json()["id"], "done")
    other = problem(sent(app, "one", {"values": {**QUICK, "5.steps": 2}}), 422)
    assert other["type"] == "urn:comfyforms:problem:key-used"
    assert sent(app, "one", cookie=BOB).json()["id"] != first.json()["id"]
    assert sent(app, "two").json()["id"] != first.json()["id"]
    problem(sent(app, "x" * 256), 422)


def test_several_runs_have_one_key(app: RunningApp) -> None:
    """A repeated request with a count returns all runs of the first."""
    body = {"values": QUICK, "count": 2}
    first, again = (sent(app, "several", body).json()["runs"] for _ in range(2))
    assert [run["id"] for run in first] == [run["id"] for run in again]


def test_files_are_compared_by_their_names_and_bytes(app: RunningApp) -> None:
    """An identical file under a key makes the same request. A different file or name makes another
    request, which the app refuses."""

    def with_file(data: bytes, name: str = "a.png") -> requests.Response:
        files = {
            "4.image": (name, data),
            "values": (None, '{"8.steps": 1, "5.width": 256, "5.height": 256}'),
        }
        headers = {"idempotency-key": "file"}
        return call(app, "POST", "/workflows/image-to-image/runs", files=files, headers=headers)

    first = with_file(saved("PNG"))
    assert first.status_code == 201, first.text
    assert with_file(saved("PNG")).json()["id"] == first.json()["id"]
    problem(with_file(saved("JPEG")), 422)
    problem(with_file(saved("PNG"), "b.png"), 422)


def test_repeated_uploads_are_stored_once(app: RunningApp) -> None:
    """Identical files with a key return the earlier uploads and take no more room while those
    exist. The app refuses other files with that key."""
    uploads, owner = app.services.copies.uploads, f"browser:{ANN}"

    def upload(*data: bytes, first: int = 0) -> requests.Response:
        files = [("file", (f"{at}.png", one)) for at, one in enumerate(data, first)]
        return call(app, "POST", "/uploads", files=files, headers={"idempotency-key": "files"})

    first = upload(saved("PNG"), saved("JPEG"))
    assert first.status_code == 201, first.text
    kept = sorted(uploads.path.rglob("*"))
    again = upload(saved("PNG"), saved("JPEG"))
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    problem(upload(saved("PNG")), 422)
    problem(upload(saved("PNG"), saved("JPEG"), first=1), 422)
    assert sorted(uploads.path.rglob("*")) == kept
    uploads.remove(owner, first.json()["uploads"][0]["id"].partition("/")[0])
    anew = upload(saved("PNG"), saved("JPEG"))
    assert anew.status_code == 201
    assert [(one["name"], one["bytes"] > 0) for one in anew.json()["uploads"]] == [
        ("0.png", True),
        ("1.png", True),
    ]


def test_requests_at_the_same_moment_start_one_run(app: RunningApp) -> None:
    """One of the concurrent requests starts the run. The others get that run, or learn that it is
    starting."""
    before = len(app.runs.known())
    answers: list[requests.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(sent(app, "at once"))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len({answer.json()["id"] for answer in answers if answer.ok}) == 1
    assert len(app.runs.known()) == before + 1
