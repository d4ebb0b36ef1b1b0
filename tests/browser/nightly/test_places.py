"""Serving the page below a path, behind a sign-in and to several users."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, expect

from tests.support.reverse_http_proxy import running_proxy
from tests.support.serving import running_app
from tests.support.visitor import OF_THE_HOST, Site, Visit
from ui.settings.web_settings import WebSettings

CLOSE_CODE = """address => new Promise((done) => {
    const socket = new WebSocket(address);
    socket.onclose = ({ code }) => done(code);
})"""


def test_below_a_path(slow: Site, visit: Visit) -> None:
    """Behind a proxy that serves the app below a path, everything works: form, previews, result,
    download and thumbnails."""
    settings = WebSettings(port=0, root_path="/tools/forms")
    with (
        running_app(slow.demo.url, settings=settings) as app,
        running_proxy(app.url, "/tools/forms") as outside,
    ):
        person = visit(Site(outside, slow.demo, app)).recording().open(**{"5.steps": 12})
        person.press()
        person.frames(1)
        slow.demo.speed.step = 0
        run_id = person.done()
        expect(person.page.locator("#history .tile img")).to_be_visible()
        source = str(person.page.locator("#stage .media img").evaluate("image => image.src"))
        assert source.startswith(f"{outside}/files/{run_id}/")
        person.act("Reuse settings")
        expect(person.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
        with person.page.expect_download() as info:
            person.page.get_by_role("link", name="Download", exact=True).click()
        assert info.value.path()
        inside = ("http", outside.partition(":")[2]), ("ws", outside.partition(":")[2])
        strays = [
            one
            for one in person.requests
            if not one.startswith(("data:", "blob:", *map(":".join, inside)))
            and urlsplit(one).path not in OF_THE_HOST
        ]
        assert not strays
        person.leave()


def test_behind_a_login(
    fast: Site, visit: Visit, context_of: Callable[..., BrowserContext]
) -> None:
    """If the app requires users to sign in, strangers get neither the page nor previews nor files.
    A signed-in user gets a result."""
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
