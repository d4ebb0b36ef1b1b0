"""Any body gets an answer in the format of Comfy API v2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.library.permissions import Permissions
from comfyforms.plugins.comfy_api_v2.tests.attacked import bodies
from comfyforms.plugins.comfy_api_v2.tests.calls import call, image, refused, submit, upload
from tests.support.http_client import ANN, BOB
from tests.support.samples.hostile import JSON
from tests.support.serving import RunningApp, Served, running_demo_app

FIXED = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)
TEXTS = st.text(max_size=40) | st.sampled_from(("input/a.png", "a [output]", "\0.png", "." * 300))


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app in which only ann may send workflows."""
    permissions = Permissions(open=lambda owner: owner == f"browser:{ANN}")
    with running_demo_app(step_seconds=0, permissions=permissions) as served:
        yield served


def judge(answer: Any) -> None:
    """Fail if the app has failed, or refused in another format."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert json.loads(answer.text)["error"].keys() == {"code", "message", "details"}


@FIXED
@given(
    body=bodies(st.text(max_size=40), JSON), path=st.sampled_from(("/jobs", "/assets/from-hash"))
)
def test_any_json_gets_an_answer(app: RunningApp, path: str, body: object) -> None:
    judge(call(app, "POST", path, data=json.dumps(body)))


@FIXED
@given(name=TEXTS, expected=st.just("") | TEXTS, key=st.text("abc", max_size=300))
def test_any_file_gets_an_answer(app: RunningApp, name: str, expected: str, key: str) -> None:
    sent = {"key": key, "file_path": name, "expected_hash": expected}
    judge(upload(app, image(), "a.png", **sent))


@FIXED
@given(path=st.text(st.characters(exclude_characters="/?#"), min_size=1, max_size=60))
def test_any_id_gets_an_answer(app: RunningApp, path: str) -> None:
    quoted = path.encode("utf-8", "replace").hex("%", 1)
    for below in ("jobs", "assets"):
        judge(call(app, "GET", f"/{below}/%{quoted}"))
        judge(call(app, "GET", f"/{below}/%{quoted}/{'events' if below == 'jobs' else 'content'}"))


def test_users_who_may_send_no_workflows_start_no_jobs(app: RunningApp) -> None:
    refused(submit(app, cookie=BOB), 403, "forbidden")
