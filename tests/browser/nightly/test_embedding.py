"""Forms in the pages of other sites that ask for sign-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from comfyui_standin import DemoServer
from tests.browser.test_embedding import tls_proxy, wiki
from tests.support.serving import running_app
from ui.settings.web_settings import WebSettings


@pytest.mark.usefixtures("chromium")
def test_a_sign_in_in_a_frame_leaves_focus_and_scroll_alone(
    context_of: Callable[..., BrowserContext],
) -> None:
    """The page around two forms stays at its start, and the focus stays in it. On a page of its own
    the sign-in takes the focus."""
    with wiki() as site, DemoServer(step_seconds=0) as demo:
        place = f"http://127.0.0.1:{site.server_port}"
        settings = WebSettings(port=0, embed=(place,), users=(("anna", "lighthouse"),))
        with running_app(demo.url, settings=settings) as app, tls_proxy(app.url) as proxy:
            forms = f"https://{proxy.place}"
            element = '<comfy-form workflow="text-to-image"></comfy-form>'
            frame = f'<iframe src="{forms}/?embed=1" style="height: 600px"></iframe>'
            far = '<p style="height: 1500px"></p>'
            site.page = (
                f'<h1>Wiki</h1><script src="{forms}/embed.js"></script>{far}{element}{frame}'  # type: ignore[attr-defined]
            )
            page = context_of(ignore_https_errors=True).new_page()
            page.goto(place)
            for one in page.locator("iframe").all():
                expect(one.content_frame.get_by_role("button", name="Sign in")).to_be_visible()
            assert page.locator("iframe").count() == 2
            page.wait_for_load_state("networkidle")
            assert page.evaluate("[scrollY, document.activeElement.tagName]") == [0, "BODY"]
            page.goto(forms)
            expect(page.get_by_label("Username")).to_be_focused()
            page.close()
            app.close_idle()
