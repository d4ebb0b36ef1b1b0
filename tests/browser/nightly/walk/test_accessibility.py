"""No state of the page has serious or critical problems in axe-core, on a desktop and a phone,
light and dark. test_geometry.py covers the other forms and results."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from comfy.library.permissions import Permissions
from tests.browser.nightly.walk import axe
from tests.browser.nightly.walk.states import Walker
from tests.browser.opening.nightly.test_choosing import lacking
from tests.browser.opening.test_opening import DRAG_OVER
from tests.browser.test_login import log_in
from tests.support.brought import give
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from ui.settings.web_settings import WebSettings


@pytest.fixture(autouse=True)
def reader() -> None:
    """Skip the test if axe-core is not installed."""
    axe.needs_axe()


def test_filling_in(walker: Walker) -> None:
    """The start, the form's menus and dialogs, errors on fields, and a file held over the page are
    accessible."""
    person = walker.person.open()
    page = person.page
    walker.read("the start")
    person.unfold()
    walker.read("advanced fields", "#form")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search", exact=True)).to_be_visible()
    walker.read("the list of workflows", "#picker")
    page.keyboard.press("Escape")
    page.locator(".colophon summary").click()
    page.get_by_role("button", name="Shortcuts").click()
    walker.read("the keys", "#keys")
    page.keyboard.press("Escape")
    person.keep_preset("Night")
    walker.read("presets", "#presets")
    page.keyboard.press("Escape")
    new_controls(walker)
    person.type("4.width", 7)
    person.press()
    expect(page.locator(".field-error")).to_be_visible()
    walker.read("an error on a field", "[id^=field-4], #stage")
    page.evaluate(DRAG_OVER)
    expect(page.locator("#drop-zones")).to_be_visible()
    walker.read("a file held over the page", "#drop-zones")
    walker.all_well()


def new_controls(walker: Walker) -> None:
    """Check the form's menu, the bell and the sizes, opened by keyboard. Escape returns the focus to
    the menu's button."""
    page = walker.page
    opener = page.get_by_role("button", name="Form actions")
    opener.press("Enter")
    first = page.get_by_role("menuitem").first
    expect(first).to_be_focused()
    walker.read("the form's menu", "#form-menu")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.press("Enter")
    page.get_by_role("menuitem", name="When done…").press("Enter")
    expect(page.get_by_role("dialog", name="When done")).to_be_visible()
    walker.read("the bell", "#when-done")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Custom…").press("Enter")
    walker.read("sizes", "#form")


def test_looking_at_results(walker: Walker) -> None:
    """A run, its result, full screen, and a history with several results selected and compared are
    accessible. The error states are accessible, too."""
    person = walker.person.open(**{"5.steps": 4})
    page = person.page
    person.generate()
    with person.site.demo.hold("progress", after=2):
        person.press()
        expect(page.locator("img.live-frame")).to_be_visible()
        person.press()
        expect(person.waiting()).to_have_count(1)
        walker.read("a run, and one that waits", "#stage, #queue")
    expect(page.locator("#history .tile")).to_have_count(3)
    walker.read("a result", "#stage, #history")
    page.get_by_role("button", name="Use in…").click()
    expect(page.get_by_role("menuitem").first).to_be_visible()
    walker.read("where a result can be used", "[role=menu]:not([hidden])")
    page.keyboard.press("Escape")
    page.locator("#stage .details summary").click()
    walker.read("details", "#stage .details")
    page.locator("#stage .viewport").hover()
    page.get_by_role("button", name="Full screen", exact=True).click()
    walker.read("full screen", "#stage")
    page.keyboard.press("Escape")
    walker.person.find()
    page.get_by_role("button", name="Select", exact=True).click()
    for at in (0, 1):
        page.locator("#history .tile").nth(at).click()
    walker.read("selected results", "#history")
    page.get_by_role("group", name="Selected results").get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog", name="Compare results")).to_be_visible()
    walker.read("compared results", "dialog")
    what_goes_wrong(walker)
    walker.all_well()


def what_goes_wrong(walker: Walker) -> None:
    """Check a failed run and a workflow that can't run here."""
    person = walker.person
    person.page.keyboard.press("Escape")
    person.unfold()
    person.type("5.steps", 2)
    person.type("7.filename_prefix", "../outside")
    person.press()
    person.phase("failed")
    walker.read("a run that failed", "[id^=field-7], #stage")
    give(person.page, json.dumps(lacking()).encode(), "lacking.json")
    card = person.page.locator("#missing .missing > button")
    card.click()
    walker.read("what is missing", "#form-side")
    person.page.keyboard.press("Escape")


def test_logging_in(walker: Walker, site: Site) -> None:
    """The sign-in page is accessible in the light and dark themes."""
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),))
    with running_app(site.demo.url, settings=settings) as app:
        person = Visitor(walker.page, Site(app.url, site.demo, app))
        person.page.goto(app.url)
        expect(person.page.get_by_role("button", name="Sign in")).to_be_visible()
        for shade in ("light", "dark"):
            person.page.emulate_media(color_scheme=shade)  # type: ignore[arg-type]
            person.page.reload()
            expect(person.page.get_by_role("button", name="Sign in")).to_be_visible()
            for one in axe.violations(person.page):
                walker.note(one, f"the login, {shade}")
        person.leave()
    walker.all_well()


def test_pages_of_an_administrator(walker: Walker, site: Site) -> None:
    """The account and the tabs of the administration are accessible in the light and dark themes."""
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),))
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    with running_app(site.demo.url, settings=settings, permissions=operators) as app:
        person = Visitor(walker.page, Site(app.url, site.demo, app))
        person.page.goto(f"{app.url}/account")
        log_in(person.page)
        expect(person.page.get_by_role("heading", name="Your account")).to_be_visible()
        tabs = ("people", "usage", "missing", "activity", "tokens")
        for path in ("account", "operator", *(f"operator/{tab}" for tab in tabs)):
            for shade in ("light", "dark"):
                person.page.emulate_media(color_scheme=shade)  # type: ignore[arg-type]
                person.page.goto(f"{app.url}/{path}")
                for one in axe.violations(person.page):
                    walker.note(one, f"{path}, {shade}")
        person.leave()
    walker.all_well()
