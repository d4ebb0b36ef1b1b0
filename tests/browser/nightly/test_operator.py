"""The administrator's page in the browser: which users reach it, and how it updates itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from comfy.library.permissions import Permissions
from comfy.runs.interface import Origin, RunPolicy
from tests.browser.fixtures import DESKTOP
from tests.browser.test_login import log_in
from tests.support.sampler import LONG, job
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit
from ui.settings.web_settings import WebSettings

SETTINGS = WebSettings(
    port=0, users=(("anna", "lighthouse"), ("ben", "harbour")), operator_images=True
)


@pytest.fixture
def site(slow: Site) -> Iterator[Site]:
    """Yield a site that anna administers and ben does not."""
    operators = Permissions(operates=lambda owner: owner == "user:anna")
    with running_app(slow.demo.url, settings=SETTINGS, permissions=operators) as app:
        yield Site(app.url, slow.demo, app)


def test_an_administrator_reaches_the_servers_from_the_menu(site: Site, visit: Visit) -> None:
    """An administrator reaches the servers from the account menu and can drain a server there. A
    run that another user starts then appears by itself, with its preview where the app allows it.
    On a phone, nothing is wider than the screen. Other users' menus don't have this link."""
    person = visit(site)
    person.forgive("/preview?")  # of a run that has just ended
    page = person.page
    page.goto(site.url)
    log_in(page)
    person.ready()
    link = page.get_by_role("link", name="Administration")
    expect(page.locator("#operates")).to_be_attached()
    page.get_by_role("button", name="anna").click()
    link.click()
    expect(page.get_by_text("No runs", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    back = page.get_by_role("button", name="Resume")
    back.focus()
    site.app.runs.submit(job(LONG), Origin("user:ben"), RunPolicy(keeps_going=True))
    expect(page.get_by_text("Waiting, next in the queue")).to_be_visible(timeout=20_000)
    expect(back).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    back.click()
    expect(page.get_by_text("Paused", exact=True)).to_be_hidden()
    expect(page.get_by_text("1 running, 0 waiting")).to_be_visible(timeout=20_000)
    page.wait_for_function("document.querySelector('#runs img')?.naturalWidth > 0")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Stop…").click()
    question = page.get_by_role("dialog", name="Stop this run?")
    expect(question).to_contain_text("ben")
    question.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("No runs", exact=True)).to_be_visible(timeout=20_000)
    page.context.clear_cookies()
    page.set_viewport_size(DESKTOP)
    page.goto(site.url)
    log_in(page, "ben", "harbour")
    page.get_by_role("button", name="ben").click()
    expect(page.get_by_role("link", name="Your account")).to_be_visible()
    expect(link).to_be_hidden()


def test_tables_are_sorted_and_filtered(site: Site, visit: Visit) -> None:
    """Headings are buttons: a press sorts numbers as numbers, up, down and as before. Typing leaves
    the rows with these words and counts them. Both outlast the page's renewal."""
    page = visit(site).page
    page.goto(site.url)
    log_in(page)
    runs = [
        site.app.runs.submit(
            replace(job(LONG), title=f"Form {number}"),
            Origin(f"user:{name}"),
            RunPolicy(keeps_going=True),
        )
        for number, name in enumerate(("ben", "anna", "ben", "carla", "ben", "anna", "ben"), 5)
    ]
    given = ["Form 5", "Form 6", "Form 7", "Form 8", "Form 9", "Form 10", "Form 11"]
    page.goto(f"{site.url}/operator")
    table = page.locator("#runs")
    heads = table.locator("tbody th:visible")
    head = table.get_by_role("columnheader", name="Workflow")
    for order, names in (("ascending", given), ("descending", given[::-1])):
        head.get_by_role("button").press("Enter")
        expect(head).to_have_attribute("aria-sort", order)
        expect(heads).to_have_text(names)
    field = page.get_by_role("searchbox", name="Filter")
    field.press_sequentially("Ben")
    left = ["Form 11", "Form 9", "Form 7", "Form 5"]
    expect(heads).to_have_text(left)
    count = page.get_by_role("status")
    expect(count).to_have_text("4 of 7")
    runs[0].cancel()
    expect(count).to_have_text("3 of 6", timeout=20_000)
    expect(heads).to_have_text(left[:-1])
    expect(field).to_be_focused()
    page.set_viewport_size({"width": 390, "height": 600})
    last = page.get_by_role("button", name="To the front: Form 7")
    last.click()
    page.wait_for_load_state()
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    expect(heads).to_have_text(left[:-1])
    page.set_viewport_size(DESKTOP)
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "none")
    site.app.end_runs()


def test_a_notice_and_a_pause_reach_open_pages(site: Site, visit: Visit) -> None:
    """The bar appears above the header and fits on a phone. A closed notice stays closed, and the
    header says that the servers are paused."""
    person = visit(site)
    page = person.page
    page.goto(site.url)
    log_in(page)
    person.ready()
    bar = page.locator(".announcement")
    expect(bar).to_be_hidden()
    admin = f"{site.url}/api/v1/admin"
    page.request.post(f"{admin}/notice", data={"text": "GPU 2 is <b>down</b> until 3."})
    expect(bar).to_contain_text("GPU 2 is <b>down</b> until 3.")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size(DESKTOP)
    under = "document.querySelector('#stage .under').getBoundingClientRect().bottom"
    assert page.evaluate(under) <= DESKTOP["height"], "the stage makes room for it"
    page.request.post(f"{admin}/servers/0/pause")
    state = page.locator("#server .server-state")
    expect(state).to_have_text("Paused by the administrator")
    page.request.post(f"{admin}/servers/0/resume")
    expect(state).to_have_text("")
    bar.get_by_role("button", name="Dismiss").click()
    expect(bar).to_be_hidden()
    page.reload()
    person.ready()
    expect(bar).to_be_hidden()
    page.request.delete(f"{admin}/notice")
