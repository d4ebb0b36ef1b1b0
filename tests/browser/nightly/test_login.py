"""Sign-in in the browser: the page, signing out, and the answer to wrong passwords."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser import test_login as twin
from tests.browser.test_login import CONTROLLED, LONG_NAME, Visit, log_in
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from tests.ui.accounts.openid_provider import openid_provider, settings_of
from ui.accounts.login import SignInSettings
from ui.accounts.openid_store import OpenIDPeople
from ui.settings.web_settings import WebSettings
from ui.web import guesses

site = twin.site


LINES = """line => {
    const { height } = line.getBoundingClientRect();
    return Math.round(height / parseFloat(getComputedStyle(line).lineHeight));
}"""


def the_button_says_that_it_is_at_work(page: Page) -> None:
    """Check that the button shows sign-in in progress from the press until the answer, and then has
    its usual text again."""
    asked: list[Route] = []
    page.route("**/login", lambda route: asked.append(route))
    button = page.locator("#sign-in [type=submit]")
    page.get_by_label("Password").fill("a guess")
    with page.expect_request("**/login"):
        button.click()
    expect(button).to_have_text("Signing in…")
    asked[0].abort()
    expect(button).to_have_text("Sign in")
    expect(page.get_by_role("alert")).to_have_text("Can't reach ComfyForms. Try again.")
    page.unroute("**/login")


def has_room_on_a_phone(page: Page) -> None:
    """Check that a long user name makes nothing wider than the screen. The menu says who is signed
    in, and has the account's entries. The demo's mark takes one line."""
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_text(f"Signed in as {LONG_NAME}")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#demo summary").evaluate(LINES) == 1


def tokens_are_made_and_revoked_on_a_page(person: Visitor) -> None:
    """Check the tokens page, which the user reaches from the open account menu. The page shows a
    new token once, to be copied, over plain HTTP too, and nothing is wider than a phone. The page
    asks before it revokes a token. Signing out everywhere requires the user to sign in again."""
    page = person.page
    page.get_by_role("link", name="Your account").click()
    expect(page.get_by_text("You have no tokens.")).to_be_visible()
    name = "a script with quite a long name that goes on for longer than a phone is wide"
    page.get_by_label("Name of the script").fill(name)
    page.get_by_role("button", name="Create a token").click()
    expect(page.locator("#token")).to_contain_text("comfyforms_")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    token = page.locator("#token").inner_text()
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("getSelection().toString()") == token
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_label("Name of the script").press("Control+v")
    expect(page.get_by_label("Name of the script")).to_have_value(token)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.reload()
    expect(page.locator("#token")).to_have_count(0)
    asks = page.get_by_role("dialog", name=f"Revoke “{name}”?")
    for answer in ("Cancel", "Revoke"):
        page.get_by_role("button", name=f"Revoke {name}").click()
        expect(asks).to_contain_text("It can't be brought back.")
        expect(asks.get_by_role("button", name="Cancel")).to_be_focused()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        asks.get_by_role("button", name=answer).click()
        expect(asks).to_be_hidden()
    expect(page.get_by_text("You have no tokens.")).to_be_visible()
    page.get_by_role("link", name="Create", exact=True).click()
    person.ready()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_label("username")).to_be_visible()


TOP = "one => one.getBoundingClientRect().top"


def test_finding_20_logging_out_takes_every_tab_to_the_login(site: Site, visit: Visit) -> None:
    """The account menu is in line with its neighbors, says whose page this is, and leads to the
    notifications. Sign out signs the user out in all tabs of the browser, without a
    confirmation."""
    person = visit(site)
    person.page.goto(site.url)
    log_in(person.page)
    person.ready()
    # The page's script reads the user name this way.
    assert person.page.evaluate("window.gradio_config?.username") == "anna"
    account = person.page.get_by_role("button", name="anna")
    beside = person.page.get_by_role("button", name="Open a workflow")
    assert account.evaluate(TOP) == beside.evaluate(TOP)
    account.click()
    expect(person.page.get_by_text("Signed in as anna")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(person.page.get_by_text("Signed in as anna")).to_be_hidden()
    account.click()
    person.page.get_by_role("button", name="When done…").click()
    expect(person.page.get_by_role("dialog", name="When done")).to_be_visible()
    person.page.keyboard.press("Escape")
    account.click()
    second = Visitor(person.page.context.new_page(), site).open()
    person.page.get_by_role("button", name="Sign out", exact=True).click()
    for page in (person.page, second.page):
        expect(page.get_by_label("username")).to_be_visible()
    person.page.reload()
    expect(person.page.get_by_label("username")).to_be_visible()
    a_tab_hears_that_somebody_else_has_signed_in(second, person)
    person.forgive("401", "WebSocket")
    for page in (person.page, second.page):
        page.close()


def a_tab_hears_that_somebody_else_has_signed_in(person: Visitor, other: Visitor) -> None:
    """Check that a tab notices when another user signs in with the same browser. Both tabs start at
    the sign-in page. When the first user signs in again, the text that they typed is back."""
    page, headline = person.page, person.page.locator("#stage .headline")
    with page.expect_websocket(lambda one: one.url.endswith("/news")) as opened:
        log_in(page)
    person.ready()
    with opened.value.expect_event("framereceived"):  # the page knows whose it is
        page.evaluate("dispatchEvent(new Event('online'))")
    person.type("2.text", "a lighthouse in the fog")
    log_in(other.page, LONG_NAME, "harbour")
    expect(headline).to_have_text(f"This browser is signed in as {LONG_NAME} now.")
    expect(
        page.get_by_text("The input of anna reappears when anna signs in again.")
    ).to_be_visible()
    person.ready()
    assert person.entry("2.text").input_value() != "a lighthouse in the fog"
    page.get_by_role("button", name=LONG_NAME).click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    log_in(page)
    person.ready()
    expect(person.entry("2.text")).to_have_value("a lighthouse in the fog")
    expect(headline).not_to_contain_text("signed in")


def test_users_sign_in_and_out_at_a_provider(fast: Site, visit: Visit) -> None:
    """A button leads to the provider, and from there to the requested address, including the part
    after #. Sign out leads to the provider's sign-out. A user that a proxy names can't sign out
    here and sees no such button."""
    with (
        openid_provider() as provider,
        closing(OpenIDPeople(settings_of(provider))) as people,
    ):
        ways = SignInSettings(openid=people, user_header="X-Forwarded-User")
        settings = WebSettings(port=0, trusted_proxies=("127.0.0.1",), sign_in=ways)
        with running_app(fast.demo.url, settings=settings) as app:
            site = Site(app.url, fast.demo, app)
            person = visit(site)
            page = person.page
            asked = f"{site.url}/?workflow=text-to-image#2.text"
            page.goto(asked)
            link = page.get_by_role("link", name="Sign in with Example")
            expect(link).to_have_attribute("href", re.compile("%232.text$"))  # set by the script
            link.click()
            page.locator("input[name=sub]").fill("1")
            page.locator("[type=submit]").first.click()
            person.ready()
            assert page.url == asked
            page.get_by_role("button", name="Anna Berg").click()
            page.get_by_role("button", name="Sign out", exact=True).click()
            page.wait_for_url(f"{provider.url}/oauth2/end_session*")
            page.close()
            named = visit(site, extra_http_headers={"X-Forwarded-User": "anna"}).open()
            named.page.get_by_role("button", name="anna").click()
            expect(named.page.get_by_role("link", name="Your account")).to_be_visible()
            expect(named.page.get_by_role("button", name="Sign out")).to_have_count(0)
            named.page.close()


def test_finding_20_repeated_wrong_passwords_delay_sign_in(
    site: Site, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign-in page reports a wrong password. After too many wrong passwords, even the right
    password has to wait, and the page says how long."""
    monkeypatch.setattr(
        guesses, "NAME", guesses.Patience(free=-5, longest=60.0)
    )  # no free ones: 32 seconds at once
    person = visit(site)
    person.page.goto(site.url)
    log_in(person.page, password="a guess")
    alert = person.page.get_by_role("alert")
    expect(alert).to_have_text("Wrong username or password.")
    log_in(person.page)
    expect(alert).to_contain_text("Try again in")
    person.forgive("400")
    person.leave()


