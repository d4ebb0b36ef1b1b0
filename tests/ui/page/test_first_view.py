"""The first document already shows the form: labels and values, before any script runs."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT

LAKE = "a quiet lake <b>at dawn</b>"


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, workflows=WORKFLOWS) as app,
    ):
        yield app


def view(
    app: RunningApp, who: str = ANN, language: str = "en", last: str = "", **query: str
) -> str:
    """Return the text of the first view, tags replaced by spaces. `last`: the cookie with the
    workflow that this browser used last."""
    document = requests.get(
        app.url,
        params=query,
        headers={"Accept-Language": language},
        cookies={**cookie_of(who), "comfyforms-last": quote(last)},
        timeout=LONGEST_WAIT,
    ).text
    first = document.partition('<div id="first-view"')[2].partition("<script>")[0]
    assert first
    shown = re.sub(r"<style>.*?</style>", "", first, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def test_the_first_document_has_the_labels_and_values(app: RunningApp) -> None:
    """Without a workflow in the URL it is the first one's form, as the page opens it."""
    shown = view(app)
    assert "Text to image Create an image from a description." in shown
    assert "Prompt Describe the image you want. a small harbor town at first light" in shown
    assert "Aspect ratio" in shown
    assert "Advanced (9)" in shown


def test_the_first_document_shows_the_chosen_workflow(app: RunningApp) -> None:
    """Values in the URL take precedence, as plain text. A chain's form has all its steps."""
    shown = view(app, workflow="upscale", **{"2.text": LAKE, "5.scale_by": "3.5"})
    assert "Upscale" in shown
    assert LAKE in shown
    assert re.search(r"Scale 2 doubles .* 3\.5 ", shown)
    assert "Text to image" not in shown
    assert "Create, enlarge, refine" in view(app, workflow="create-upscale-detail.chain")


def test_the_first_document_shows_the_workflow_used_last(app: RunningApp) -> None:
    """A workflow in the URL takes precedence; one that doesn't exist here is ignored."""
    assert "Upscale" in view(app, last="upscale")
    assert "Text to image" in view(app, last="upscale", workflow="text-to-image")
    assert "Text to image" in view(app, last="gone/\u00e9")


def test_the_first_document_is_in_the_visitors_language(app: RunningApp) -> None:
    """Gradio's own texts aren't needed for it. The example prompt is translated, too, also in a
    chain's form."""
    shown = view(app, language="de")
    assert "Erweitert (9)" in shown
    assert "eine kleine Hafenstadt im ersten Morgenlicht" in shown
    chain = view(app, language="de", workflow="create-upscale-detail.chain")
    assert "eine kleine Hafenstadt im ersten Morgenlicht" in chain


def test_others_workflows_stay_private(app: RunningApp) -> None:
    """A workflow that a user has opened is only in that user's document."""
    graph = (WORKFLOWS / "text-to-image.json").read_bytes().replace(b"harbor", b"hidden")
    opened = app.services.forms.open(f"browser:{ANN}", "secret.json", graph)
    assert "a small hidden town" in view(app, workflow=opened.name)
    assert "hidden town" not in view(app, BOB, workflow=opened.name)


def test_without_a_form_the_document_comes_at_once(tmp_path: Path) -> None:
    """If ComfyUI doesn't answer, the page doesn't wait for it."""
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    shutil.copy(WORKFLOWS / "text-to-image.json", workflows)
    with running_app("http://127.0.0.1:9", workflows=workflows) as app:
        assert "Loading the form" in view(app)
