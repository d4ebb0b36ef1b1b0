"""Sign-in in the browser: the page, signing out, and the answer to wrong passwords."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.test_login import LONG_NAME, SETTINGS, Visit, log_in
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from tests.ui.accounts.openid_provider import openid_provider, settings_of
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.opening import SignInSettings
from ui.settings.web_settings import WebSettings
from ui.web import guesses

TOP = "one => one.getBoundingClientRect().top"


@pytest.fixture
def site(fast: Site) -> Iterator[Site]:
    """Yield a site that requires users to sign in."""
    with running_app(fast.demo.url, settings=SETTINGS) as app:
        yield Site(app.url, fast.demo, app)


def test_finding_20_logging_out_takes_every_tab_to_the_login(site: Site, visit: Visit) -> None:
    """The account menu is in line with its neighbors and says whose page this is. Sign out signs
    the user out in all tabs of the browser, without a confirmation."""
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
            page.get_by_role("link", name="Sign in with Example").click()
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
