"""A chain on the page: its form, its steps as they run, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.chains.conftest import BOATS, PAIRS, choose
from tests.browser.nightly.walk.states import at_every_size
from tests.support.visitor import WAIT, Site, Visitor

Visit = Callable[..., Visitor]
BROKEN = "demo-broken"
# Whether a longer title is not cut where there is room beside it.
WHOLE = """(name) => {
    name.textContent = "Image to image";
    return name.scrollWidth <= name.clientWidth;
}"""


def steps(person: Visitor) -> Locator:
    """The steps below the stage."""
    return person.page.locator("#stage .chain .steps li")


def chain_is(person: Visitor, state: str) -> None:
    """Wait until the chain that is shown is in this state."""
    place = person.page.locator(f'#stage .chain[data-state="{state}"]')
    expect(place).to_be_visible(timeout=WAIT)


def states(person: Visitor, *wanted: str) -> None:
    """Wait until the steps are in these states."""
    for at, state in enumerate(wanted):
        expect(steps(person).nth(at)).to_have_attribute("data-state", state, timeout=WAIT)


def test_the_form_of_a_chain_and_stop(chains: Site, visit: Visit) -> None:
    """It is found in the list of workflows, and runs once, whatever was chosen before. Each step is a section with the fields that it shows;
    what another step gives is said, an optional one can be left out, and a switch is a list. All of
    that is still there after a reload, and Reset puts it back. Stop ends all of it."""
    chains.demo.speed.step = 1.5  # seconds, until it is stopped
    person = visit(chains).open()
    person.page.get_by_label("How many runs").click()
    person.page.get_by_role("option", name="\N{MULTIPLICATION SIGN}4").click()
    expect(person.page.locator("#generate")).to_have_text("Generate \N{MULTIPLICATION SIGN}4")
    person.turn_to(BOATS)
    form = person.page.locator("#form")
    expect(form.get_by_role("heading")).to_have_text(
        ["Boats in three steps", "1. Make", "2. Enlarge", "3. Paint over"]
    )
    expect(person.entry("make.2.text")).to_have_value("a small boat")
    expect(form.get_by_text("The image comes from “Make”.")).to_be_visible()
    expect(form.get_by_text("The image comes from “Enlarge”.")).to_be_visible()
    expect(form.locator(".takes-files")).to_have_count(0)
    expect(person.page.locator("#count")).to_be_hidden()
    expect(person.page.locator("#generate")).to_have_text("Generate")

    person.type("make.2.text", "three boats")
    form.get_by_role("checkbox", name="Run “Enlarge”").uncheck()
    expect(person.field("large.5.scale_by")).to_have_count(0)
    # Those that run are numbered, as the stage counts them.
    expect(form.get_by_role("heading")).to_have_text(
        ["Boats in three steps", "1. Make", "Enlarge", "2. Paint over"]
    )
    back = form.get_by_role("button", name="Reset Run “Enlarge”")
    for size in at_every_size(person.page):
        box = back.bounding_box()
        column = form.bounding_box()
        assert box is not None
        assert column is not None
        assert box["x"] + box["width"] <= column["x"] + column["width"] + 4, size
        assert person.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    expect(form.get_by_text("The image comes from “Make”.")).to_be_visible()
    choose(person, "switches:.look", "photo")
    expect(form.get_by_role("heading", name="Paint over")).to_have_count(0)
    person.page.reload()
    expect(form.get_by_role("checkbox", name="Run “Enlarge”")).not_to_be_checked()
    expect(person.entry("make.2.text")).to_have_value("three boats")
    expect(person.entry("switches:.look")).to_have_value("photo")
    form.get_by_role("button", name="Reset", exact=True).click()
    expect(person.field("large.5.scale_by")).to_be_visible()
    expect(person.entry("make.2.text")).to_have_value("a small boat")
    stop_ends_the_whole_chain(person, chains)


def test_a_failed_step_is_mended_and_the_chain_goes_on(chains: Site, visit: Visit) -> None:
    """The field that is wrong says so, also after a reload, and one button goes on. With another value there, Continue runs
    the step that failed and those after it; what was made before is not made again. With nothing
    changed, another press makes nothing twice, and shows the last result."""
    chains.demo.speed.step = 0.02
    person = visit(chains).open(BOATS)
    person.keep_seed(7, "make.5.seed")
    choose(person, "large.1.ckpt_name", BROKEN)
    person.press()
    chain_is(person, "failed")
    states(person, "done", "failed", "waiting")
    expect(person.page.get_by_role("button", name="Run again")).to_have_count(0)
    assert list(person.errors()) == ["field-large-1-ckpt-name"]
    person.page.reload()
    chain_is(person, "failed")
    expect(person.page.locator("#field-large-1-ckpt-name .field-error")).to_be_visible()
    strip = person.page.locator("#stage .chain")
    expect(strip.locator(".chain-note")).to_have_text(
        "Steps that are done keep their settings: Make. Only Generate uses changed ones."
    )
    made = len(chains.app.runs.history.of(owner_of(chains)))  # type: ignore[union-attr]
    choose(person, "large.1.ckpt_name", "demo-landscapes")
    person.page.get_by_role("button", name="Continue").click()
    chain_is(person, "done")
    states(person, "done", "done", "done")
    assert len(person.errors()) == 0
    now = chains.app.runs.history.of(owner_of(chains))  # type: ignore[union-attr]
    assert len(now) == made + 2

    person.press()
    chain_is(person, "done")
    expect(steps(person).last.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    assert len(chains.app.runs.history.of(owner_of(chains))) == made + 2  # type: ignore[union-attr]
    with chains.demo.hold("progress") as again:
        person.type("over.2.text", "many more boats")
        strip.get_by_role("button", name="Run “Paint over” again").click()
        assert again.reached.wait(WAIT / 1000)
        states(person, "done", "done", "running")
        expect(strip.get_by_role("button", name="Run “")).to_have_count(0)
    chain_is(person, "done")
    assert len(chains.app.runs.history.of(owner_of(chains))) == made + 3  # type: ignore[union-attr]
    expect(person.page.locator("#stage .made-from")).to_contain_text("many more boats")
    steps(person).first.get_by_role("button").click()
    expect(strip.get_by_role("button", name="Run again from “Make”")).to_be_visible()
    expect(person.page.get_by_role("region", name="Used for").locator(".tile")).to_have_count(1)
    assert steps(person).first.locator(".name").evaluate(WHOLE)
    a_step_without_a_seed_says_that_it_makes_the_same(person, chains)
    all_results_of_a_step_are_seen(person)


def a_step_without_a_seed_says_that_it_makes_the_same(person: Visitor, site: Site) -> None:
    """Its button before it is run again, and a line after it has: the step that uses its result did not run. Its new
    run is seen, also after a reload, and the steps stay beside the one that it had before."""
    strip = person.page.locator("#stage .chain")
    note = strip.locator(".chain-note")
    expect(note).to_be_empty()
    steps(person).nth(1).get_by_role("button").click()
    redo = strip.get_by_role("button", name="Run again from “Enlarge”")
    expect(redo).to_have_accessible_description(
        "It makes something else only with other settings. The other steps keep the settings they had."
    )
    expect(note).to_be_empty()
    made = len(site.demo.journal.all())
    stage = person.page.locator("#stage .stage")
    before = str(stage.get_attribute("data-run"))
    redo.click()
    expect(note).to_contain_text(
        "“Enlarge” ran again and made the same, so the steps that use it did not run."
    )
    chain_is(person, "done")
    expect(steps(person).nth(1).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    assert len(site.demo.journal.all()) == made + 1
    expect(stage).not_to_have_attribute("data-run", before)
    person.page.reload()
    expect(steps(person).nth(1).get_by_role("button")).to_have_attribute("aria-pressed", "true")
    person.page.locator(f'#history .tile[data-run="{before}"]').click()
    expect(stage).to_have_attribute("data-run", before)
    chain_is(person, "done")
    expect(strip.get_by_role("button", name="Run “")).to_have_count(0)


def all_results_of_a_step_are_seen(person: Visitor) -> None:
    """Where a step has several runs these are below it while one of them is on the stage; a press shows
    another, with what can be done with that. They are within the page at every size."""
    page = person.page
    person.turn_to(PAIRS)
    person.press()
    chain_is(person, "done")
    expect(steps(person)).to_have_count(2)
    results = page.get_by_role("group", name="Results of “Enlarge”")
    tiles = results.locator(".tile")
    expect(tiles).to_have_count(2)
    expect(tiles.locator("img")).to_have_count(2)
    seen = results.locator('.tile[aria-pressed="true"]')
    expect(seen).to_have_count(1)
    before = str(seen.get_attribute("data-run"))
    other = results.locator('.tile[aria-pressed="false"]')
    run = str(other.get_attribute("data-run"))
    other.click()
    expect(page.locator("#stage .stage")).to_have_attribute("data-run", run)
    expect(seen).to_have_attribute("data-run", run)
    expect(page.locator("#stage .actions").get_by_role("link", name="Download")).to_have_attribute(
        "href", re.compile(run)
    )
    for size in at_every_size(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    steps(person).first.get_by_role("button").click()
    expect(results).to_be_hidden()
    steps(person).last.get_by_role("button").click()
    expect(seen).to_have_attribute("data-run", before)


def stop_ends_the_whole_chain(person: Visitor, chains: Site) -> None:
    """Stop ends it at the step that runs, and no other is begun; Continue goes on from there. What
    is forgotten at its end, which is asked first and can be cancelled, is not told of any more, and
    what it has made stays."""
    person.press_keys()
    person.frames()
    person.page.locator("#stop").click()
    chain_is(person, "stopped")
    states(person, "stopped", "stopped", "stopped")
    person.phase("stopped")
    assert chains.idle()
    chains.demo.speed.step = 0.02
    strip = person.page.locator("#stage .chain")
    person.turn_to("text-to-image")
    expect(strip.locator(".chain-note")).to_contain_text(
        "“Make” would run with the settings it had."
    )
    forget = strip.get_by_role("button", name="Forget…")
    strip.get_by_role("button", name="Continue").click()
    expect(forget).to_be_hidden()
    chain_is(person, "done")
    forget.click()
    asked = person.page.get_by_role("dialog", name="Forget “Boats in three steps”?")
    expect(asked).to_contain_text("Its results stay")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_have_count(0)
    expect(strip).to_be_visible()
    forget.click()
    asked.get_by_role("button", name="Forget").click()
    expect(strip).to_be_hidden()
    expect(person.page.locator("#stage .media img")).to_be_visible()


def owner_of(site: Site) -> str:
    """Whose chains there are."""
    (owner,) = {run.owner for run in site.services.runs.known()}
    return owner
