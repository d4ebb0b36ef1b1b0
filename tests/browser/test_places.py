"""Where and for whom the page is served: below a path, behind a login, for several people."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support.reverse_http_proxy import running_proxy
from tests.support.serving import running_app
from tests.support.visitor import OF_THE_HOST, Site, Visitor
from ui.settings.web_settings import WebSettings

Visit = Callable[..., Visitor]
CLOSE_CODE = """address => new Promise((done) => {
    const socket = new WebSocket(address);
    socket.onclose = ({ code }) => done(code);
})"""


def test_below_a_path(slow: Site, visit: Visit) -> None:
    """Behind a proxy that serves it below a path, everything works: form, frames, result, download,
    small images."""
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
        person.page.get_by_role("button", name="Reuse settings").click()
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
