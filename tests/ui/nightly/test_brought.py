"""Files of others on the same ComfyUI: never offered, never shown, never read by a workflow that a
stranger brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, BOB, finished, page_open, start, told
from tests.support.samples.media import saved
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.test_brought import SECRET


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """A server on which somebody else has uploaded an image and made another, and the app in front
    of it."""
    with running_demo_app(step_seconds=0) as (demo, app):
        form = {"type": "input", "overwrite": "true"}
        requests.post(
            f"{demo.url}/upload/image",
            form,
            files={"image": (SECRET, saved("PNG"))},
            timeout=LONGEST_WAIT,
        )
        finished(start(app, "text-to-image", ANN, **{"5.steps": 1}))
        yield demo, app


@pytest.fixture
def served(running: Served, nothing_left_behind: None) -> Iterator[Served]:
    """These, left with nothing under way."""
    yield running
    _, app = running
    eventually(
        lambda: all(run.state.phase.finished for run in app.runs.known()), "every run has ended"
    )
    app.close_idle()


@pytest.mark.parametrize("workflow", ["image-to-image", "inpaint", "upscale"])
def test_nobodys_uploads_are_in_a_form(served: Served, workflow: str) -> None:
    """Neither as a choice nor as an example nor in what is said of a wrong value."""
    _, app = served
    page = PageCalls(app, BOB).open(workflow)
    answers = [page.draw(page.choice).text, page.press().text, json.dumps(page.components)]
    fields = [key for key, value in page.held.items() if isinstance(value, dict)]
    answers += [page.press(dict.fromkeys(fields, wrong)).text for wrong in (None, {})]
    answers += [
        requests.get(app.url + path, timeout=LONGEST_WAIT).text
        for path in ("/", "/config", "/gradio_api/info")
    ]
    assert fields
    assert not [text for text in answers if SECRET in text]


def test_a_client_without_a_cookie_sees_no_list(served: Served) -> None:
    """Scripts and browsers without cookies cannot be told apart: none of them is told of another's
    runs."""
    _, app = served
    run = start(app, "text-to-image", "", **{"5.steps": 60, "4.batch_size": 8})
    with page_open(app, "") as socket:
        assert told(socket, lambda news: "runs" in news)["runs"] == []
    run.cancel()
    finished(run)
