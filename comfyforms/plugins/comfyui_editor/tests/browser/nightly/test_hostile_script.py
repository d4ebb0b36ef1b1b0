"""A hostile script in the editor, in a real browser: it can't use the app."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser, Page, Playwright, Response, expect

from comfyforms.plugins.comfyui_editor.settings import EditorSettings
from comfyforms.plugins.comfyui_editor.tests.front_end_server import EVIL, front_end_server
from comfyui_standin import DemoServer
from tests.attacks.people import ANN, BOB
from tests.browser.test_embedding import TLSProxy
from tests.support.serving import RunningApp, running_app
from ui.settings.web_settings import WebSettings

# Names of one domain, whose pages are the same site. `.test` is for tests.
FORMS, EDITOR, DOMAIN = "forms.apps.test", "editor.apps.test", "apps.test"
RULES = (
    f"MAP *.{DOMAIN} 127.0.0.1, MAP editor.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
)


@dataclass(frozen=True, slots=True)
class Place:
    """An app and its editor, as browsers reach them."""

    app: RunningApp
    forms: str
    editor: str
    domain: str


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={RULES}"]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=flags)
    yield browser
    browser.close()


@contextlib.contextmanager
def _app(settings: WebSettings) -> Iterator[RunningApp]:
    with (
        DemoServer(step_seconds=0) as demo,
        front_end_server() as front_end,
        running_app(demo.url, front_end, settings=settings) as app,
    ):
        yield app
        app.close_idle()


@contextlib.contextmanager
def _on_loopback() -> Iterator[Place]:
    with _app(WebSettings(port=0, users=(ANN, BOB))) as app:
        port = app.url.rpartition(":")[2]
        yield Place(app, app.url, f"http://editor.localhost:{port}", "localhost")


@contextlib.contextmanager
def _in_a_domain() -> Iterator[Place]:
    settings = WebSettings(
        port=0,
        users=(ANN, BOB),
        hosts=(FORMS,),
        of_plugins=EditorSettings.model_construct(editor=f"https://{EDITOR}"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(FORMS, EDITOR).configure_cert(context)
    with _app(settings) as app, TLSProxy(app.url, tls=context) as proxy:
        yield Place(app, f"https://{FORMS}:{proxy.port}", f"https://{EDITOR}:{proxy.port}", DOMAIN)


def _opened(place: Place, page: Page) -> None:
    """Sign in as Ann, and open the editor from the app."""
    page.goto(f"{place.forms}/comfyui-editor")
    page.goto(f"{place.forms}/")
    page.get_by_label("username").fill(ANN[0])
    page.get_by_label("password").fill(ANN[1])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#generate")).to_be_visible(timeout=20_000)
    page.goto(f"{place.forms}/comfyui-editor")
    expect(page).to_have_title("Loaded", timeout=15_000)
    assert page.url.startswith(f"{place.editor}/")


@pytest.mark.parametrize("has_policy", [True, False])
@pytest.mark.parametrize("where", [_on_loopback, _in_a_domain])
@pytest.mark.usefixtures("nothing_left_behind")
def test_a_hostile_script_cannot_use_the_app(
    where: Callable[[], contextlib.AbstractContextManager[Place]],
    browser: Browser,
    *,
    has_policy: bool,
) -> None:
    """It reads no cookie and no answer, starts nothing, ends no session, connects to no socket,
    shows the app in no frame, keeps no handle of its window, and can't stay as a worker. The policy
    of the editor's pages keeps its requests from the app. The app refuses them without it, too."""
    with (
        where() as place,
        browser.new_context(ignore_https_errors=True, bypass_csp=not has_policy) as context,
    ):
        page = context.new_page()
        _opened(place, page)
        statuses = list[tuple[str, int]]()

        def note(answer: Response) -> None:
            if answer.url.startswith(place.forms):
                statuses.append((answer.url.removeprefix(place.forms), answer.status))

        context.on("response", note)

        def evil(call: str, *arguments: object) -> Any:
            return page.evaluate(f"(all) => evil.{call}(...all)", list(arguments))

        app = place.forms
        # nothing to take
        assert evil("cookies") == ""
        assert evil("opener") == "null"
        assert evil("referrer") == ""
        # nothing to read
        for path in ("/", "/account", "/operator", "/api/v1/runs", "/config", "/comfyui-editor"):
            assert evil("read", app, path) == "TypeError", path
            evil("blind", app, path)
            with_cookies = {"credentials": "include", "mode": "no-cors"}
            evil("inWorker", app + path, EVIL, with_cookies)
        assert bool(statuses) is not has_policy
        shown = {path for path, status in statuses if status < 400}
        assert shown <= {"/", "/account", "/operator"}  # the sign-in page
        statuses.clear()
        # nothing to change
        run = "/api/v1/workflows/text-to-image/runs"
        assert evil("json", app, run, {"values": {}}) == "TypeError"
        assert evil("json", app, "/prompt", {"prompt": {}}) == "TypeError"
        for path in (run, "/prompt", "/logout", "/account/tokens", "/api/v1/workflows"):
            evil("post", app, path, '{"values": {}}')
            evil("form", app, path, {"label": "stolen", "everywhere": "true"})
        assert not [one for one in statuses if one[1] < 400], statuses
        assert place.app.runs.known() == ()
        # no socket, no frame, no window, no worker
        socket = app.replace("http", "ws", 1)
        assert evil("socket", f"{socket}/news") == "refused"
        assert evil("socket", f"{socket}/ws?clientId=12345678901234567890") == "refused"
        assert evil("frame", app) in ("closed", "SecurityError")
        assert evil("window", app)[0] is True
        assert evil("worker", f"{app}/service_worker.js") == "SecurityError"
        refusals = ("TypeError", "SecurityError")  # the latter for the test's certificate
        assert evil("worker", EVIL) in refusals
        # nothing of the app at this host, with any header for proxies
        forms = app.partition("//")[2]
        closed = ("/account", "/login", "/api/v1/runs", "/config", "/api/free", "/internal/logs")
        for path in closed:
            assert evil("here", path, {}) == 404, path
            assert evil("here", path, {"x-forwarded-host": forms}) == 404, path
        # cookies of the other name stay what they are
        names = [one["name"] for one in context.cookies(app)]
        assert names
        evil("toss", names, place.domain)
        page.goto(f"{app}/account")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        expect(page.get_by_text("You have no tokens.")).to_be_visible()
        assert "stolen" not in page.content()
