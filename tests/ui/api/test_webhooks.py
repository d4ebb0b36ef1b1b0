"""Webhooks for finished runs: signed, retried until delivered, and sent only for their owner."""

from __future__ import annotations

import requests

from comfy.library.permissions import Permissions
from comfy.runs.interface import UNWATCHED, Origin
from tests.support.http_client import finished
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import QUICK, call
from tests.ui.api.webhook_receiver import NEVER, receiver
from ui.settings.web_settings import WebSettings

RUNS = "/workflows/text-to-image/runs"


def is_settled(app: RunningApp) -> bool:
    store = app.services.webhooks.store
    return store is not None and not (store.waiting() or store.undelivered)


def metrics(app: RunningApp) -> list[str]:
    told = requests.get(f"{app.url}/metrics", timeout=LONGEST_WAIT).text
    return [line for line in told.splitlines() if line.startswith("comfyforms_webhook")]


def test_each_run_sends_a_webhook_at_its_end() -> None:
    """The webhook carries what the run's address returns, signed in the format that receivers'
    libraries verify. A repeated request doesn't repeat the webhook. The app retries a failed
    delivery under the same id, follows no redirect, and gives up after a 410. Operators see the
    outcomes."""
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


def test_a_receiver_that_does_not_answer_holds_up_no_other() -> None:
    """Each host has its own delivery slot."""
    with (
        receiver(NEVER) as dead,
        receiver() as there,
        running_demo_app(step_seconds=0, webhooks=there.settings(dead.host)) as (_, app),
    ):
        call(app, "POST", RUNS, json={"callback": dead.url, "values": QUICK, "count": 2})
        dead.next()
        told = call(app, "POST", RUNS, json={"callback": there.url, "values": QUICK}).json()
        assert there.next().says["data"]["id"] == told["id"]


def test_a_removed_user_gets_no_webhooks() -> None:
    """The app sends no webhooks for a user who may no longer sign in. Other users still get
    theirs."""
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
