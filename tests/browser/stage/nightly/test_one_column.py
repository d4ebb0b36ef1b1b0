"""On phones and tablets, the bar with Generate has two tabs: the form and the result."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser.nightly.walk.states import below_stage
from tests.support.batch_dialog import SMALL, set_runs
from tests.support.brought import give
from tests.support.visitor import Site, Visit, Visitor

SHORT = {"5.steps": 4, **SMALL}
ON_PAGE = """() => ["#stage .box", "#stage .under", "#history"].map(
    (one) => Math.round(document.querySelector(one).getBoundingClientRect().top + scrollY))"""
TABS = """() => [...document.querySelectorAll("#tabs button")].map(
    ({ ariaPressed, dataset }) => ariaPressed + (dataset.news ?? ""))"""
TOUCHED = """() => [...document.querySelectorAll("#actions button")]
    .filter((one) => one.checkVisibility())
    .map((one) => one.getBoundingClientRect())
    .every(({ width, height, left, right }) =>
        width >= 44 && height >= 44 && left >= 0 && right <= innerWidth)"""


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (740, 1180)])
def test_two_tabs(slow: Site, visit: Visit, size: tuple[int, int]) -> None:
    """Before the first run, an example stands above the form. Generate turns to the result, and
    Form shows the form as the user left it. A mark says that a run is in progress or has ended
    meanwhile. Everything in the bar has a size for fingers. A reload keeps the tab."""
    window = ViewportSize(width=size[0], height=size[1])
    person = visit(slow, viewport=window).open(**SHORT)
    page = person.page
    expect(page.locator("#stage .example")).to_be_in_viewport(ratio=1)
    assert page.evaluate(TABS) == ["true", "false"]
    assert page.evaluate(TOUCHED)
    person.entry("2.text").fill("a quiet lake")
    page.evaluate("scrollTo(0, 200)")
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames(1)
        assert page.evaluate(TABS) == ["false", "truerunning"]
        assert page.evaluate("scrollY") == 0
        assert page.evaluate(TOUCHED)
        expect(page.locator("#stage .media")).to_be_in_viewport(ratio=0.7)
        expect(person.entry("2.text")).to_be_hidden()
        person.turn_tab("Form")
        assert page.evaluate(TABS) == ["true", "falserunning"]
        expect(person.entry("2.text")).to_have_value("a quiet lake")
        expect(page.locator("#stage .media")).to_be_hidden()
    page.wait_for_function("() => document.querySelector('#tabs [data-news=done]')")
    person.turn_tab("Result")
    assert page.evaluate(TABS) == ["false", "true"]
    expect(page.locator("#stage .media img")).to_be_in_viewport(ratio=0.7)
    page.reload()
    person.done()
    assert page.evaluate(TABS) == ["false", "true"]
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(person.entry("2.text")).to_be_in_viewport()
    expect(page.locator("#stage .media img")).to_be_in_viewport()
    expect(page.locator("#tabs")).to_be_hidden()


@pytest.mark.parametrize("size", [(390, 844), (740, 1180)])
def test_nothing_moves_below_a_result(slow: Site, visit: Visit, size: tuple[int, int]) -> None:
    """The page reserves space for the parts of a result during the run."""
    window = ViewportSize(width=size[0], height=size[1])
    person = visit(slow, viewport=window).open(**SHORT)
    first = person.generate()
    expect(person.page.locator("#history .tile")).to_have_count(1)
    painted = int(person.page.locator("#stage .stage").get_attribute("data-frames") or 0)
    with slow.demo.hold("progress", after=2):
        person.press()
        person.frames(painted + 1)
        below = below_stage(person.page)
        person.page.set_viewport_size(window)
        places = person.page.evaluate(ON_PAGE)
    person.done(after=first)
    expect(person.page.locator("#history .tile")).to_have_count(2)
    assert person.page.evaluate(ON_PAGE) == places
    histories = [one[-1] for one in below_stage(person.page)]
    assert histories == pytest.approx([one[-1] for one in below], abs=1)


def test_undo_shows_the_result_again(fast: Site, visit: Visit) -> None:
    person = visit(fast, viewport={"width": 740, "height": 1180}).open(**SHORT)
    page = person.page
    person.generate()
    expect(page.locator("#history .tile")).to_have_count(1)
    person.more("Delete")
    expect(page.locator("#history .tile")).to_have_count(0)
    page.locator("#undo").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("#history .tile").first).to_be_focused()
    expect(page.locator("#stage .media img")).to_be_in_viewport(ratio=0.9)


def test_a_phone_reaches_results_of_other_workflows(fast: Site, visit: Visit) -> None:
    """A form without results of its own has the tab of results, too, unless the user has none."""
    person = visit(fast, viewport={"width": 390, "height": 844}).open(**SHORT)
    page = person.page
    tab = page.get_by_role("button", name="Result", exact=True)
    expect(tab).to_be_hidden()
    person.generate()
    person.open("animation")
    tab.click()
    page.get_by_role("button", name="Show results of all workflows").click()
    expect(page.locator("#history .tile")).to_have_count(1)


def test_what_leads_to_the_form_turns_to_its_tab(fast: Site, visit: Visit) -> None:
    """The page turns to a field's error. A file's error appears above Generate, and nothing moves.
    The bar covers nothing at the end of the page, even when it shows more text. A user who chooses
    a workflow or follows a link to it starts at its title, also with the keyboard. Without a form,
    the error and the history are one below the other."""
    person = visit(fast, viewport={"width": 390, "height": 844}).open("upscale")
    what_is_wrong_is_gone_to(person)
    person.type("5.steps", 1)
    person.generate()
    person.act("Reuse settings")
    expect(person.entry("2.text")).to_be_visible()
    set_runs(person, 16)
    for width, height in ((390, 844), (740, 1180)):
        person.page.set_viewport_size({"width": width, "height": height})
        person.page.wait_for_function(
            """() => {
                scrollTo(0, document.body.scrollHeight);
                const [foot, bar] = ["#about", "#actions"].map((one) =>
                    document.querySelector(one).getBoundingClientRect());
                return foot.bottom <= bar.top;
            }"""
        )
    person.turn_tab("Result")
    person.choose("Upscale")
    title = person.page.get_by_role("heading", name="Upscale", exact=True)
    expect(title).to_be_focused()
    expect(title).to_be_in_viewport(ratio=1)
    expect(title).to_have_css("outline-style", "none")
    person.turn_tab("Result")
    person.page.goto(f"{fast.url}/?workflow=inpaint")
    expect(person.page.locator("#heading h1")).to_have_text("Inpaint")
    expect(person.page.get_by_role("heading", name="Inpaint", exact=True)).to_be_in_viewport(
        ratio=1
    )
    person.page.goto(f"{fast.url}/?workflow=nothing")
    expect(person.page.locator("#stage .empty")).to_contain_text("Choose a workflow first.")
    expect(person.page.locator("#stage .media img")).to_have_count(0)
    expect(person.page.locator("#no-form")).to_be_in_viewport(ratio=1)
    expect(person.page.locator("#tabs")).to_be_hidden()
    expect(person.page.get_by_role("heading", name="History")).to_be_visible()
    person.forgive("status of 4")  # the file's


def what_is_wrong_is_gone_to(person: Visitor) -> None:
    """Check that Generate without an image reports the error on the image's field only. The sentence about a refused file is visible from
    anywhere on the page, and the page doesn't move. The sentence stays until the user dismisses it
    or does something else."""
    page = person.page
    expect(page.locator("#form .takes-files").first).to_be_visible()
    menu = page.get_by_role("button", name="Change")
    if menu.count():
        menu.click()
        page.get_by_role("menuitem", name="Remove image").click()
    person.press()
    expect(page.locator(".field-error")).to_be_in_viewport(ratio=1)
    said = page.locator("#stage .objection")
    expect(said).to_be_empty()
    person.turn_to("text-to-image")
    for width, height in ((740, 1180), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator("#form .idea").first).to_be_visible()
        scrolled = page.evaluate("scrollTo(0, 100), scrollY")
        before = page.evaluate(ON_PAGE)
        give(page, b"{}", "nothing.json")
        expect(said).to_contain_text("nothing.json")
        expect(said).to_be_in_viewport(ratio=1)
        assert page.evaluate("""() => document.querySelector(".objection").getBoundingClientRect()
            .bottom < document.querySelector("#actions").getBoundingClientRect().top""")
        assert (page.evaluate(ON_PAGE), page.evaluate("scrollY")) == (before, scrolled)
        expect(page.locator("#form .idea").first).to_be_visible()
        said.get_by_role("button", name="Dismiss").click()
        expect(said).to_be_hidden()
    give(page, b"{}", "nothing.json")
    expect(said).to_be_visible()
    person.type("2.text", "goes on")
    expect(said).to_be_hidden()


def test_the_menu_says_what_it_does_to_a_favorite(fast: Site, visit: Visit) -> None:
    """The star is in the menu. Pressing it says what has happened."""
    person = visit(fast, viewport=ViewportSize(width=390, height=844)).open(**SHORT)
    note = person.page.locator("#stage .done-note")
    person.generate()
    person.act("Favorite")
    expect(note).to_have_text("Added to favorites.")
    person.act("Remove from favorites")
    expect(note.last).to_have_text("Removed from favorites.")
    person.act("Favorite")
