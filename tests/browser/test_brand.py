"""The brand of the settings on the page, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from comfyui_standin import DemoServer
from tests.support.serving import running_app
from ui.brand import Brand, Logo
from ui.page.accent import accent_tones
from ui.page.theme import HARDEST_BACKGROUND
from ui.settings.web_settings import WebSettings

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><path d="M0 0h90v30z"/></svg>'
BRAND = Brand(
    name="Studio Nord",
    logo=Logo(LOGO, "svg+xml", 3),
    accent="#0b2545",
    notice="Results are public for a week.",
    footer="Imprint",
    footer_link="https://studio.example/imprint",
)
LOADED = "image => image.complete && image.naturalWidth / image.naturalHeight"


def rgb(color: str) -> str:
    return f"rgb({', '.join(str(one) for one in bytes.fromhex(color[1:]))})"


@pytest.mark.usefixtures("chromium")
def test_the_page_has_the_brand_in_light_and_in_dark(
    context_of: Callable[..., BrowserContext],
) -> None:
    """The button has the accent, in dark its tone for dark. The footer also names the product.
    Messages name the app."""
    light, dark = accent_tones(BRAND.accent, HARDEST_BACKGROUND)
    settings = WebSettings(port=0, brand=BRAND)
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, settings=settings) as app:
        for scheme, tone in (("light", light[6]), ("dark", dark[6])):
            page = context_of(color_scheme=scheme).new_page()
            page.goto(f"{app.url}/?workflow=text-to-image")
            generate = page.get_by_role("button", name="Generate")
            expect(generate).to_be_enabled()
            expect(page.locator("#topbar").get_by_role("link", name="Studio Nord")).to_be_visible()
            assert page.locator("#brand img").evaluate(LOADED) == 3
            notice = page.locator("#brand-notice")
            expect(notice.get_by_text("Results are public for a week.")).to_be_visible()
            below, above = notice.bounding_box(), page.locator("#columns").bounding_box()
            assert below is not None
            assert above is not None
            assert below["y"] + below["height"] <= above["y"]
            assert below["height"] <= 40
            expect(generate).to_have_css("background-color", rgb(tone))
            imprint = page.get_by_role("link", name="Imprint")
            expect(imprint).to_have_attribute("href", "https://studio.example/imprint")
            expect(page.locator("#about")).to_contain_text("· ComfyForms ")
        page.set_viewport_size({"width": 390, "height": 844})
        logo, bar = (
            page.locator("#brand img").bounding_box(),
            page.locator("#topbar").bounding_box(),
        )
        assert logo is not None
        assert bar is not None
        assert (logo["height"] > 25, bar["height"] < 64) == (True, True)
        notice.get_by_role("button", name="Dismiss").click()
        page.reload()
        expect(generate).to_be_enabled()
        expect(notice).to_be_hidden()
        page.goto(f"{app.url}/nowhere")
        plain = page.locator(".brand-notice")
        expect(page.get_by_role("link", name="Imprint")).to_be_visible()
        expect(plain).to_be_hidden()
        page.evaluate("localStorage.clear()")
        page.reload()
        plain.get_by_role("button", name="Dismiss").click()
        expect(plain).to_be_hidden()
        button = page.locator("a.button")
        button.evaluate("button => button.hidden = true")
        expect(button).to_be_hidden()
        page.goto(f"{app.url}/?workflow=text-to-image")
        expect(generate).to_be_enabled()
        expect(notice).to_be_hidden()
    expect(page.locator("#away")).to_contain_text("Studio Nord")  # can't be reached
