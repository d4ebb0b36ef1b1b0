"""Runs that use paid credits: keys, confirmations and limits."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.records.api_keys import ApiKeys
from comfy.runs.limits import RunLimits
from comfyui_standin.nodes.paid import EMPTY_KEY, TELLING_ERROR, TELLING_TEXTS
from tests.support.http_client import ANN, BOB, get, messages, watching
from tests.support.samples.paid import APP_KEY, NAME, OWN_KEY, paid_folder, shown_digest
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import call, problem

LIMITS = RunLimits(paid=3, paid_all=4)
OWNER = f"browser:{ANN}"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Served]:
    workflows = paid_folder(tmp_path / "workflows")
    steps = (f"[[steps]]\nname = '{name}'\nworkflow = '{NAME}'\n" for name in ("a", "b"))
    chain = f"title = 'Twice'\n{''.join(steps)}[steps.inputs]\nPrompt = 'a.text'\n"
    (workflows / "twice.chain.toml").write_text(chain, encoding="utf-8")
    with running_demo_app(
        step_seconds=0, workflows=workflows, app_key=APP_KEY, run_limits=LIMITS
    ) as served:
        yield served


@pytest.fixture
def keys(app: RunningApp) -> ApiKeys:
    keys = app.services.starter.payment.keys
    assert keys is not None
    return keys


def start(app: RunningApp, cookie: str = ANN, what: str = "runs", **body: Any) -> requests.Response:
    with call(app, "POST", f"/workflows/{NAME}/{what}?wait=true", cookie, json=body) as answer:
        return answer


def text_of(answer: requests.Response) -> str:
    assert answer.status_code == 201, answer.text
    (text,) = answer.json()["texts"]
    return str(text)


def test_a_paid_run_needs_one_confirmation_per_user(app: RunningApp) -> None:
    """The first request without one is refused with the price."""
    told = problem(start(app), 402)
    assert told["type"].endswith("payment-not-confirmed")
    assert "Partner Text (~$0.06)" in told["detail"]
    assert shown_digest(APP_KEY) in text_of(start(app, confirm_paid=True))
    text_of(start(app))
    problem(start(app, BOB), 402)


def test_a_start_in_parts_confirms(app: RunningApp) -> None:
    """A program that sends files confirms in the same request."""
    parts = {"values": (None, "{}"), "confirm_paid": (None, "true")}
    text_of(call(app, "POST", f"/workflows/{NAME}/runs?wait=true", files=parts))


def test_callers_without_identity_confirm_each_time(app: RunningApp) -> None:
    """They share one owner, so nothing is remembered about them."""
    text_of(start(app, "", confirm_paid=True))
    problem(start(app, ""), 402)


def test_a_users_own_key_comes_before_the_apps(app: RunningApp, keys: ApiKeys) -> None:
    """Without it, the app's key pays."""
    keys.put(OWNER, OWN_KEY)
    assert shown_digest(OWN_KEY) in text_of(start(app, confirm_paid=True))
    keys.remove(OWNER)
    assert shown_digest(APP_KEY) in text_of(start(app, values={"1.prompt": "a boat"}))


def test_plain_words_explain_a_failure_of_the_account(app: RunningApp, keys: ApiKeys) -> None:
    """The page and programs get a sentence about credits, not about HTTP."""
    keys.put(OWNER, EMPTY_KEY)
    answer = start(app, confirm_paid=True)
    assert answer.status_code == 201
    assert "out of credits" in answer.json()["headline"]


def test_limits_count_paid_runs_before_they_start(app: RunningApp) -> None:
    """A person has a limit, and all persons together have one. A browser that deletes its cookie
    is the same person."""
    for number in range(3):
        text_of(start(app, values={"1.prompt": f"{number}"}, confirm_paid=True))
    told = problem(start(app), 429)
    assert "3 paid runs per day" in told["detail"]
    problem(start(app, BOB, confirm_paid=True), 429)


def test_a_batch_needs_enough_paid_runs(app: RunningApp) -> None:
    """A batch that would exceed the limit doesn't start. A smaller one asks once, and each row
    counts."""
    four = {"axes": [{"field": "1.prompt", "values": ["a", "b", "c", "d"]}], "confirm_paid": True}
    problem(start(app, what="batches", **four), 429)
    three = four | {"axes": [{"field": "1.prompt", "values": ["a", "b", "c"]}]}
    problem(start(app, what="batches", **three | {"confirm_paid": False}), 402)
    answer = start(app, what="batches", **three)
    assert answer.status_code == 201, answer.text
    assert answer.json()["done"] == 3, answer.text
    problem(start(app), 429)


