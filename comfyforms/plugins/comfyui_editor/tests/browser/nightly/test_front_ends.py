"""ComfyUI's official front ends behind the sign-in, in a real browser. The folders in
COMFYUI_FRONT_ENDS, or the one of the installed package `comfyui-frontend-package`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from comfy.library.permissions import Permissions
from comfyforms.plugins.comfyui_editor.tests.browser.nightly.test_hostile_script import (
    browser as browser,
)
from comfyforms.plugins.comfyui_editor.tests.front_end_server import (
    front_end_server,
    official_front_end,
)
from comfyui_standin import DemoServer
from tests.attacks.people import ANN, BOB
from tests.security.signing_in import Login
from tests.support.programs import skip_without
from tests.support.serving import running_app
from tests.support.visitor import Site
from ui.settings.web_settings import WebSettings

API = "window.comfyAPI.api.api"
APP = "window.comfyAPI.app.app"
EVENTS = ("execution_start", "execution_success", "execution_interrupted", "b_preview")
# Chooses a model that the stand-in has and a new seed, and counts the messages of a tab.
PREPARE = f"""() => {{
  for (const node of {APP}.graph._nodes)
    for (const widget of node.widgets ?? []) {{
      if (widget.name === "ckpt_name") widget.value = "demo-landscapes.safetensors";
      if (widget.name === "seed") widget.value = Math.floor(1e9 * Math.random());
    }}
  window.seen = [];
  for (const name of {list(EVENTS)}) {API}.addEventListener(name, () => window.seen.push(name));
}}"""
WIDGETS = f"""(names) => Object.fromEntries({APP}.graph._nodes.flatMap((node) =>
  (node.widgets ?? []).filter(({{ name }}) => names.includes(name))
    .map(({{ name, value }}) => [`${{node.id}}.${{name}}`, value])))"""
QUEUE = f"{APP}.queuePrompt(0, 1)"
INTERRUPT = f"{APP}.extensionManager.command.execute('Comfy.Interrupt')"


def _front_ends() -> list[Path]:
    if folders := os.environ.get("COMFYUI_FRONT_ENDS"):
        return [Path(one) for one in folders.split(os.pathsep)]
    package = find_spec("comfyui_frontend_package")
    return [Path(package.origin).parent / "static"] if package and package.origin else []


@pytest.fixture(scope="module", params=_front_ends() or [None], ids=str)
def site(request: pytest.FixtureRequest, own_temporary_folder: Path) -> Iterator[Site]:
    if request.param is None:
        skip_without("comfyui-frontend-package, or folders of front ends in COMFYUI_FRONT_ENDS")
    files = official_front_end(request.param)
    settings = WebSettings(port=0, users=(ANN, BOB))
    permissions = Permissions(keep=lambda owner: owner == "user:ann")
    with (
        DemoServer(step_seconds=0.1, painted=192) as demo,
        front_end_server(files) as front_end,
        running_app(demo.url, front_end, settings=settings, permissions=permissions) as app,
    ):
        yield Site(app.url, demo, app)
        app.close_idle()


def _signed_in(site: Site, browser: Browser, login: Login) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{site.url}/?workflow=text-to-image")
    page.get_by_label("username").fill(login[0])
    page.get_by_label("password").fill(login[1])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#generate")).to_be_visible(timeout=30_000)
    return context


def _ready(page: Page, nodes: int) -> None:
    count = f"window.comfyAPI?.app.app.graph?._nodes.length >= {nodes}"
    page.wait_for_function(count, timeout=90_000)
    page.wait_for_function("!document.querySelector('#splash-loader')", timeout=90_000)


def _seen(page: Page, event: str) -> None:
    page.wait_for_function(f"window.seen.includes('{event}')", timeout=60_000)


def test_a_form_opens_in_the_editor_runs_and_comes_back(site: Site, browser: Browser) -> None:
    """The graph has the form's values and its replaced model, and is the only one. Previews arrive,
    and it opens as a form of this user."""
    with _signed_in(site, browser, ANN) as context:
        form = context.pages[0]
        form.locator("#form textarea").first.fill("a cat & a dog #1")
        form.keyboard.press("Tab")
        form.locator("#form-menu button").last.click()
        with context.expect_page() as opening:
            form.get_by_text("Open in the editor").click()
        page = opening.value
        wrong = list[str]()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        expect(page).to_have_title("*text-to-image - ComfyUI", timeout=90_000)
        _ready(page, 7)
        assert page.evaluate(WIDGETS, ["text", "ckpt_name"]) == {
            "2.text": "a cat & a dog #1",
            "3.text": "blurry, text, watermark",
            "1.ckpt_name": "demo-landscapes.safetensors",
        }
        assert page.evaluate(f"{APP}.extensionManager.workflow.openWorkflows.length") == 1
        page.evaluate(PREPARE)
        page.evaluate(QUEUE)
        _seen(page, "execution_success")
        assert page.evaluate("window.seen").count("b_preview") > 3
        with context.expect_page() as opening:
            page.get_by_role("button", name="Open as form").first.click()
        expect(opening.value.locator("#generate")).to_be_enabled(timeout=60_000)
        assert opening.value.evaluate("window.opener") is None
        assert wrong == []


def test_interrupt_stops_its_own_tab_only(site: Site, browser: Browser) -> None:
    """In an idle tab it stops nothing, and in a tab that runs a prompt it stops this one."""
    with _signed_in(site, browser, ANN) as context:
        first, second = context.pages[0], context.new_page()
        for page in (first, second):
            page.goto(f"{site.url}/comfyui-editor?workflow=text-to-image")
            expect(page).to_have_title("*text-to-image - ComfyUI", timeout=90_000)
            _ready(page, 7)
            page.evaluate(PREPARE)
        first.evaluate(QUEUE)
        _seen(first, "b_preview")
        second.evaluate(INTERRUPT)
        _seen(first, "execution_success")
        assert "execution_interrupted" not in first.evaluate("window.seen")
        second.evaluate(QUEUE)
        _seen(second, "b_preview")
        second.evaluate(INTERRUPT)
        _seen(second, "execution_interrupted")


def test_settings_and_files_are_of_one_user(site: Site, browser: Browser) -> None:
    """They are there after the page is loaded again, and another user has none of them."""
    kept = f"{API}.listUserDataFullInfo('workflows')"
    with _signed_in(site, browser, ANN) as context:
        page = context.pages[0]
        page.goto(f"{site.url}/comfyui-editor")
        _ready(page, 1)
        store = f"{API}.storeUserData('workflows/a folder/ä.json', {{}}, {{overwrite: false}})"
        page.evaluate(store)
        page.evaluate(f"{API}.storeSetting('Comfy.ColorPalette', 'light')")
        page.reload()
        _ready(page, 1)
        assert page.evaluate(f"{API}.getSetting('Comfy.ColorPalette')") == "light"
        assert [one["path"] for one in page.evaluate(kept)] == ["a folder/ä.json"]
    with _signed_in(site, browser, BOB) as context:
        page = context.pages[0]
        page.goto(f"{site.url}/comfyui-editor")
        _ready(page, 1)
        assert page.evaluate(f"{API}.getSetting('Comfy.ColorPalette')") is None
        assert page.evaluate(kept) == []
