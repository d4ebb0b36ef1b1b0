"""Forms in the pages of other sites: `--embed` and the element `comfy-form`."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
import trustme
from playwright.sync_api import BrowserContext, expect

from comfyui_standin import DemoServer
from tests.support.reverse_proxy import Guard
from tests.support.serving import running_app
from ui.settings.web_settings import WebSettings

SECURE = "\r\nX-Forwarded-Proto: https\r\n"


class TLSProxy(Guard):
    """Proxy with TLS in front of the app, as the app's settings trust it."""

    def route(self, head: str) -> tuple[tuple[str, int], str] | bytes:
        return super().route(head.replace("\r\n", SECURE, 1))


class WikiPage(http.server.BaseHTTPRequestHandler):
    """Page of another site, whose server has the attribute `page`."""

    def do_GET(self) -> None:
        body = str(getattr(self.server, "page", "")).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def wiki() -> Iterator[http.server.HTTPServer]:
    """Serve `page` without TLS. For browsers it is another site than one with TLS."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), WikiPage) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def tls_proxy(app: str) -> Iterator[TLSProxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with TLSProxy(app, tls=context) as proxy:
        yield proxy


@pytest.mark.usefixtures("chromium")
def test_a_named_site_shows_a_form_in_a_frame_of_its_height(
    context_of: Callable[..., BrowserContext],
) -> None:
    """The user runs the form on a wiki: it has no header and no history, its previews arrive, and
    the frame is as high as the page in it. A site that isn't named sees nothing."""
    with wiki() as named, wiki() as other, DemoServer(step_seconds=0.02) as demo:
        site = f"http://127.0.0.1:{named.server_port}"
        settings = WebSettings(port=0, embed=(site,))
        with running_app(demo.url, settings=settings) as app, tls_proxy(app.url) as proxy:
            forms = f"https://{proxy.place}"
            tags = f'<script src="{forms}/embed.js"></script><comfy-form workflow="text-to-image"></comfy-form>'
            named.page = other.page = f"<h1>Wiki</h1>{tags}"  # type: ignore[attr-defined]
            page = context_of(ignore_https_errors=True).new_page()
            page.goto(site)
            frame = page.frame_locator("iframe")
            frame.locator("#generate").click()
            expect(frame.get_by_role("link", name="Download")).to_be_visible()
            assert int(frame.locator("#stage .stage").get_attribute("data-frames") or 0) > 0
            expect(frame.locator("#topbar")).to_be_hidden()
            expect(frame.locator("#history")).to_be_hidden()
            columns = frame.locator("#columns").bounding_box()
            shown = page.locator("iframe").bounding_box()
            assert columns is not None
            assert shown is not None
            assert columns["height"] <= shown["height"] <= columns["height"] + 40

            page.goto(f"http://127.0.0.1:{other.server_port}")
            expect(page.locator("iframe")).to_be_visible()
            expect(frame.locator("#generate")).to_have_count(0)
            page.close()
            app.close_idle()
