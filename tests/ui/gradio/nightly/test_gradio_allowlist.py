"""The guard in front of Gradio: its routes, pages of other sites, addresses in place of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture(scope="module")
def served(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0) as (_, app):
        yield app


@pytest.fixture
def app(served: RunningApp, nothing_left_behind: None) -> Iterator[RunningApp]:
    """The app, whose connections to the server are not counted."""
    yield served
    served.close_idle()


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/monitoring/summary",
        "/pwa_icon/192",
        "/gradio_api/token",
        "/gradio_api/runs",
        "/gradio_api/dev/reload",
        "/gradio_api/deep_link?session_hash=abc",
        "/gradio_api/queue/status",
        "/gradio_api/vibe-code",
        "/gradio_api/heartbeat/abc",
        "/gradio_api/startup-events",
        "/gradio_api/custom_component/1/client/component/index.js",
        "/gradio_api/stream/abc/1/2/playlist.m3u8",
        "/gradio_api/profiling/traces",
    ],
)
def test_unused_functions_are_absent(app: RunningApp, path: str) -> None:
    """Of Gradio's routes only those are open that the page and scripts use."""
    assert requests.get(app.url + path, timeout=LONGEST_WAIT).status_code == 404
