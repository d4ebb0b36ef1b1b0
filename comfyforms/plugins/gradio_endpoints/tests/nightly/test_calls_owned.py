"""Only the caller can see and end a script's call, even if other users know its ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfyforms.plugins.gradio_endpoints.tests.attacked import a_call
from tests.attacks.people import SECRET, SMALL, browser
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT

API = "gradio_api"


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0.05) as (_, app):
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """Close the app's idle connections after each test."""
    yield running
    running.close_idle()


def listener(app: RunningApp, cookie: str, name: str) -> int:
    """Return the number of a scripts' endpoint."""
    config = requests.get(
        f"{app.url}/config", headers={"Cookie": cookie}, timeout=LONGEST_WAIT
    ).json()
    return next(int(one["id"]) for one in config["dependencies"] if one["api_name"] == name)


def post(app: RunningApp, path: str, cookie: str, **body: Any) -> requests.Response:
    return requests.post(
        f"{app.url}/{API}/{path}", json=body, headers={"Cookie": cookie}, timeout=LONGEST_WAIT
    )


def heard(app: RunningApp, path: str, cookie: str, **query: Any) -> tuple[int, str]:
    """Return a stream's status and its first line."""
    options: dict[str, Any] = {
        "params": query,
        "headers": {"Cookie": cookie},
        "stream": True,
        "timeout": 20,
    }
    with requests.get(f"{app.url}/{API}/{path}", **options) as answer:
        return answer.status_code, next(answer.iter_lines(), b"").decode()


def whole(app: RunningApp, event: str, cookie: str) -> str:
    return requests.get(
        f"{app.url}/{API}/call/run/{event}", headers={"Cookie": cookie}, timeout=60
    ).text


@pytest.mark.parametrize("path", ["run/predict", "queue/join"])
def test_attack_a_call_id_as_a_page_session_is_refused(app: RunningApp, path: str) -> None:
    """Gradio gives a script's call a session named after the call's id. Another user who knows the
    id can't claim that session for their page and follow the call."""
    ann, bob = browser(app), browser(app)
    event = a_call(app, ann, "run", "text-to-image", {**SMALL, "2.text": SECRET})
    mine = {"session_hash": event, "fn_index": listener(app, bob, "workflows"), "data": []}
    assert post(app, path, bob, **mine).status_code == 404
    assert heard(app, "queue/data", bob, session_hash=event)[0] == 404
    assert "event: complete" in whole(app, event, ann)


def test_attack_canceling_a_call_in_anothers_session_is_refused(app: RunningApp) -> None:
    """Besides the call, Gradio ends everything in the session that a request names. The app
    requires both to belong to the caller."""
    ann, bob = browser(app), browser(app)
    event = a_call(app, ann, "run", "text-to-image", {**SMALL, "5.steps": 40, "2.text": SECRET})
    body = {
        "session_hash": event,
        "fn_index": listener(app, bob, "run"),
        "event_id": a_call(app, bob),
    }
    address = f"{app.url}/{API}/call/run/{event}"
    with requests.get(address, headers={"Cookie": ann}, stream=True, timeout=60) as answer:
        told = answer.iter_lines()
        assert next(told) == b"event: generating"
        assert post(app, "cancel", bob, **body).status_code == 404
        assert b'"done"' in b"".join(told)


def test_attack_a_stream_request_with_two_sessions_is_refused(app: RunningApp) -> None:
    """If a request names two sessions, the app checks the name that Gradio uses, even an empty
    name."""
    bob = browser(app)
    own = {"session_hash": "bobs", "fn_index": listener(app, bob, "workflows"), "data": []}
    assert post(app, "queue/join", bob, **own).status_code == 200
    assert heard(app, "queue/data", bob, session_hash=["bobs", ""])[0] == 404
    assert heard(app, "queue/data", bob, session_hash=["", "bobs"])[0] == 200


@pytest.mark.parametrize("path", ["run/predict", "queue/join", "call/workflows"])
def test_attack_a_session_without_a_name(app: RunningApp, path: str) -> None:
    """All users would share an empty session id, and Gradio's queue fails on it. The app refuses
    it."""
    bob = browser(app)
    body = {"session_hash": "", "fn_index": listener(app, bob, "workflows"), "data": []}
    assert post(app, path, bob, **body).status_code == 422
