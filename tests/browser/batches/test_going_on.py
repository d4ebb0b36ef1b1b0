"""A batch on its way: paused, found again after a reload, continued, stopped, mended, deleted; and
how it looks at every size."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import APIResponse, Locator, Route, expect

from tests.browser.conftest import STEP
from tests.browser.nightly.walk.states import at_every_size
from tests.support.batch_dialog import (
    SMALL,
    card_of,
    open_sheet,
    start_batch,
    values_of_row,
    vary,
)
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
# After a sheet would have looked what is new: as long as RENEWED_AFTER of batches/sheet.js.
LATER = "() => new Promise((then) => setTimeout(then, 400))"

PLACES = """all => all.map((one) => {
    const { left, right, top, bottom } = one.getBoundingClientRect();
    return [left, right, top, bottom].map(Math.round);
})"""


def test_a_batch_is_paused_continued_stopped_and_goes_on(slow: Site, visit: Visit) -> None:
    """Its card says how far it is, also after a reload, and lets the person's own run have the
    stage, which tells it and leads to it before; whoever comes by a key sees a frame around its rows. The values of a row that was never begun can be used. What was stopped or has failed is
    run once more; what is deleted is gone from the page,
    its results stay."""
    person = visit(slow).open(**SMALL, **{"5.steps": 12})
    page = person.page
    dialog = vary(person)
    dialog.get_by_role("button", name="Remove Prompt").click()
    values_of_row(dialog, "Seed").fill("1..5")
    start_batch(dialog, 5)
    card = card_of(person)
    card.get_by_role("button", name="Pause").click()
    expect(card).to_have_attribute("data-state", "paused")
    slow.demo.speed.step = 0
    page.reload()
    person.ready()
    expect(card).to_contain_text("Paused")
    expect(page.locator("#stage .headline")).to_contain_text("Paused")
    showing = page.locator("#stage").get_by_role("button", name="Show the batch")
    showing.press("Enter")
    rows = page.locator("dialog.sheet .scroll")
    expect(rows).to_be_focused()
    frame = rows.evaluate("one => getComputedStyle(one).borderColor")
    assert re.fullmatch(r"rgb\([^()]+\)", frame), "of one colour on all sides"
    page.keyboard.press("Escape")
    expect(showing).to_be_focused()
    person.type("2.text", "of my own")
    slow.demo.speed.step = STEP
    person.press()
    person.phase("running")
    card.get_by_role("button", name="Continue").click()
    expect(card).to_have_attribute("data-state", "running")
    slow.demo.speed.step = 0
    run = person.done()
    expect(card).to_contain_text("of 5 done")
    expect(page.locator("#stage .made-from")).to_contain_text("of my own")
    expect(card).to_contain_text("Finished: 5 of 5 done")
    assert page.locator("#stage .stage").get_attribute("data-run") == run

    slow.demo.speed.step = 1
    card.get_by_role("button", name="Dismiss").click()
    expect(card).to_have_count(0)
    start_batch(vary(person), 5)
    what_is_pressed_stays_where_it_is(open_sheet(person))
    card.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Stopped")
    slow.demo.speed.step = 0
    sheet = open_sheet(person)
    states = sheet.get_by_label("Rows to show")
    states.select_option("Running")
    expect(sheet).to_contain_text("No rows match.")
    states.select_option("Stopped")
    expect(sheet.locator(".line[data-state=stopped]").first).to_be_visible()
    states.select_option("All rows")
    a_stopped_cell_is_gone_on_with(sheet)
    unbegun = sheet.locator(".line").last
    unbegun.get_by_role("button", name="Reuse settings").click()
    expect(person.entry("5.seed")).to_have_value("5")
    sheet = open_sheet(person)
    states.select_option("Stopped")
    sheet.get_by_role("button", name="Run the rest").click()
    expect(states).to_have_value("")
    expect(sheet.locator("header")).to_contain_text("Finished: 5 of 5 done")
    expect(sheet.locator(".line[data-state=done]")).to_have_count(5)
    sheet.locator(".line").last.get_by_role("button", name="Reuse settings").click()
    part_of = page.get_by_role("button", name="Part of a batch")
    part_of.click()
    sheet.get_by_role("button", name="Delete…").click()
    answers: list[tuple[Route, APIResponse]] = []
    page.route("**/batches/*?with_runs=*", lambda one: answers.append((one, one.fetch())))
    sheet.get_by_role("button", name="Delete, keep results").press("Enter")
    expect(card).to_have_count(0)
    page.evaluate(LATER)  # told that it is gone, nobody asks for it
    expect(sheet).to_be_visible()
    (asked, answer), *_ = answers
    asked.fulfill(response=answer)
    page.unroute_all()
    expect(sheet).to_have_count(0)
    expect(part_of).to_have_count(0)
    expect(page.locator("#vary")).to_be_focused()
    expect(page.locator("#history .tile")).to_have_count(11)
    dialog = vary(person)
    for name in ("Close", "Finished: 5 of 5 done"):
        dialog.get_by_role("button", name="Your batches").click()
        page.locator("#batch-list").get_by_role("button", name=name).click()
        expect(page.locator("#batch-list")).to_have_count(0)
    expect(page.locator("dialog.sheet .line")).to_have_count(5)
    sheet.locator(".line").first.get_by_role("button", name="Reuse settings").click()
    part_of.click()
    sheet.get_by_role("button", name="Delete…").click()
    sheet.get_by_role("button", name="Delete with its results").press("Enter")
    expect(page.locator("#history .tile")).to_have_count(6)
    expect(part_of).to_have_count(0)


def what_is_pressed_stays_where_it_is(sheet: Locator) -> None:
    """While a batch goes on: also once it is paused, and Retry failed has its place from the start."""
    page, before = sheet.page, sheet.page.viewport_size
    tools = sheet.locator(".sheet-tools")
    expect(tools.get_by_role("button", name="Retry failed")).to_be_disabled()
    named = ["Pause", "Stop", "Download…", "Retry failed"]
    assert tools.inner_text().split("\n") == named
    for _ in at_every_size(page):
        places = tools.locator("button").evaluate_all(PLACES)
        tools.get_by_role("button", name="Pause").click()
        expect(tools.get_by_role("button", name="Continue")).to_be_visible()
        assert tools.locator("button").evaluate_all(PLACES) == places
        tools.get_by_role("button", name="Continue").click()
        expect(tools.get_by_role("button", name="Pause")).to_be_visible()
    assert before
    page.set_viewport_size(before)
    page.keyboard.press("Escape")


def a_stopped_cell_is_gone_on_with(sheet: Locator) -> None:
    """However narrow a cell of a grid is, a press on it tells what can be done."""
    sheet.get_by_role("button", name="Grid").click()
    stopped = sheet.locator(".grid-cell[data-state=stopped] button.no-result")
    stopped.last.click(position={"x": 20, "y": 20})
    asked = sheet.get_by_role("dialog", name=re.compile("was stopped"))
    expect(asked.get_by_role("button")).to_have_text(["Close", "Reuse settings"])
    asked.get_by_role("button", name="Close").click()
    sheet.get_by_role("button", name="Table").click()