def test_a_workflow_names_its_paid_nodes(app: RunningApp) -> None:
    """Programs get the prices before they start a run."""
    with call(app, "GET", f"/workflows/{NAME}") as answer:
        assert answer.json()["paid"] == ["Partner Text (~$0.06)"]


def text_at(address: str) -> str:
    with requests.get(address, timeout=LONGEST_WAIT) as answer:
        return answer.text


def test_no_key_is_stored_or_shown(
    served: Served, keys: ApiKeys, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the app's files, its answers, its log nor the server's lists contain a key."""
    demo, app = served
    caplog.set_level(logging.DEBUG)
    keys.put(OWNER, OWN_KEY)
    answer = start(app, confirm_paid=True)
    run_id = answer.json()["id"]
    paths = (f"/api/v1/runs/{run_id}", "/api/v1/runs", f"/api/v1/workflows/{NAME}", "/account", "/")
    shown = [
        answer.text,
        *(get(app, path).text for path in paths),
        *(text_at(f"{demo.url}/{name}") for name in ("history", "queue")),
        caplog.text,
        repr(app.runs.get(run_id, OWNER).record),
    ]
    files = [file.read_bytes() for file in app.data.rglob("*") if file.is_file()]
    assert len(files) > 1
    assert not [text for text in shown if OWN_KEY in text or APP_KEY in text]
    assert not [data for data in files if OWN_KEY.encode() in data or APP_KEY.encode() in data]
    with contextlib.closing(sqlite3.connect(app.data / "history.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)


@pytest.mark.parametrize("prompt", [TELLING_ERROR, TELLING_TEXTS])
def test_a_key_that_a_node_repeats_is_hidden(
    prompt: str, app: RunningApp, keys: ApiKeys, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the technical details and texts of a run, its frames, the database, the log nor a
    backup contain the app's key or the user's own."""
    caplog.set_level(logging.DEBUG)
    frames: list[str | bytes] = []
    leave = app.runs.follow(lambda _owner, _run, frame: frames.append(frame), lambda: None)
    for own, key in ((False, APP_KEY), (True, OWN_KEY)):
        if own:
            keys.put(OWNER, OWN_KEY)
        answer = start(app, values={"1.prompt": prompt}, confirm_paid=True)
        run_id = answer.json()["id"]
        with watching(app, run_id) as socket:
            last = list(messages(socket))[-1]
        shown = [answer.text, str(last), *map(str, frames)]
        shown += [get(app, path).text for path in (f"/api/v1/runs/{run_id}", "/api/v1/runs")]
        assert "401 Unauthorized" in str(last) or "a text with the key" in str(last)
        assert not [text for text in (*shown, caplog.text) if key in text]
        files = [file.read_bytes() for file in app.data.rglob("*") if file.is_file()]
        assert not [data for data in files if key.encode() in data]
    leave()
    assert frames


def test_a_key_can_be_read_only_with_its_secret(app: RunningApp, keys: ApiKeys) -> None:
    """With another secret, as after a restore, the app's key pays."""
    keys.put(OWNER, OWN_KEY)
    others = ApiKeys(app.services.runs.history.engine, lambda: bytes(32))  # type: ignore[union-attr]
    assert keys.source(OWNER) == "own"
    assert others.source(OWNER) == ""
    assert others.of(OWNER) is None


def test_without_a_key_nothing_starts(tmp_path: Path) -> None:
    """The answer says who can add a key."""
    workflows = paid_folder(tmp_path / "workflows")
    with running_demo_app(step_seconds=0, workflows=workflows) as (_, app):
        told = problem(start(app, confirm_paid=True), 402)
        assert told["type"].endswith("no-api-key")
        assert "administrator" in told["hint"]


def test_a_chain_asks_for_all_its_steps(app: RunningApp) -> None:
    """One confirmation covers the chain's workflows. Its runs are paid and count."""

    def begin(**body: Any) -> requests.Response:
        with call(app, "POST", "/workflows/twice.chain/chains?wait=true", json=body) as answer:
            return answer

    assert "Partner Text" in problem(begin(), 402)["detail"]
    answer = begin(confirm_paid=True)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "done", answer.text
    text_of(start(app))  # the third of three
    problem(start(app), 429)
