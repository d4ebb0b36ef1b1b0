"""`/api/jobs` of ComfyUI at the app: a user's own runs, listed and canceled."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfyforms.plugins.comfyui_api import jobs
from comfyforms.plugins.comfyui_api.prompts import MOST
from comfyforms.plugins.comfyui_api.tests.api_calls import call, ended, send, told
from tests.support.http_client import ANN, BOB
from tests.support.samples.shipped import prompt
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import eventually

EVE = "e" * 43
LONG = prompt(n5_steps=2000)


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server that takes some time."""
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def canceled(served: Served, path: str, body: object = None, cookie: str = ANN) -> bool:
    answer = call(served[1], "POST", f"/api/jobs/{path}", body, cookie)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"cancelled"}
    return bool(answer.json()["cancelled"])


def test_clients_cancel_their_own_jobs(served: Served) -> None:
    """The answer says if there was a job to cancel. Another user's is as unknown as any id."""
    _, app = served
    running, waiting = send(app, ANN, LONG), send(app, ANN, LONG)
    runs = app.runs
    eventually(lambda: runs.get(running, f"browser:{ANN}").state.phase is Phase.RUNNING)
    assert not canceled(served, f"{running}/cancel", cookie=BOB)
    assert not canceled(served, "cancel", {"job_ids": [running, waiting]}, BOB)
    assert canceled(served, f"{waiting}/cancel")
    assert canceled(served, "cancel", {"job_ids": [str(uuid.uuid4()), running]})
    assert ended(app, running)["status"]["status_str"] == "error"
    assert told(app, f"/api/jobs/{running}")["status"] == "cancelled"
    eventually(lambda: call(app, "GET", f"/api/jobs/{waiting}").status_code == 404)
    for one in (running, waiting):
        assert not canceled(served, f"{one}/cancel")
    assert not canceled(served, f"{uuid.uuid4()}/cancel")
    for body in ({}, {"job_ids": "x"}, {"job_ids": [7]}, {"job_ids": ["x"]}):
        assert call(app, "POST", "/api/jobs/cancel", body).status_code == 400


def test_the_app_reads_the_first_ids_of_a_long_list(served: Served) -> None:
    """The event loop reads them, and all users wait for it."""
    ids = [str(uuid.uuid4()) for _ in range(MOST)]
    assert not canceled(served, "cancel", {"job_ids": [*ids, "not read"]})


def test_clients_list_their_own_jobs(served: Served) -> None:
    """The newest come first; a finished one is shown in full by its id."""
    _, app = served
    graph = {"extra_pnginfo": {"workflow": {"id": "the graph"}}}
    done = send(app, ANN, prompt(n5_steps=1), extra_data=graph)
    entry = ended(app, done)
    active = send(app, ANN, LONG)
    first, second = told(app, "/api/jobs?limit=2")["jobs"]
    assert (first["id"], second["id"]) == (active, done)
    assert first["status"] in ("pending", "in_progress")
    assert (second["status"], second["outputs_count"]) == ("completed", 1)
    assert second["preview_output"]["nodeId"] == "7"
    assert second["workflow_id"] == "the graph"
    assert second["create_time"] <= second["execution_start_time"] <= second["execution_end_time"]
    full = told(app, f"/api/jobs/{done}")
    assert full["outputs"] == entry["outputs"]
    assert full["workflow"]["prompt"] == prompt(n5_steps=1)
    found = told(app, "/api/jobs?status=completed&workflow_id=the%20graph")
    assert [one["id"] for one in found["jobs"]] == [done]
    assert found["pagination"] == {"offset": 0, "limit": 200, "total": 1, "has_more": False}
    assert told(app, "/api/jobs?limit=1&offset=1")["jobs"][0]["id"] == done
    assert told(app, "/api/jobs", BOB)["jobs"] == []
    assert told(app, "/api/jobs?offset=-1&sort_order=ASC&limit=1")["pagination"]["offset"] == 0
    for path, cookie in ((f"/api/jobs/{done}", BOB), (f"/api/jobs/{uuid.uuid4()}", ANN)):
        answer = call(app, "GET", path, cookie=cookie)
        assert (answer.status_code, answer.json()) == (404, {"error": "Job not found"})


def test_a_list_reads_no_more_runs_than_it_shows(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of all runs comes without them. Of large runs, it reads the newest few."""
    _, app = served
    for _ in range(5):
        ended(app, send(app, EVE, prompt(n5_steps=1)), EVE)
    read, of = [], RunStore.of

    def counted(*args: Any, **options: Any) -> tuple[Record, ...]:
        records = of(*args, **options)
        read.extend(records)
        return records

    monkeypatch.setattr(RunStore, "of", counted)
    page = told(app, "/api/jobs?limit=1", EVE)
    assert (len(page["jobs"]), len(read)) == (1, 2)  # two at a time
    assert page["pagination"] == {"offset": 0, "limit": 1, "total": 5, "has_more": True}
    assert told(app, "/api/jobs?status=pending,in_progress", EVE)["jobs"] == []
    assert len(read) == 2
    monkeypatch.setattr(jobs, "MOST_BYTES", 0)
    assert len(told(app, "/api/jobs", EVE)["jobs"]) == 1


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (
            "status=lost",
            "Invalid status value(s): lost. "
            "Valid values: pending, in_progress, completed, failed, cancelled",
        ),
        ("sort_by=x", "sort_by must be 'created_at' or 'execution_duration'"),
        ("sort_order=x", "sort_order must be 'asc' or 'desc'"),
        ("limit=0", "limit must be a positive integer"),
        ("limit=1.5", "limit must be an integer"),
        ("limit=", "limit must be an integer"),
        ("offset=x", "offset must be an integer"),
    ],
)
def test_a_wrong_query_is_refused_in_comfyuis_words(served: Served, query: str, error: str) -> None:
    answer = call(served[1], "GET", f"/api/jobs?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_wrong_id_is_named(served: Served) -> None:
    body = {"job_ids": ["x", 1, "00000000-0000-4000-8000-000000000000"]}
    error = {"error": "job_ids contains invalid id(s)", "invalid_ids": ["x", "1"]}
    assert call(served[1], "POST", "/api/jobs/cancel", body).json() == error
    answer = call(served[1], "POST", "/api/jobs/cancel", [])
    assert (answer.status_code, type(answer.json()["error"])) == (400, str)
