"""Webhooks for finished runs: signed, retried until delivered, and sent only for their owner."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from comfy.records.webhooks import new_webhooks
from tests.support.http_client import ANN
from tests.support.serving import open_history, running_demo_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import QUICK, call, problem, run_of
from tests.ui.api.test_webhooks import RUNS, is_settled
from tests.ui.api.webhook_receiver import NEVER, Receiver, receiver

BATCHES = "/workflows/text-to-image/batches"
CHAINS = "/workflows/create-upscale-detail.chain/chains"
SMALL = {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}


def test_a_webhook_is_given_up_after_some_tries(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the run, not the whole address, which may hold a secret."""
    caplog.set_level("INFO")
    with (
        receiver(503, NEVER, 503) as there,
        running_demo_app(
            step_seconds=0, webhooks=there.settings(timeout=1.0, pauses=(0.0, 0.0))
        ) as (_, app),
    ):
        body = {"values": QUICK, "callback": f"{there.url}/hunter2"}
        run = call(app, "POST", RUNS, json=body).json()["id"]
        assert len({there.next().id for _ in range(3)}) == 1
        eventually(lambda: is_settled(app))
        assert there.came.empty()
    assert f"run {run} to {there.host}: not delivered, attempt 2: no answer in time" in caplog.text
    assert f"run {run} to {there.host}: given up after 3 attempts" in caplog.text
    assert "hunter2" not in caplog.text


def test_batches_and_chains_send_one_webhook() -> None:
    """Each webhook carries what the group's address returns. A resumed chain may name an address
    too."""
    steps = [{"field": "5.steps", "text": "1,2"}]
    with (
        receiver() as there,
        running_demo_app(step_seconds=0, webhooks=there.settings()) as (_, app),
    ):
        kinds = (
            ("batch.ended", BATCHES, {"values": {"4.width": 256}, "axes": steps}),
            ("chain.ended", CHAINS, {"values": SMALL}),
        )
        for kind, path, body in kinds:
            begun = call(app, "POST", path, json={**body, "callback": there.url})
            assert begun.status_code == 201, begun.text
            says = there.next().says
            assert (says["type"], says["data"]["state"]) == (kind, "done")
            assert says["data"] == call(app, "GET", begun.json()["url"]).json()
        again = f"{begun.json()['url']}/continue"
        assert call(app, "POST", again, json={"callback": f"{there.url}/2"}).status_code == 200
        assert there.next().path == "/2"
        eventually(lambda: is_settled(app))
        assert there.came.empty()


def test_each_pause_of_a_batch_sends_a_webhook(tmp_path: Path) -> None:
    """The app sends one webhook for each pause, also across a restart, and then one for the end. It
    sends none for a pause that a user requested, nor for a pause that ended before delivery. A
    chain that waits for a fix has ended, and its webhook says that it failed."""
    axes = [{"field": "5.seed", "text": "1..60"}]
    broken = {**QUICK, "1.ckpt_name": "demo-broken.safetensors"}
    with receiver() as there:
        with running_demo_app(step_seconds=0, data=tmp_path, webhooks=there.settings()) as (_, app):
            body = {"values": broken, "axes": axes, "callback": there.url}
            batch = call(app, "POST", BATCHES, json=body).json()
            first = there.next()
            assert (first.says["type"], first.says["data"]["state"]) == ("batch.paused", "paused")
            assert first.says["data"]["why"].startswith("The batch was paused after 5")
            assert call(app, "POST", f"{batch['url']}/continue").json()["state"] == "running"
            second = there.next()
            assert (second.says["type"], second.id == first.id) == ("batch.paused", False)
            quiet = call(app, "POST", BATCHES, json={"axes": axes, "callback": there.url}).json()
            for change in ("pause", "stop"):
                call(app, "POST", f"{quiet['url']}/{change}")
            assert there.next().says["data"]["id"] == quiet["id"]
            chain = {"values": {**SMALL, "base.1.ckpt_name": "demo-broken.safetensors"}}
            call(app, "POST", CHAINS, json={**chain, "callback": there.url})
            says = there.next().says
            assert (says["type"], says["data"]["state"]) == ("chain.ended", "failed")
        assert there.came.empty()
        with running_demo_app(step_seconds=0, data=tmp_path, webhooks=there.settings()) as (_, app):
            assert call(app, "POST", f"{batch['url']}/retry").json()["state"] == "running"
            assert there.next().says["type"] == "batch.paused"
            call(app, "POST", f"{batch['url']}/stop")
            end = there.next().says
            assert (end["type"], end["data"]["state"]) == ("batch.ended", "stopped")
            eventually(lambda: is_settled(app))
        assert there.came.empty()


