"""A batch in progress: the user pauses, finds, continues, stops, repairs and deletes it. Also its
look at every size."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import APIResponse, Locator, Route, expect

from comfy.base.messages import message
from tests.browser.fixtures import DESKTOP, STEP
from tests.browser.nightly.walk.states import Walker, at_every_size
from tests.support.batch_dialog import (
    SMALL,
    card_of,
    finished_batch,
    open_sheet,
    post_batch,
    start_batch,
    values_of_row,
    vary,
    vary_row,
)
from tests.support.visitor import Site, Visit, Visitor
from ui.languages.catalogs import Languages

# Wait as long as the sheet waits before it looks for news: RENEWED_AFTER in batches/sheet.js.
LATER = "() => new Promise((then) => setTimeout(then, 400))"

PLACES = """all => all.map((one) => {
    const { left, right, top, bottom } = one.getBoundingClientRect();
    return [left, right, top, bottom].map(Math.round);
})"""
SEEDS = {"axes": [{"field": "5.seed", "text": "1..5"}]}
LONG = {**SMALL, "5.steps": 12}


def long_batch(person: Visitor, text: str) -> Locator:
    """Start a batch of five slow runs, and return its card. The server has the results of another
    test with the same text, and would answer at once."""
    return post_batch(person, SEEDS, **LONG, **{"2.text": text})


def paused_batch(person: Visitor, text: str) -> Locator:
    """Start a batch of five runs, pause it in its first one, and return its card."""
    card = long_batch(person, text)
    card.get_by_role("button", name="Pause").click()
    expect(card).to_have_attribute("data-state", "paused")
    return card


def stopped_batch(person: Visitor, text: str) -> Locator:
    """Start a batch of five runs, stop it in its first one, and return its open sheet."""
    speed = person.site.demo.speed
    speed.step = 1
    card = long_batch(person, text)
    card.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Stopped")
    speed.step = 0
    return open_sheet(person)


def test_a_paused_batch_is_found_after_a_reload(slow: Site, visit: Visit) -> None:
    """The card shows that it is paused, and opens the sheet, where a keyboard user sees a frame
    around the rows."""
    person = visit(slow).open(**SMALL)
    page, card = person.page, paused_batch(person, "a boat that waits")
    slow.demo.speed.step = 0
    page.reload()
    person.ready()
    expect(card).to_contain_text("Paused")
    showing = card.get_by_role("button", name="Open", exact=True)
    showing.press("Enter")
    rows = page.locator("dialog.sheet .scroll")
    expect(rows).to_be_focused()
    frame = rows.evaluate("one => getComputedStyle(one).borderColor")
    assert re.fullmatch(r"rgb\([^()]+\)", frame), "of one colour on all sides"
    page.keyboard.press("Escape")
    expect(showing).to_be_focused()


def test_the_stage_keeps_a_run_beside_a_batch(slow: Site, visit: Visit) -> None:
    """A run of the user's own stays on the stage while a batch continues and ends. The user
    dismisses the card of the finished batch."""
    person = visit(slow).open(**LONG)
    page, card = person.page, paused_batch(person, "a boat beside another")
    slow.demo.speed.step = 0
    expect(card).to_contain_text("1 of 5 done")
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
    expect(card).to_contain_text("5 of 5 done")
    assert page.locator("#stage .stage").get_attribute("data-run") == run
    card.get_by_role("button", name="Dismiss").click()
    expect(card).to_have_count(0)


def test_the_buttons_of_a_running_sheet_stay(slow: Site, visit: Visit) -> None:
    """They stay in place while a batch runs and after it pauses, at every size. Retry failed has
    its place from the start."""
    person = visit(slow).open(**SMALL)
    page = person.page
    slow.demo.speed.step = 1
    card = long_batch(person, "a boat at anchor")
    tools = open_sheet(person).locator(".sheet-tools")
    expect(tools.get_by_role("button", name="Retry failed")).to_be_disabled()
    named = ["Pause", "Stop", "Download", "Share…", "Retry failed"]
    assert tools.inner_text().split("\n") == named
    for _ in at_every_size(page):
        places = tools.locator("button").evaluate_all(PLACES)
        tools.get_by_role("button", name="Pause").click()
        expect(tools.get_by_role("button", name="Continue")).to_be_visible()
        assert tools.locator("button").evaluate_all(PLACES) == places
        tools.get_by_role("button", name="Continue").click()
        expect(tools.get_by_role("button", name="Pause")).to_be_visible()
    page.set_viewport_size(DESKTOP)
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Stopped")


def test_a_stopped_batch_runs_the_rest(slow: Site, visit: Visit) -> None:
    """The sheet filters stopped rows. Running the rest shows all rows again and finishes them."""
    person = visit(slow).open(**SMALL)
    sheet = stopped_batch(person, "a boat that sails")
    states = sheet.get_by_role("combobox", name="State", exact=True)
    states.select_option("Running")
    expect(sheet).to_contain_text("No results.")
    states.select_option("Stopped")
    expect(sheet.locator(".line[data-state=stopped]").first).to_be_visible()
    sheet.get_by_role("button", name="Run the rest").click()
    expect(states).to_have_value("")
    expect(sheet.locator("header")).to_contain_text("5 of 5 done")
    expect(sheet.locator(".line[data-state=done]")).to_have_count(5)


def test_a_stopped_row_offers_its_values(slow: Site, visit: Visit) -> None:
    """A press on a stopped cell, however narrow, shows the available actions. The values of a row
    that never started go into the form."""
    person = visit(slow).open(**SMALL)
    sheet = stopped_batch(person, "a boat that stays")
    sheet.get_by_role("button", name="Grid").click()
    stopped = sheet.locator(".grid-cell[data-state=stopped] button.no-result")
    stopped.last.click(position={"x": 20, "y": 20})
    asked = sheet.get_by_role("dialog", name=re.compile("Stopped"))
    expect(asked.get_by_role("button")).to_have_text(["", "Reuse settings"])
    asked.get_by_role("button", name="Close").click()
    sheet.get_by_role("button", name="Table").click()
    sheet.locator(".line").last.get_by_role("button", name="Reuse settings").click()
    expect(person.entry("5.seed")).to_have_value("5")


def test_a_deleted_batch_leaves_its_results(fast: Site, visit: Visit) -> None:
    """The batch disappears from the page, also if the page asked for it shortly before."""
    person = visit(fast).open(**SMALL)
    page, card = person.page, finished_batch(person, SEEDS, **SMALL)
    sheet = open_sheet(person)
    sheet.locator(".line").last.get_by_role("button", name="Reuse settings").click()
    part_of = page.get_by_role("button", name="Show the batch")
    part_of.click()
    sheet.get_by_role("button", name="Delete…").click()
    answers: list[tuple[Route, APIResponse]] = []
    page.route("**/batches/*?with_runs=*", lambda one: answers.append((one, one.fetch())))
    sheet.get_by_role("button", name="Delete, keep results").press("Enter")
    expect(card).to_have_count(0)
    page.evaluate(LATER)  # the page knows of the deletion and must not request the batch
    expect(sheet).to_be_visible()
    (asked, answer), *_ = answers
    asked.fulfill(response=answer)
    page.unroute_all()
    expect(sheet).to_have_count(0)
    expect(part_of).to_have_count(0)
    expect(page.locator("#many-button")).to_be_focused()
    expect(page.locator("#history .tile")).to_have_count(5)


def test_an_earlier_batch_goes_with_its_results(fast: Site, visit: Visit) -> None:
    """The dialog lists earlier batches, which open as a grid. Deleting one with its results leaves
    other results."""
    person = visit(fast).open(**SMALL)
    page = person.page
    person.generate()
    card = finished_batch(person, SEEDS, **SMALL)
    card.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#history .tile")).to_have_count(6)
    dialog = vary(person)
    for name in ("Close", "5 of 5 done"):
        dialog.get_by_role("button", name="Earlier batches").click()
        page.locator("#batch-list").get_by_role("button", name=name).click()
        expect(page.locator("#batch-list")).to_have_count(0)
    sheet = page.locator("dialog.sheet")
    expect(sheet.locator(".grid-cell")).to_have_count(5)
    sheet.get_by_role("button", name="Table").click()
    sheet.locator(".line").first.get_by_role("button", name="Reuse settings").click()
    part_of = page.get_by_role("button", name="Show the batch")
    part_of.click()
    sheet.get_by_role("button", name="Delete…").click()
    sheet.get_by_role("button", name="Delete with its results").press("Enter")
    expect(page.locator("#history .tile")).to_have_count(1)
    expect(part_of).to_have_count(0)


# Check that each row's button fits inside the row and beside its state, with any label.
HAS_ROOM = """(words) => {
    const uses = [...document.querySelectorAll(".sheet .use button")];
    for (const use of uses) use.textContent = words;
    return [...document.querySelectorAll(".sheet .line")].every((line) => {
        const at = (what) => line.querySelector(what).getBoundingClientRect();
        const use = at(".use button");
        return use.right <= line.getBoundingClientRect().right + 1 && use.left >= at(".state").right
            && use.right <= document.querySelector(".sheet .scroll").clientWidth;
    });
}"""


@pytest.fixture
def walker(fast: Site, visit: Visit) -> Walker:
    return Walker(visit(fast))


def test_batches_fit_every_screen_size(walker: Walker) -> None:
    """The dialog with an error, the card, and the sheet as table and gallery with failed rows fit
    every size. Nothing is cut off, covered, too small or inaccessible."""
    person = walker.person.open(**SMALL)
    dialog = vary(person)
    values_of_row(dialog, "Prompt").fill("a red boat\na green boat, far out at sea")
    values_of_row(dialog, "Steps").fill("2, many")
    vary_row(dialog, "Sampler")
    expect(dialog.locator(".problem")).to_have_count(1)
    walker.look("the dialog", "laptop")
    walker.read("the dialog", "dialog.vary")
    values_of_row(dialog, "Steps").fill("2")
    dialog.get_by_role("button", name="Remove: Sampler").click()
    model = vary_row(dialog, "Model")
    model.get_by_role("button", name="All").click()
    broken = model.get_by_role("checkbox").count()
    start_batch(dialog, 2 * broken)
    card = card_of(person)
    expect(card).to_have_attribute("data-state", "done")
    walker.look("a card", "tablet")
    walker.read("a card", "#batches")
    sheet = open_sheet(person)
    expect(sheet.locator(".line[data-state=failed]").first).to_be_visible()
    sheet.locator("[data-state=failed] .no-thumb").first.click()
    expect(sheet.get_by_role("dialog")).to_contain_text("The model file on the server")
    expect(sheet.get_by_role("dialog").get_by_role("button")).to_have_text(["", "Reuse settings"])
    expect(sheet.get_by_role("dialog").locator("summary")).to_have_text("Technical details")
    walker.look("why a row failed")
    person.page.keyboard.press("Escape")
    expect(sheet.get_by_role("dialog")).to_have_count(0)
    walker.look("the table", "tablet")
    walker.read("the table", "dialog.sheet")
    for size in at_every_size(person.page):
        for tag, language in Languages().all.items():
            words = language.text(message("Reuse settings"))
            assert person.page.evaluate(HAS_ROOM, words), (tag, size)
    sheet.get_by_role("button", name="Gallery").click()
    expect(sheet.locator(".batch-tile").first).to_be_visible()
    walker.look("the gallery", "laptop")
    walker.read("the gallery", "dialog.sheet")
    walker.all_well()


def test_arrow_keys_reach_rows_that_are_not_loaded_yet(fast: Site, visit: Visit) -> None:
    """The page loads the next rows when the user reaches the end of those it loaded at first."""
    person = visit(fast).open(**SMALL, **{"5.steps": 1})
    page = person.page
    dialog = vary(person)
    values_of_row(dialog, "Seed").fill("1..103")
    dialog.get_by_role("button", name="Remove: Prompt").click()
    start_batch(dialog, 103)
    expect(card_of(person)).to_contain_text("103 of 103 done", timeout=120_000)
    sheet = open_sheet(person, "Gallery")
    sheet.locator(".batch-tile").first.get_by_role("button").click()
    large = page.locator("dialog.viewport:modal")
    for number in range(1, 104):
        expect(large.locator(".mark").last).to_have_text(f"Seed {number}")
        page.keyboard.press("ArrowRight")
    expect(large.get_by_role("button", name="Next")).to_be_disabled()
    person.leave()
