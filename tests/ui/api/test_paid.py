"""Runs that use paid credits: keys, confirmations and limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.demo.nodes.paid import EMPTY_KEY
from comfy.runs.limits import RunLimits
from tests.support.http_client import ANN, BOB
from tests.support.samples.paid import APP_KEY, NAME, OWN_KEY, paid_folder, shown_digest
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.ui.api.api_calls import call, problem

LIMITS = RunLimits(paid=3, paid_all=4)


@contextlib.contextmanager
def paid_app(folder: Path, **options: Any) -> Iterator[Served]:
    with running_demo_app(
        step_seconds=0, workflows=paid_folder(folder / "workflows"), **options
    ) as served:
        yield served


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Served]:
    with paid_app(tmp_path, app_key=APP_KEY, run_limits=LIMITS) as served:
        yield served


def start(app: RunningApp, cookie: str = ANN, **body: Any) -> requests.Response:
    with call(app, "POST", f"/workflows/{NAME}/runs?wait=true", cookie, json=body) as answer:
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


def test_a_users_own_key_comes_before_the_apps(app: RunningApp) -> None:
    """Without it, the app's key pays."""
    keys = app.services.starter.payment.keys
    assert keys is not None
    keys.put(f"browser:{ANN}", OWN_KEY)
    assert shown_digest(OWN_KEY) in text_of(start(app, confirm_paid=True))
    keys.remove(f"browser:{ANN}")
    assert shown_digest(APP_KEY) in text_of(start(app, values={"1.prompt": "a boat"}))


def test_plain_words_explain_a_failure_of_the_account(app: RunningApp) -> None:
    """The page and programs get a sentence about credits, not about HTTP."""
    keys = app.services.starter.payment.keys
    assert keys is not None
    keys.put(f"browser:{ANN}", EMPTY_KEY)
    answer = start(app, confirm_paid=True)
    assert answer.status_code == 201
    assert "out of credits" in answer.json()["headline"]


def test_limits_count_paid_runs_before_they_start(app: RunningApp) -> None:
    """A person has a limit, and all persons together have one."""
    for number in range(3):
        text_of(start(app, values={"1.prompt": f"{number}"}, confirm_paid=True))
    told = problem(start(app), 429)
    assert "3 paid runs per day" in told["detail"]
