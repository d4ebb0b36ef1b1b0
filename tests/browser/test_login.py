"""Sign-in in the browser: the page, signing out, and the answer to wrong passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from ui.settings.web_settings import WebSettings

Visit = Callable[..., Visitor]
LONG_NAME = "somebody with quite a long name"
SETTINGS = WebSettings(port=0, users=(("anna", "lighthouse"), (LONG_NAME, "harbour")))
LINES = """line => {
    const { height } = line.getBoundingClientRect();
    return Math.round(height / parseFloat(getComputedStyle(line).lineHeight));
}"""

CONTROLLED = "navigator.serviceWorker.controller !== null"


@pytest.fixture
def site(fast: Site) -> Iterator[Site]:
    """Yield a site that requires users to sign in."""
    with running_app(fast.demo.url, settings=SETTINGS) as app:
        yield Site(app.url, fast.demo, app)


def log_in(page: Page, name: str = "anna", password: str = "lighthouse") -> None:
    """Fill in and send the form of the sign-in page."""
    page.get_by_label("username").fill(name)
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Sign in").click()


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
    expect(page.get_by_text("ComfyForms", exact=True)).to_be_visible()
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


def the_button_says_that_it_is_at_work(page: Page) -> None:
    """Check that the button shows sign-in in progress from the press until the answer, and then has
    its usual text again."""
    asked: list[Route] = []
    page.route("**/login", lambda route: asked.append(route))
    button = page.locator("#sign-in button")
    page.get_by_label("Password").fill("a guess")
    with page.expect_request("**/login"):
        button.click()
    expect(button).to_have_text("Signing in…")
    asked[0].abort()
    expect(button).to_have_text("Sign in")
    expect(page.get_by_role("alert")).to_have_text("Can't reach ComfyForms. Try again.")
    page.unroute("**/login")


def has_room_on_a_phone(page: Page) -> None:
    """Check that a long user name makes nothing wider than the screen. Sign out stays in view, and
    the account button shares a row with the button beside it. The text about the server takes at
    most two lines."""
    page.get_by_role("button", name="Menu").click()
    account = page.get_by_role("button", name=LONG_NAME)
    expect(account).to_be_in_viewport(ratio=1)
    account.click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    rows = {round(middle(page, part)) for part in ("#open", "#account")}
    assert max(rows) - min(rows) <= 4, rows
    assert page.locator("#server .stand-in").evaluate(LINES) <= 2


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
    page.get_by_role("link", name="Open ComfyForms").click()
    person.ready()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name=LONG_NAME).click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_label("username")).to_be_visible()


def middle(page: Page, part: str) -> float:
    box = page.locator(part).bounding_box()
    assert box is not None
    return box["y"] + box["height"] / 2


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
