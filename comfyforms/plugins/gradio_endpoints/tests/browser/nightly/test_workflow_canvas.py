"""The app as a node on the canvas of `gr.Workflow`, in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.environments import plain_environment
from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

SPACE = "https://owner-forms.hf.space"
# Hugging Face's answers about the Space are replaced.
PROGRAM = """
import json, sys, types
import gradio.workflow, gradio_client, huggingface_hub

space = types.SimpleNamespace(host=sys.argv[1], private=False, stage="RUNNING")
huggingface_hub.space_info = huggingface_hub.get_space_runtime = lambda *_, **__: space
gradio.workflow._hf_request = lambda *_, **__: json.dumps({"id": "owner/forms"})
gradio_client.Client._telemetry_thread = lambda _: None
gradio.Workflow(graph=sys.argv[2]).launch()
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app with one workflow, as on a Space."""
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    for file in WORKFLOWS.glob("text-to-image.*"):
        shutil.copy(file, workflows)
    settings = WebSettings(port=0, on_a_space=True)
    with running_demo_app(step_seconds=0.005, workflows=workflows, settings=settings) as (_, app):
        yield app


@contextmanager
def canvas(app: RunningApp, folder: Path) -> Iterator[str]:
    """Start an empty canvas in its own process, and yield the address at which it can be edited."""
    own = dict.fromkeys(("TMPDIR", "GRADIO_TEMP_DIR", "HF_HOME"), str(folder))
    with subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, app.url, str(folder / "workflow.json")],
        env=plain_environment() | own | {"HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout is not None
        try:
            heard = []
            for line in program.stdout:
                heard.append(line)
                if found := re.search(r"http\S+write_token=\S+", line):
                    yield found[0]
                    break
            else:
                pytest.fail("".join(heard))
        finally:
            program.kill()


@contextmanager
def opened(chromium: Browser, url: str, app: RunningApp) -> Iterator[Page]:
    """Open a page in a browser that reaches only this machine, and the app as the Space."""

    def of_the_space(route: Route) -> None:
        answer = route.fetch(url=route.request.url.replace(SPACE, app.url))
        assert answer.headers["access-control-allow-origin"] == "*"
        route.fulfill(response=answer)

    with chromium.new_context(viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(1000 * LONGEST_WAIT)
        page.route(re.compile("^https://"), lambda route: route.abort())
        page.route(f"{SPACE}/**", of_the_space)
        page.goto(url)
        yield page


def test_a_click_on_the_canvas_shows_the_image(
    chromium: Browser, app: RunningApp, tmp_path: Path
) -> None:
    """The user adds the Space as a node and runs it. The canvas adds inputs with the author's
    values, and an output with the result."""
    folder = tmp_path / "canvas"
    folder.mkdir()
    with canvas(app, folder) as url, opened(chromium, url, app) as page:
        page.get_by_title("Add Image node").click()
        page.get_by_placeholder("Search image spaces").fill("owner/forms")
        page.locator("[class^=picker]").get_by_text("forms", exact=True).click()
        page.get_by_role("button", name="Run this node", exact=True).wait_for()
        page.get_by_role("button", name="Run", exact=True).click()
        shown = page.locator("img[src*='/gradio_api/file=']")
        shown.wait_for()
        width = shown.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 512
