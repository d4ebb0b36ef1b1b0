"""App that remembers its runs, and a check for tracebacks in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.serving import RunningApp, Served, running_demo_app


@pytest.fixture
def served() -> Iterator[Served]:
    """Run an app in front of a demo server without delays."""
    with running_demo_app(step_seconds=0) as (demo, app):
        yield demo, app


@pytest.fixture
def forgetful() -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0, keep=0) as (_, app):
        yield app


@pytest.fixture
def no_traceback(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in capsys.readouterr().err
