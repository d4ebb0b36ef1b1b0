"""A request that is sent again with its key starts nothing again, whatever happened in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.demo import DemoServer
from tests.support.http_client import ANN, BOB
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import QUICK, call, problem, run_of

RUNS = "/workflows/text-to-image/runs"


def sent(
    app: RunningApp, key: str, body: Any = None, cookie: str = ANN, path: str = RUNS
) -> requests.Response:
    """The answer to a request with a key."""
    headers = {"idempotency-key": key}
    return call(app, "POST", path, cookie, json=body or {"values": QUICK}, headers=headers)


def test_the_same_request_has_the_same_runs(app: RunningApp) -> None:
    """It answers with the run of before, as that is now; another request with its key is refused,
    and so is the run of somebody else who happens to have the same key."""
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
    """All runs of a request with a count are found again."""
    body = {"values": QUICK, "count": 2}
    first, again = (sent(app, "several", body).json()["runs"] for _ in range(2))
    assert [run["id"] for run in first] == [run["id"] for run in again]


@pytest.mark.parametrize(
    ("path", "body", "done"),
    [
        (
            "/workflows/text-to-image/batches",
            {"values": QUICK, "axes": [{"field": "2.text", "text": "a\nb"}]},
            lambda told: told["done"] == 2,
        ),
        (
            "/workflows/create-upscale-detail.chain/chains",
            {"values": {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}},
            lambda told: all(step["results"] for step in told["steps"]),
        ),
    ],
)
def test_batches_and_chains_are_begun_once_and_waited_for(
    app: RunningApp, path: str, body: Any, done: Callable[[Any], bool]
) -> None:
    """With one key there is one, told again as it is then; with `wait` that is at its end."""
    key, waiting = f"once {path}", f"{path}?wait=true"
    first = sent(app, key, body, path=path)
    assert first.status_code == 201, first.text
    again = sent(app, key, body, path=waiting)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert (again.json()["id"], again.headers["location"]) == (
        first.json()["id"],
        again.json()["url"],
    )
    assert again.json()["state"] == "done"
    assert done(again.json())
    problem(sent(app, key, {"values": {}}, path=path), 422)
    alone = call(app, "POST", waiting, json=body)
    assert (alone.status_code, alone.json()["state"]) == (201, "done")


@pytest.mark.usefixtures("served")
def test_whoever_waits_for_a_chain_without_a_key_ends_it_by_leaving() -> None:
    """Nobody would hear of its end."""
    with DemoServer(step_seconds=1) as slow, running_app(slow.url) as app:
        path = "/workflows/create-upscale-detail.chain/chains?wait=true"
        with pytest.raises(requests.Timeout):
            call(app, "POST", path, json={}, timeout=2)

        def states() -> list[str]:
            return [one["state"] for one in call(app, "GET", "/chains").json()["chains"]]

        eventually(lambda: states() == ["stopped"])
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))


def test_every_post_takes_a_key(app: RunningApp) -> None:
    """Each address that the document names is asked twice with one key: the second time nothing is
    done, and that is said."""
    batch = {"values": QUICK, "axes": [{"field": "2.text", "text": "a\nb"}]}
    chain = {"values": {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}}
    many, steps = "/workflows/text-to-image/batches", "/workflows/create-upscale-detail.chain"
    starts: dict[str, dict[str, Any]] = {
        "/workflows/{name}/runs": {"path": RUNS, "json": {"values": QUICK}},
        "/workflows/{name}/batches": {"path": many, "json": batch},
        "/workflows/{name}/chains": {"path": f"{steps}/chains", "json": chain},
        "/uploads": {"path": "/uploads", "files": {"file": ("a.png", saved("PNG"))}},
    }
    of_batch, of_chain = (
        call(app, "POST", f"{starts[path]['path']}?wait=true", json=starts[path]["json"]).json()
        for path in ("/workflows/{name}/batches", "/workflows/{name}/chains")
    )
    of_run = run_of(app)
    changes = {
        **{f"{of_batch['url']}/{one}": {} for one in ("pause", "continue", "stop", "retry")},
        f"{of_run['url']}/stop": {},
        f"{of_chain['url']}/stop": {},
        f"{of_chain['url']}/continue": {"json": {"again": ["base"]}},
    }
    document = call(app, "GET", "/openapi.json").json()["paths"]
    there = {path for path, methods in document.items() if "post" in methods}
    there.remove("/workflows/{name}/batches/check")  # changes nothing
    assert there == {
        *starts,
        "/runs/{run_id}/stop",
        "/batches/{batch_id}/{change}",
        "/chains/{chain_id}/stop",
        "/chains/{chain_id}/continue",
    }
    asked = [*starts.values(), *({"path": path, **more} for path, more in changes.items())]
    for number, one in enumerate(asked):
        path, more = one["path"], {key: told for key, told in one.items() if key != "path"}
        headers = {"idempotency-key": f"walk {number}"}
        first, again = (call(app, "POST", path, headers=headers, **more) for _ in range(2))
        assert first.ok, first.text
        assert "idempotent-replayed" not in first.headers
        assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, "true"), path
    for path in there:
        names = [one["name"] for one in document[path]["post"]["parameters"]]
        assert "idempotency-key" in names


def test_a_change_that_is_sent_again_changes_nothing(app: RunningApp) -> None:
    """A step runs again once, and what was let go on since is not stopped by a stop of before;
    another change with the key is refused, and one that could not be made does not hold it."""
    body = {"values": {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}}
    path = "/workflows/create-upscale-detail.chain/chains?wait=true"
    chain = call(app, "POST", path, json=body).json()
    go_on, again = f"{chain['url']}/continue", {"again": ["base"]}
    problem(sent(app, "go on", {"again": ["bose"]}, path=go_on), 422)
    for _ in range(2):
        assert sent(app, "go on", again, path=go_on).status_code == 200
        eventually(lambda: call(app, "GET", chain["url"]).json()["state"] == "done")
    made = {run.id for run in app.runs.known() if run.record.group == chain["id"]}
    assert len(made) == 3
    told = problem(sent(app, "go on", {"again": ["upscale"]}, path=go_on), 422)
    assert told["type"] == "urn:comfyforms:problem:key-used"
    problem(sent(app, "go on", again, path=f"{chain['url']}/stop"), 422)
    problem(sent(app, "none", path="/chains/none/stop"), 404)

    rows = {"axes": [{"field": "5.steps", "text": "1..40"}, {"field": "5.cfg", "text": "1..9"}]}
    batch = call(app, "POST", "/workflows/text-to-image/batches", json=rows).json()
    for key, change, state in (
        ("first", "pause", "paused"),
        ("second", "continue", "running"),
        ("first", "pause", "running"),
        ("third", "stop", "stopped"),
    ):
        told = sent(app, key, path=f"{batch['url']}/{change}").json()
        assert told["state"] == state


def test_what_started_nothing_may_be_sent_again(app: RunningApp) -> None:
    """A request that was refused does not hold its key."""
    problem(sent(app, "wrong", {"values": {"5.steps": -1}}), 422)
    assert sent(app, "wrong").status_code == 201


def test_files_are_compared_by_their_names_and_bytes(app: RunningApp) -> None:
    """The same file under a key is the same request; another file is another, and so is one with
    another name."""

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


def test_uploads_are_kept_once(app: RunningApp) -> None:
    """The same files with a key are those of before, and take no more room, as long as these are
    there; others with that key are refused."""
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
    """Of many at once one starts the run; the others hear of it, or that it is being started."""
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


@pytest.mark.usefixtures("served")
def test_a_restart_forgets_no_key(tmp_path: Path) -> None:
    """In another life of the app the same request still has the run of before; while that goes on,
    whoever waits for it with a key may leave and come back."""
    with DemoServer(step_seconds=0) as demo:
        with running_app(demo.url, data=tmp_path) as app:
            first = sent(app, "life").json()
            eventually(lambda: call(app, "GET", first["url"]).json()["finished"])
        with running_app(demo.url, data=tmp_path) as app:
            again = sent(app, "life")
            assert (again.status_code, again.json()["id"]) == (200, first["id"])
            assert again.json()["phase"] == "done"


def test_without_a_history_no_key_is_taken(served: object) -> None:
    """What cannot be promised is refused."""
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, remembers=False) as app:
        problem(sent(app, "one"), 409)
