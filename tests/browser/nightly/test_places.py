"""Where and for whom the page is served: below a path, behind a login, for several people."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext

from tests.browser.test_places import CLOSE_CODE, Visit
from tests.support.serving import running_app
from tests.support.visitor import Site
from ui.settings.web_settings import WebSettings


def test_behind_a_login(
    fast: Site, visit: Visit, context_of: Callable[..., BrowserContext]
) -> None:
    """With a login, strangers get neither page, frames nor files; who has logged in gets a
    result."""
    settings = WebSettings(port=0, users=(("ann", "secret"), ("bob", "hidden")))
    with running_app(fast.demo.url, settings=settings) as app:
        site = Site(app.url, fast.demo, app)
        person = visit(site)
        person.page.goto(f"{app.url}/?workflow=text-to-image&5.steps=3")
        person.page.get_by_label("username").fill("ann")
        person.page.get_by_label("password").fill("secret")
        person.page.get_by_role("button", name="Sign in").click()
        person.ready()
        run_id = person.generate()
        files = str(person.page.locator("#stage .media img").evaluate("image => image.src"))
        stranger = context_of()
        assert stranger.request.get(files).status == 401
        assert stranger.request.get(f"{app.url}/files/{run_id}/all.zip").status == 401
        page = stranger.new_page()
        page.goto(app.url)
        assert page.evaluate(CLOSE_CODE, f"{app.url.replace('http', 'ws')}/live/{run_id}") != 1000
        bob = visit(site)
        bob.page.goto(app.url)
        bob.page.get_by_label("username").fill("bob")
        bob.page.get_by_label("password").fill("hidden")
        bob.page.get_by_role("button", name="Sign in").click()
        bob.ready()
        assert bob.page.request.get(files).status == 404
        for tab in (person.page, bob.page, page):
            tab.close()
