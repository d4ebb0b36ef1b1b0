"""The installed app, and its message when it can't be reached."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from urllib.parse import urljoin, urlsplit

import requests
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_login import CONTROLLED, SETTINGS, log_in
from tests.support.reverse_http_proxy import running_proxy
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

HEADING = "Can't reach ComfyForms."


def test_the_app_can_be_installed_below_a_path(fast: Site, visit: Visit) -> None:
    """The only manifest that the page names starts the app below its path, with icons in the sizes
    that systems need. The service worker handles nothing outside the app and shows a page when the
    app is unreachable."""
    settings = WebSettings(port=0, root_path="/tools/forms")
    with running_app(fast.demo.url, settings=settings) as app, ExitStack() as proxy:
        outside = proxy.enter_context(running_proxy(app.url, "/tools/forms"))
        person = visit(Site(outside, fast.demo, app), service_workers="allow").open()
        page = person.page
        named = page.locator("link[rel=manifest]")
        expect(named).to_have_count(1)
        address = str(named.evaluate("link => link.href"))
        assert address == f"{outside}/manifest.json"
        manifest = requests.get(address, timeout=LONGEST_WAIT).json()
        assert (manifest["name"], manifest["display"]) == ("ComfyForms", "standalone")
        assert urljoin(address, manifest["start_url"]) == f"{outside}/"
        assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == {
            (size, purpose) for size in ("192x192", "512x512") for purpose in ("any", "maskable")
        }
        for icon in manifest["icons"]:
            drawn = Image.open(
                io.BytesIO(
                    requests.get(urljoin(address, icon["src"]), timeout=LONGEST_WAIT).content
                )
            )
            assert "{}x{}".format(*drawn.size) == icon["sizes"]
            corner = drawn.convert("RGBA").getpixel((0, 0))
            assert isinstance(corner, tuple)
            assert (corner[3] == 255) is (icon["purpose"] == "maskable")
        scope = page.evaluate("navigator.serviceWorker.ready.then((worker) => worker.scope)")
        assert scope == f"{outside}/"
        page.wait_for_function(CONTROLLED)
        assert not person.complaints
        proxy.close()
        page.goto(outside + "/")
        expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
        person.forgive("ERR_", "503", "WebSocket")  # of what was away
        page.close()


def test_pages_report_an_unreachable_app_and_recover(fast: Site, visit: Visit) -> None:
    """While the app is away, its pages say so and show none of their content. They come back by
    themselves, at the same address."""
    with running_app(fast.demo.url, settings=SETTINGS) as app:
        port = urlsplit(app.url).port
        person = visit(Site(app.url, fast.demo, app), service_workers="allow")
        page = person.page
        asked = f"{app.url}/?workflow=text-to-image&2.text=a+lighthouse"
        page.goto(asked)
        log_in(page)
        person.ready()
        page.wait_for_function(CONTROLLED)
        page.reload()
        person.ready()
        assert page.evaluate("caches.keys()") == []
        assert not person.complaints
        page.goto("about:blank")
    page.goto(asked)
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    expect(page.get_by_text("Retrying…")).to_be_visible()
    assert "lighthouse" not in page.content()
    assert "anna" not in json.dumps(page.evaluate("Object.values(localStorage)"))
    assert port is not None
    with running_app(fast.demo.url, settings=WebSettings(port=port)) as app:
        person.ready()
        assert page.url == asked
        expect(person.entry("2.text")).to_have_value("a lighthouse")
        person.forgive("ERR_", "503", "WebSocket")  # of what was away
        page.close()
