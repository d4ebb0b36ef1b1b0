"""Programs are told of the ends of what they have started: signed, again until it arrives, and
nobody else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import requests

from comfy.library.permissions import Permissions
from comfy.records.webhooks import new_webhooks
from comfy.runs.interface import UNWATCHED, Origin
from comfyforms import RemoteApp
from tests.support.http_client import ANN, finished
from tests.support.serving import RunningApp, open_history, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import QUICK, call, problem, run_of
from tests.ui.api.webhook_receiver import NEVER, Receiver, receiver
from ui.settings.web_settings import WebSettings

RUNS = "/workflows/text-to-image/runs"
BATCHES = "/workflows/text-to-image/batches"
CHAINS = "/workflows/create-upscale-detail.chain/chains"
SMALL = {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}


def is_settled(app: RunningApp) -> bool:
    """Whether nobody is to be told of anything any more."""
    store = app.services.webhooks.store
    return store is not None and not (store.waiting() or store.undelivered)


def metrics(app: RunningApp) -> list[str]:
    """What the app tells of its webhooks."""
    told = requests.get(f"{app.url}/metrics", timeout=LONGEST_WAIT).text
    return [line for line in told.splitlines() if line.startswith("comfyforms_webhook")]


def test_each_run_is_told_when_it_ends() -> None:
    """With what its address tells, signed so that receivers' libraries verify it; once, though the
    request came twice. What did not arrive comes again under the same id, and a redirect is not followed; what is not wanted (410)
    does not come again. Operators see how it went."""
    anybody = Permissions(operates=lambda _: True)
    with (
        receiver(500, 307, 204, 410) as there,
        running_demo_app(step_seconds=0, permissions=anybody, webhooks=there.settings()) as (
            _,
            app,
        ),
    ):
        body, key = {"callback": f"{there.url}/runs?of=ann"}, {"idempotency-key": "k"}
        for _ in range(2):
            run = call(app, "POST", RUNS, json=body, headers=key).json()
        first, second, third = (there.next() for _ in range(3))
        assert first == second == third
        assert third.path == "/runs?of=ann"
        assert third.says["type"] == "run.ended"
        assert third.says["data"] == call(app, "GET", run["url"]).json()
        form = {"callback": there.url, "5.steps": "1"}
        parts = {name: (None, value) for name, value in form.items()}
        assert call(app, "POST", RUNS, files=parts).status_code == 201
        assert there.next().id != first.id
        eventually(lambda: is_settled(app))
        assert there.came.empty()
        for told, count in (("delivered", 1), ("failed", 2), ("given_up", 1)):
            assert f'comfyforms_webhook_tries_total{{outcome="{told}"}} {count}.0' in metrics(app)
        assert "comfyforms_webhooks_due 0.0" in metrics(app)


def test_a_webhook_is_given_up_after_some_tries(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the run, not the whole address, which may hold a secret."""
    caplog.set_level("INFO")
    with (
        receiver(503, NEVER, 503) as there,
        running_demo_app(
            step_seconds=0, webhooks=there.settings(timeout=1.0, pauses=(0.0, 0.0))
        ) as (_, app),
        RemoteApp(app.url) as remote,
    ):
        run = remote.run("text-to-image", QUICK, callback=f"{there.url}/hunter2")
        assert len({there.next().id for _ in range(3)}) == 1
        eventually(lambda: is_settled(app))
        assert there.came.empty()
    assert f"run {run.id} to {there.host}: not delivered, try 2: no answer in time" in caplog.text
    assert f"run {run.id} to {there.host}: given up after 3 tries" in caplog.text
    assert "hunter2" not in caplog.text


def test_batches_and_chains_are_told_once_as_a_whole() -> None:
    """Each as its address tells it; a chain that is let go on may name an address, too."""
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


def test_a_batch_that_pauses_itself_is_told_each_time(tmp_path: Path) -> None:
    """Once for each pause, also across a restart of the app, and its end after that; nothing is
    said of a pause that somebody wanted, nor of one that is over before it could be told. A chain
    that waits for a mend has ended, and says that it failed."""
    axes = [{"field": "5.seed", "text": "1..60"}]
    broken = {**QUICK, "1.ckpt_name": "demo-broken.safetensors"}
    with receiver() as there:
        with running_demo_app(step_seconds=0, data=tmp_path, webhooks=there.settings()) as (_, app):
            body = {"values": broken, "axes": axes, "callback": there.url}
            batch = call(app, "POST", BATCHES, json=body).json()
            first = there.next()
            assert (first.says["type"], first.says["data"]["state"]) == ("batch.paused", "paused")
            assert first.says["data"]["why"].startswith("5 rows failed one after the other")
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
    """What was on its way when the app ended comes again, under the same id; so does what ended
    while nobody looked. Of what was deleted meanwhile nobody hears, and of what goes on again only
    at its end."""
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


def test_a_receiver_that_does_not_answer_holds_up_no_other() -> None:
    """Each host has its own place."""
    with (
        receiver(NEVER) as dead,
        receiver() as there,
        running_demo_app(step_seconds=0, webhooks=there.settings(dead.host)) as (_, app),
    ):
        call(app, "POST", RUNS, json={"callback": dead.url, "values": QUICK, "count": 2})
        dead.next()
        told = call(app, "POST", RUNS, json={"callback": there.url, "values": QUICK}).json()
        assert there.next().says["data"]["id"] == told["id"]


def test_whoever_is_removed_hears_of_nothing() -> None:
    """A person who may sign in no more is not told of their runs, others are."""
    settings = WebSettings(port=0, users=(("ann", "lighthouse"),))
    with (
        receiver() as there,
        running_demo_app(settings=settings, webhooks=there.settings()) as (_, app),
    ):
        for owner in ("user:bob", "user:ann"):
            run = app.services.starter.start("text-to-image", QUICK, Origin(owner), UNWATCHED)
            app.services.webhooks.add("run", [run.id], owner, f"{there.url}/{owner}")
            finished(run)
        assert there.next().path == "/user:ann"
        eventually(lambda: is_settled(app))
        assert there.came.empty()


@pytest.mark.parametrize("allowed", [True, False])
def test_no_webhook_goes_where_the_operator_has_not_said(*, allowed: bool) -> None:
    """It is refused before anything is started; where no host is allowed at all, that is said."""
    there = Receiver("http://127.0.0.1:9")
    cases = {
        "http://127.0.0.1:8/": "This app sends no webhooks to 127.0.0.1:8.",
        "http://ann:secret@127.0.0.1:9/": "no address that a webhook can be sent to",
        9: "no address that a webhook can be sent to",
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