@pytest.mark.parametrize("framed_by", ["http://evil.example", "http://huggingface.co"])
def test_finding_12_another_site_cannot_frame_the_page(
    fast: Site, context_of: Callable[..., BrowserContext], framed_by: str
) -> None:
    """Another site's frame shows nothing of the app, which prevents clickjacking."""
    page = context_of().new_page()
    page.route(
        f"{framed_by}/",
        lambda route: route.fulfill(
            body=f'<iframe src="{fast.url}"></iframe>', content_type="text/html"
        ),
    )
    page.goto(f"{framed_by}/")
    page.wait_for_function("() => frames.length === 1")
    frame = page.frames[1]
    frame.wait_for_load_state()
    assert frame.url.startswith("chrome-error:")
    page.close()


def test_the_sign_in_page_is_the_products_own(site: Site, visit: Visit) -> None:
    """The sign-in page names the product, keeps the user name after a wrong password, and works
    with a password manager and the keyboard. It fits on a phone and has the user's chosen shade.
    After sign-in, the browser opens the requested address, and a long user name fits on a phone,
    too. All this holds beside the app's own service worker."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    person = visit(site, service_workers="allow", **phone)
    page = person.page
    asked = f"{site.url}/?workflow=text-to-image&2.text=a+lighthouse"
    page.goto(asked)
    expect(page).to_have_title("Sign in · ComfyForms")
    expect(page.get_by_role("heading", name="ComfyForms")).to_be_visible()
    name, password = page.get_by_label("Username"), page.get_by_label("Password")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("autocomplete", "username")
    expect(password).to_have_attribute("autocomplete", "current-password")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert all(part["height"] >= 40 for one in (name, password) if (part := one.bounding_box()))
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type("a guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")
    expect(name).to_have_value("anna")
    expect(password).to_have_value("")
    expect(password).to_be_focused()
    the_button_says_that_it_is_at_work(page)
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.evaluate("localStorage.setItem('comfyforms.shade', 'true')")
    page.reload()
    assert page.evaluate(background) != light
    log_in(page, LONG_NAME, "harbour")
    person.ready()
    assert page.url == asked
    expect(person.entry("2.text")).to_have_value("a lighthouse")
    has_room_on_a_phone(page)
    page.wait_for_function(CONTROLLED)
    tokens_are_made_and_revoked_on_a_page(person)
    person.forgive("400", "401", "WebSocket", "ERR_FAILED")
    person.leave()
