"""Sign-in in the browser: the page, signing out, and the answer to wrong passwords."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.serving import running_app
from tests.support.visitor import Site, Visit
from ui.settings.web_settings import WebSettings

LONG_NAME = "somebody with quite a long name"
SETTINGS = WebSettings(port=0, users=(("anna", "lighthouse"), (LONG_NAME, "harbour")))

CONTROLLED = "navigator.serviceWorker.controller !== null"


def log_in(page: Page, name: str = "anna", password: str = "lighthouse") -> None:
    """Fill in and send the form of the sign-in page."""
    page.get_by_label("username").fill(name)
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def site(fast: Site) -> Iterator[Site]:
    """Yield a site that requires users to sign in."""
    with running_app(fast.demo.url, settings=SETTINGS) as app:
        yield Site(app.url, fast.demo, app)


def test_a_user_signs_in_and_out(site: Site, visit: Visit) -> None:
    """The sign-in page keeps the user name after a wrong password, and can show the password. After
    sign-in, the browser opens the requested address."""
    person = visit(site)
    page = person.page
    asked = f"{site.url}/?workflow=text-to-image&2.text=a+lighthouse"
    page.goto(asked)
    log_in(page, password="a guess")
    expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")
    expect(page.get_by_label("Username")).to_have_value("anna")
    page.get_by_role("button", name="Show password").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")
    log_in(page)
    person.ready()
    assert page.url == asked
    expect(person.entry("2.text")).to_have_value("a lighthouse")
    page.get_by_role("button", name="anna").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("username")).to_be_visible()
    person.forgive("400", "401", "WebSocket", "ERR_FAILED")
    person.leave()