def test_webhooks_outlive_the_app(tmp_path: Path) -> None:
    """The app resends a webhook that was in transit at shutdown under the same id, and sends those
    that became due unnoticed. A deleted run gets no webhook, and a resumed batch gets its webhook
    only at its end."""
    with receiver(NEVER) as there:
        often = there.settings()
        with running_demo_app(step_seconds=0, data=tmp_path, webhooks=often) as (_, app):
            path = f"{RUNS}?wait=true"
            told = call(app, "POST", path, json={"callback": there.url, "values": QUICK}).json()
            first = there.next()
            others = [run_of(app)["id"] for _ in range(2)]
            assert call(app, "DELETE", f"/runs/{others[0]}").status_code == 200
            rows = {
                "axes": [{"field": "5.steps", "text": "1..40"}, {"field": "5.cfg", "text": "1..9"}]
            }
            batch = call(app, "POST", BATCHES, json=rows).json()
            assert call(app, "POST", f"{batch['url']}/pause").json()["state"] == "paused"
        host, owner = there.host, f"browser:{ANN}"
        (of_batch,) = new_webhooks("batch", [batch["id"]], owner, host, f"{there.url}/batch")
        with contextlib.closing(open_history(tmp_path)) as history:
            history.webhooks.add(new_webhooks("run", others, owner, host, f"{there.url}/later"))
            history.webhooks.add([of_batch])
            history.webhooks.ended(of_batch.id)
        with running_demo_app(step_seconds=0, data=tmp_path, webhooks=often) as (_, app):
            again, later = sorted((there.next(), there.next()), key=lambda one: len(one.path))
            store = app.services.webhooks.store
            assert store is not None
            eventually(lambda: store.waiting() == (of_batch,))
            assert call(app, "POST", f"{batch['url']}/stop").json()["state"] == "stopped"
            assert there.next().says["data"]["state"] == "stopped"
            eventually(lambda: is_settled(app))
        assert (again, again.says["data"]["id"]) == (first, told["id"])
        assert later.says["data"]["id"] == others[1]
        assert there.came.empty()


@pytest.mark.parametrize("allowed", [True, False])
def test_webhooks_are_sent_only_to_allowed_addresses(*, allowed: bool) -> None:
    """The app refuses the address before it starts anything. If webhooks are turned off, the error
    says so."""
    there = Receiver("http://127.0.0.1:9")
    cases = {
        "http://127.0.0.1:8/": "Webhooks to 127.0.0.1:8 aren't allowed.",
        "http://ann:secret@127.0.0.1:9/": "not a valid webhook address",
        9: "not a valid webhook address",
    }
    settings = there.settings() if allowed else None
    with running_demo_app(step_seconds=0, webhooks=settings) as (_, app):
        for path in (RUNS, BATCHES, CHAINS):
            for callback, says in cases.items():
                told = problem(call(app, "POST", path, json={"callback": callback}), 422)
                assert told["type"] == "urn:comfyforms:problem:callback-refused"
                assert (says if allowed else "Webhooks are turned off.") in told["detail"]
                assert "secret" not in told["detail"]
        assert app.runs.known() == ()
