"""Bodies that claim to be JSON."""

from __future__ import annotations

import threading

import pytest
import requests

from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited
from ui.web.limits import off_loop


@pytest.mark.parametrize("path", ["/endpoints/login", "/login"])
def test_a_form_route_refuses_broken_json(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """FastAPI doesn't parse JSON for a form. Broken JSON is the caller's mistake, so the log stays
    empty."""
    with running_demo_app() as (_, app):
        for body in (b'{"username": "\xff"}', b"{", b"[" * 2000):
            answer = requests.post(
                app.url + path,
                body,
                headers={"content-type": "application/json"},
                timeout=LONGEST_WAIT,
            )
            assert answer.status_code == 422
    assert not caplog.records


@pytest.mark.parametrize("size", [100, 20_000])
def test_only_small_json_is_parsed_on_the_event_loop(size: int) -> None:
    """Other callers wait for it."""

    async def is_on_loop() -> bool:
        thread = await off_loop(lambda _: threading.get_ident(), b" " * size)
        return thread == threading.get_ident()

    assert awaited(is_on_loop()) == (size == 100)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"1," * 1_000_000 + b"1", "Too many values (maximum 100,000)."),
        (b"[]," * 60_000 + b"1", "Too many values (maximum 100,000)."),
        (b"[" * 200 + b"]" * 200, "too deeply"),
        (b"[" * 20_000, "too deeply"),
        (b"1", ""),
    ],
)
def test_json_has_limits_before_it_is_parsed(app: RunningApp, body: bytes, why: str) -> None:
    """A few megabytes may be millions of values, whose parsing would stop the app for seconds."""
    answer = requests.post(
        f"{app.url}/api/v1/presets",
        b'{"name": [' + body + b"]}",
        headers={"content-type": "application/json"},
        timeout=LONGEST_WAIT,
    )
    assert answer.status_code == 422
    assert why in answer.json()["detail"]
