"""Batches and chains that programs run over REST."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from comfyui_standin import DemoServer
from tests.support.http_client import ANN, cookie_of
from tests.support.serving import RunningApp, Served, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import QUICK, call, events, problem
from tests.ui.api.test_groups import BATCH, CHAIN, SMALL, STEPS, ended

BROKEN = "demo-broken.safetensors"


def test_a_batch_is_paused_and_stopped(served: Served) -> None:
    """No row starts during the pause. The batch can resume and can be stopped."""
    with DemoServer(step_seconds=1) as slow, running_app(slow.url) as app:
        batch = call(app, "POST", BATCH, json={"axes": STEPS}).json()
        for change, state in (("pause", "paused"), ("continue", "running"), ("stop", "stopped")):
            changed = call(app, "POST", f"{batch['url']}/{change}")
            assert changed.json()["state"] == state
        problem(call(app, "POST", f"{batch['url']}/explode"), 422)
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))


def test_waiting_for_a_batch_ends_when_it_pauses_itself(served: Served) -> None:
    """A paused batch may never end, and a client that follows its events learns of the pause too.
    The batch stops when its waiting caller leaves without a key. Another client's pause doesn't end
    the wait."""
    with DemoServer(step_seconds=0) as demo, running_app(demo.url) as app:
        axes = [{"field": "5.seed", "text": "1..12"}]
        body = {"values": {**QUICK, "1.ckpt_name": BROKEN}, "axes": axes}
        answer = call(app, "POST", f"{BATCH}?wait=true", json=body)
        told = answer.json()
        assert (answer.status_code, told["state"], told["finished"]) == (201, "paused", False)
        assert told["why"].startswith("The batch was paused after 5")
        with call(app, "GET", f"{told['url']}/events", stream=True) as stream:
            heard = events(stream)
            assert next(heard).told == told
            call(app, "POST", f"{told['url']}/stop")
            assert [event.told["state"] for event in heard if event.name] == ["stopped"]

        host = app.url.removeprefix("http://")
        with demo.hold("progress") as held, closing(HTTPConnection(host)) as leaving:
            cookies = "; ".join(f"{name}={value}" for name, value in cookie_of(ANN).items())
            headers = {"Content-Type": "application/json", "Cookie": cookies}
            asked = f"/api/v1{BATCH}?wait=true"
            leaving.request("POST", asked, json.dumps({"axes": axes}), headers)
            assert held.reached.wait(LONGEST_WAIT)
            batch = call(app, "GET", "/batches?limit=1").json()["batches"][0]
            assert call(app, "POST", f"{batch['url']}/pause").json()["state"] == "paused"
            leaving.close()
            eventually(lambda: call(app, "GET", batch["url"]).json()["state"] == "stopped")
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))


def pages(app: RunningApp, path: str, name: str, limit: int = 2) -> list[list[dict[str, Any]]]:
    cursor: str | None = ""
    found = []
    while cursor is not None:
        page = call(app, "GET", path, params={"limit": limit, "cursor": cursor}).json()
        found.append(page[name])
        cursor = page["next"]
    return found


def test_lists_of_batches_rows_and_chains_come_in_pages(served: Served) -> None:
    """Each entry appears once, with the newest batches and chains and the first rows first. The app
    refuses a cursor that doesn't exist."""
    with running_app(served[0].url) as app:
        for path, name, begun in (
            ("/batches", "batches", (BATCH, {"axes": STEPS})),
            ("/chains", "chains", (CHAIN, {"values": SMALL})),
        ):
            made = [call(app, "POST", begun[0], json=begun[1]).json() for _ in range(3)]
            *_, last = found = pages(app, path, name)
            assert [len(page) for page in found] == [2, 1]
            assert [one["id"] for page in found for one in page] == [
                one["id"] for one in reversed(made)
            ]
            assert last[0]["title"] == made[0]["title"]
            problem(call(app, "GET", f"{path}?cursor=none"), 422)
            for one in made:
                ended(app, one)
        batch = call(app, "GET", "/batches?limit=1").json()["batches"][0]
        rows = pages(app, f"{batch['url']}/rows", "rows")
        assert [[row["number"] for row in page] for page in rows] == [[1, 2], [3]]
        problem(call(app, "GET", f"{batch['url']}/rows?cursor=none"), 422)
        second = call(app, "GET", f"{batch['url']}/rows?limit=1&skip=1").json()
        third = call(app, "GET", f"{batch['url']}/rows?limit=1&cursor={second['next']}").json()
        assert [page["rows"][0]["number"] for page in (second, third)] == [2, 3]
        assert third["next"] is None


@pytest.mark.parametrize(("path", "body"), [(BATCH, {"axes": STEPS}), (CHAIN, {})])
def test_events_end_when_their_subject_is_deleted(
    served: Served, path: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream stays open until then, even while nothing happens."""
    monkeypatch.setattr("ui.api.streams.SILENCE", 0.05)
    with DemoServer(step_seconds=5) as slow, running_app(slow.url) as app:
        begun = call(app, "POST", path, json=body).json()
        with call(app, "GET", f"{begun['url']}/events", stream=True) as answer:
            heard = events(answer)
            assert next(heard).told["state"] == "running"
            assert next(event for event in heard if not event.name)
            call(app, "DELETE", begun["url"])
            assert "end" not in [event.name for event in heard]


def test_no_step_runs_again_while_its_chain_runs(served: Served) -> None:
    """The app refuses the step and changes nothing. Without `again`, it returns the running
    chain."""
    with DemoServer(step_seconds=0) as demo, running_app(demo.url) as app:
        with demo.hold("progress") as held:
            chain = call(app, "POST", CHAIN, json={"values": SMALL}).json()
            assert held.reached.wait(LONGEST_WAIT)
            again = f"{chain['url']}/continue"
            refused = problem(call(app, "POST", again, json={"again": ["base"]}), 409)
            assert refused["detail"] == "This chain is already running."
            assert call(app, "POST", again).json()["state"] == "running"
        assert ended(app, chain)["state"] == "done"
        assert len(demo.journal.all()) == 2
