"""The brand on the pages: the settings' name, logo, color and texts."""

from __future__ import annotations

import requests

from comfy.base.messages import message
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.brand import Brand, Logo, branded
from ui.languages.current import all_translated, current_language, translated
from ui.page.grid_page import grid_page
from ui.settings.web_settings import WebSettings

LOGO = Logo(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"/>', "svg+xml", 3)
BRAND = Brand(
    name="Studio <Nord>",
    logo=LOGO,
    accent="#0b7a5b",
    notice="Be <b>kind</b>.",
    footer="Imprint & more",
    footer_link="/imprint",
    sign_in="Ask <i>Anna</i>.",
)
SHOWN = (
    "<title>{}Studio &lt;Nord&gt;</title>",
    "Be &lt;b&gt;kind&lt;/b&gt;.",
    f'<img src="{LOGO.address}" alt="" width="96"',
    f'<link rel="icon" href="{LOGO.address}">',
    'content="Studio &lt;Nord&gt;"',
)


def test_all_pages_show_the_brand() -> None:
    """The page, the sign-in page, the manifest and the script for other sites have the name. Texts
    are escaped. A link preview has no picture with the product's name."""
    settings = WebSettings(port=0, brand=BRAND, users=(("anna", "lighthouse"),))
    with (
        running_demo_app(step_seconds=0, settings=settings) as (_, app),
        requests.Session() as anna,
    ):

        def page(path: str) -> requests.Response:
            return anna.get(app.url + path, headers={"Accept": "text/html"}, timeout=LONGEST_WAIT)

        sign_in = page("/").text
        for words in SHOWN:
            assert words.format("Sign in · ") in sign_in
        assert "Ask &lt;i&gt;Anna&lt;/i&gt;." in sign_in
        assert '<a class="link" href="/imprint">Imprint &amp; more</a>' in sign_in
        assert "og:image" not in sign_in
        # Landmarks of a screen reader: one footer, and the notice in one of its own.
        assert sign_in.count("<footer>") == 1
        assert '<aside class="brand-notice" ' in sign_in
        account = {"username": "anna", "password": "lighthouse"}
        assert anna.post(f"{app.url}/login", account, timeout=LONGEST_WAIT).ok
        whole = page("/").text
        for words in SHOWN:
            assert words.format("") in whole
        assert 'data-app="Studio &lt;Nord&gt;"' in whole
        assert "--primary-600: #0b7a5b;" in page("/theme.css").text
        manifest = page("/manifest.json").json()
        assert (manifest["name"], manifest["theme_color"]) == (BRAND.name, BRAND.accent)
        assert 'this.title || "Studio <Nord>"' in page("/embed.js").text


def test_the_logo_can_run_nothing() -> None:
    """Browsers keep it, and load nothing for it if it is opened as a page. Other names don't
    exist."""
    with running_demo_app(step_seconds=0, settings=WebSettings(port=0, brand=BRAND)) as (_, app):
        answer = requests.get(f"{app.url}/{LOGO.address}", timeout=LONGEST_WAIT)
        assert answer.content == LOGO.content
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "immutable" in answer.headers["cache-control"]
        other = f"{app.url}/icons/logo-0.svg"
        assert requests.get(other, timeout=LONGEST_WAIT).status_code == 404


def test_messages_name_the_app_and_not_the_product() -> None:
    """Values in messages, such as paths, stay. A grid says which program made it."""
    text = message("Can't reach ComfyForms.")
    with branded(BRAND):
        assert translated(text) == "Can't reach Studio <Nord>."
        assert all_translated([text]) == ["Can't reach Studio <Nord>."]
        assert translated(message("{path} is gone.", path="/ComfyForms")) == "/ComfyForms is gone."
        assert "Made with ComfyForms." in "".join(grid_page("", (), lambda _: ""))
    assert translated(text) == "Can't reach ComfyForms."
    assert not current_language().files
