"""Visitors without a sign-in try to fill a real app's disk over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfy.records.blobs import HistoryLimits
from comfy.runs.interface import UNWATCHED, Origin
from tests.support.http_client import BOB, cookie_of, get
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually

MB = 1_000_000
ROOM = 8 * MB
SLACK = 8 * MB  # a hundredth of the room, SQLite's log, and runs that are not at their end
TEXT = "x" * 100_000  # as long as a field takes
QUICK = {"5.steps": 1, "4.width": 256, "4.height": 256}


@pytest.fixture
def served() -> Iterator[Served]:
    """Run an app with little space."""
    with running_demo_app(step_seconds=0, kept=HistoryLimits(bytes=ROOM)) as served:
        yield served


def call(app: RunningApp, path: str, who: str, body: object) -> requests.Response:
    """Return the answer to JSON from a visitor's page or script."""
    options = {"cookies": cookie_of(who), "json": body, "timeout": LONGEST_WAIT}
    with requests.post(f"{app.url}{path}", **options) as answer:
        assert answer.content is not None
        return answer


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def person(number: int) -> str:
    """Return the id of another browser at the same address."""
    return f"{number:043}"


def test_finding_s5_http_cannot_fill_the_disk(served: Served) -> None:
    """Many browsers at one address create failing and successful runs, presets and stopped batches,
    each with texts of the maximum length. The app's data stays within its limit, and each browser
    can still start all of these."""
    demo, app = served
    largest = 0
    runs, batches = (
        "/api/v1/workflows/text-to-image/runs",
        "/api/v1/workflows/text-to-image/batches",
    )
    values = {**QUICK, "2.text": TEXT, "3.text": TEXT}
    for number in range(40):
        who = person(number % 20)
        demo.script("http_413", at="POST /prompt")
        failed = call(app, f"{runs}?wait=true", who, {"values": values})
        done = call(app, f"{runs}?wait=true", who, {"values": values})
        assert (failed.status_code, done.status_code) == (201, 201)
        preset = {"name": f"{number}", "values": {"2.text": TEXT[:30_000]}}
        assert call(app, "/api/v1/presets?workflow=text-to-image", who, preset).status_code == 204
        axis = {"field": "2.text", "values": [TEXT, f"{TEXT[:-2]}{number:02}"]}
        batch = call(app, batches, who, {"values": values, "axes": [axis]})
        assert batch.status_code == 201, batch.text
        name = batch.json()["id"]
        assert call(app, f"/api/v1/batches/{name}/stop", who, None).status_code == 200
        largest = max(largest, size_of(app.data))
    eventually(lambda: not app.services.runs.line_of(f"browser:{person(19)}"))
    assert largest < ROOM + SLACK
    left = get(app, "/api/v1/presets?workflow=text-to-image", person(19)).json()["own"]
    assert "39" in left


def test_finding_s5_results_of_other_users_survive(served: Served) -> None:
    """A user at another address keeps all results, although they are older and each of the many
    browsers has less."""
    _, app = served
    starter = app.services.starter
    values = {**QUICK, "2.text": TEXT}
    for _ in range(4):
        run = starter.start(
            "text-to-image", values, Origin(f"browser:{BOB}", address="192.0.2.7"), UNWATCHED
        )
        eventually(lambda: run.state.phase.finished)  # noqa: B023
    for number in range(40):
        body = {"values": values | {"3.text": TEXT}}
        path = "/api/v1/workflows/text-to-image/runs?wait=true"
        assert call(app, path, person(number), body).status_code == 201
    assert len(get(app, "/api/v1/runs?with_page=true", BOB).json()["runs"]) == 4
    left = [
        len(get(app, "/api/v1/runs?with_page=true", person(number)).json()["runs"])
        for number in range(40)
    ]
    assert sum(left) < 40  # the largest runs went first
