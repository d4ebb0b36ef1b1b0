"""The card of missing models: an administrator gets them, another user asks for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfy.downloads import DownloadSettings
from comfy.library.permissions import Permissions
from tests.browser.test_login import log_in
from tests.downloads.file_server import FileServer, file_server, safetensors
from tests.downloads.node_server import SECRET, graph_with, node_server
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit
from ui.settings.web_settings import WebSettings

NAME = "new.safetensors"
SETTINGS = WebSettings(port=0, users=(("anna", "lighthouse"), ("ben", "harbour")))


@pytest.fixture
def files() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def site(fast: Site, files: FileServer, tmp_path: Path) -> Iterator[Site]:
    """Yield a site that anna administers, with a workflow whose model is missing."""
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    graph = graph_with(NAME, files.url(NAME))
    (workflows / "new.json").write_text(json.dumps(graph), encoding="utf-8")
    with (
        node_server(fast.demo.url, tmp_path) as comfyui,
        running_app(
            comfyui,
            workflows=workflows,
            settings=SETTINGS,
            permissions=operators,
            downloads=DownloadSettings(SECRET, (files.origin,)),
            demo=False,
        ) as app,
    ):
        yield Site(app.url, fast.demo, app)


def test_an_administrator_gets_a_missing_model(site: Site, visit: Visit, files: FileServer) -> None:
    """The card shows its size, then its progress. A paused download resumes. Afterward,
    the card is gone and the form has the model, without a reload and with the typed text."""
    hosted = files.host(NAME, safetensors(30_000_000), held=threading.Event())
    person = visit(site)
    page = person.page
    page.goto(site.url)
    log_in(page)
    person.ready()
    card = page.locator("#missing")
    expect(card).to_contain_text("models/checkpoints · 30\u00a0MB")
    page.get_by_role("textbox").first.fill("a harbor at night")
    card.get_by_role("button", name="Details").click()
    expect(card).not_to_contain_text("Put each file into")
    expect(card).not_to_contain_text("Ask your administrator", use_inner_text=True)
    page.get_by_role("button", name=f"Get: {NAME}").click()
    bar = page.get_by_role("progressbar", name=NAME)
    expect(bar).to_be_visible()
    expect(card).to_contain_text("of 30\u00a0MB")
    page.get_by_role("button", name=f"Pause: {NAME}").click()
    resume = page.get_by_role("button", name=f"Resume: {NAME}")
    expect(resume).to_be_focused()
    assert hosted.held
    hosted.held.set()
    resume.click()
    expect(card).to_be_hidden()
    expect(page.get_by_role("textbox").first).to_have_value("a harbor at night")
    expect(page.get_by_role("button", name="Generate")).to_be_enabled()


def test_another_user_asks_an_administrator(site: Site, visit: Visit, files: FileServer) -> None:
    """The request appears on the administrator's page, where Get downloads the model."""
    files.host(NAME, safetensors(1000))
    person = visit(site)
    page = person.page
    page.goto(site.url)
    log_in(page, "ben", "harbour")
    person.ready()
    expect(page.get_by_role("button", name=f"Get: {NAME}")).to_be_hidden()
    page.get_by_role("button", name="Details").click()
    dialog = page.get_by_role("dialog", name="What's missing")
    expect(dialog).to_contain_text("Ask your administrator to install what's missing.")
    expect(dialog).not_to_contain_text("Put each file into", use_inner_text=True)
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Ask an administrator").click()
    expect(page.locator("#missing")).to_contain_text("You asked the administrator")
    page.context.clear_cookies()
    page.goto(f"{site.url}/operator")
    log_in(page)
    requested = page.locator("section", has_text="Requested models")
    expect(requested).to_contain_text("ben")
    expect(requested).to_contain_text(NAME)
    requested.get_by_role("button", name="Get").click()
    expect(requested).to_be_hidden()
