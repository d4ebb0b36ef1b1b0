"""Repeated requests with an idempotency key start nothing again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from comfyui_standin import DemoServer
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import QUICK, call, problem, run_of
from tests.ui.api.test_same_request import RUNS, sent


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
def test_a_repeated_start_of_a_batch_or_chain_returns_its_state(
    app: RunningApp, path: str, body: Any, done: Callable[[Any], bool]
) -> None:
    """A repeated request with the same key starts nothing and returns the current state. With
    `wait`, it returns the final state."""
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
def test_a_client_that_disconnects_without_a_key_stops_its_chain() -> None:
    """No client would learn of the chain's end."""
    with DemoServer(step_seconds=1) as slow, running_app(slow.url) as app:
        path = "/workflows/create-upscale-detail.chain/chains?wait=true"
        with pytest.raises(requests.Timeout):
            call(app, "POST", path, json={}, timeout=2)

        def states() -> list[str]:
            return [one["state"] for one in call(app, "GET", "/chains").json()["chains"]]

        eventually(lambda: states() == ["stopped"])
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))


KEY = "idempotency-key"


def test_each_start_and_change_takes_a_key(app: RunningApp) -> None:
    """Every POST address in the document that changes something accepts a key. A second request
    with the key changes nothing, and the answer says so."""
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
    posts = {path: told["post"] for path, told in document.items() if "post" in told}
    assert {path for path, post in posts.items() if KEY in names_of(post)} == {
        *starts,
        "/workflows/{name}/batches/check",  # starts nothing
        "/runs/{run_id}/stop",
        "/batches/{batch_id}/{change}",
        "/chains/{chain_id}/stop",
        "/chains/{chain_id}/continue",
    }
    asked = [*starts.values(), *({"path": path, **more} for path, more in changes.items())]
    for number, one in enumerate(asked):
        path, more = one["path"], {key: told for key, told in one.items() if key != "path"}
        headers = {KEY: f"walk {number}"}
        first, again = (call(app, "POST", path, headers=headers, **more) for _ in range(2))
        assert first.ok, first.text
        assert "idempotent-replayed" not in first.headers
        assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, "true"), path


def names_of(operation: Mapping[str, Any]) -> list[str]:
    """Return the names of an operation's parameters."""
    return [parameter["name"] for parameter in operation.get("parameters", [])]


def test_a_change_that_is_sent_again_changes_nothing(app: RunningApp) -> None:
    """A step runs again only once, and a repeated old change doesn't affect a batch that has
    resumed since. The app refuses another change with the same key, but a failed change doesn't use
    up its key."""
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


def test_a_refused_request_does_not_use_up_its_key(app: RunningApp) -> None:
    problem(sent(app, "wrong", {"values": {"5.steps": -1}}), 422)
    assert sent(app, "wrong").status_code == 201


@pytest.mark.usefixtures("served")
def test_a_restart_forgets_no_key(tmp_path: Path) -> None:
    """After a restart, the same request still returns the earlier run. While that run is active, a
    client that waits with a key may leave and come back."""
    with DemoServer(step_seconds=0) as demo:
        with running_app(demo.url, data=tmp_path) as app:
            first = sent(app, "life").json()
            eventually(lambda: call(app, "GET", first["url"]).json()["finished"])
        with running_app(demo.url, data=tmp_path) as app:
            again = sent(app, "life")
            assert (again.status_code, again.json()["id"]) == (200, first["id"])
            assert again.json()["phase"] == "done"
