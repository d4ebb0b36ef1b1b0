"""How a login is guarded while it lasts, and how it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from tests.security.test_logins import ELSEWHERE, SETTINGS, guess
from tests.support.http_client import finished
from tests.support.serving import PAINTED, RunningApp, running_app


@pytest.fixture(scope="module")
def demo(own_temporary_folder: Path) -> Iterator[DemoServer]:
    """A slow server."""
    with DemoServer(step_seconds=0.05, painted=PAINTED) as demo:
        yield demo


@pytest.fixture(scope="module")
def running(demo: DemoServer) -> Iterator[RunningApp]:
    """An app for anna and ben."""
    with running_app(demo.url, settings=SETTINGS) as app:
        yield app


@pytest.fixture
def app(running: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """The same, without runs and connections when a test is over."""
    yield running
    for run in running.runs.known():
        run.cancel()
        finished(run)
    running.close_idle()


def test_finding_20_failed_logins_are_counted_in_the_log(
    demo: DemoServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says how many failed from where; nothing that was typed is in it, and attempts add
    no lines."""
    with caplog.at_level(logging.INFO), running_app(demo.url, settings=SETTINGS) as app:
        for _ in range(12):
            guess(app, "hunter2", **ELSEWHERE)
        guess(app, "hunter2", **{"X-Forwarded-For": "1.1.1.1 forged"})
    said = [record.getMessage() for record in caplog.records if record.name == "ui.web.logins"]
    assert said[0] == "12 failed logins from 9.9.9.9."
    assert len(said) == 2
    assert "hunter2" not in caplog.text
    assert "guess" not in caplog.text
