"""A chain on the page: its form, and its steps while they run and afterwards."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.chains.conftest import BOATS, choose
from tests.browser.nightly.walk.states import at_every_size
from tests.support.batch_dialog import set_runs
from tests.support.visitor import WAIT, Site, Visitor

Visit = Callable[..., Visitor]


def steps(person: Visitor) -> Locator:
    """Return the steps below the stage."""
    return person.page.locator("#stage .chain .steps li")


def chain_is(person: Visitor, state: str) -> None:
    """Wait until the chain on the stage is in this state."""
    place = person.page.locator(f'#stage .chain[data-state="{state}"]')
    expect(place).to_be_visible(timeout=WAIT)


def states(person: Visitor, *wanted: str) -> None:
    """Wait until the steps are in these states."""
    for at, state in enumerate(wanted):
        expect(steps(person).nth(at)).to_have_attribute("data-state", state, timeout=WAIT)


def test_the_form_of_a_chain_and_stop(chains: Site, visit: Visit) -> None:
    """The list of workflows has the chain, which runs once regardless of the number chosen before.
    Each step is a section with its fields. The form names the inputs that another step provides.
    The user can turn off an optional step, and a switch is a list. All choices survive a reload,
    and Reset restores the defaults. Stop ends the whole chain."""
    chains.demo.speed.step = 1.5  # seconds, until it is stopped
    person = visit(chains).open()
    set_runs(person, 4)
    person.turn_to(BOATS)
    form = person.page.locator("#form")
    expect(form.get_by_role("heading")).to_have_text(
        ["Boats in three steps", "1. Make", "2. Enlarge", "3. Paint over"]
    )
    expect(person.entry("make.2.text")).to_have_value("a small boat")
    expect(form.get_by_text("“Your image” comes from “Make”.")).to_be_visible()
    expect(form.get_by_text("“Your image” comes from “Enlarge”.")).to_be_visible()
    expect(form.locator(".takes-files")).to_have_count(0)
    expect(person.page.locator("#many-button")).to_be_hidden()

    person.type("make.2.text", "three boats")
    form.get_by_role("checkbox", name="Run “Enlarge”").uncheck()
    expect(person.field("large.5.scale_by")).to_have_count(0)
    # The form numbers only the steps that run, as the stage does.
    expect(form.get_by_role("heading")).to_have_text(
        ["Boats in three steps", "1. Make", "Enlarge", "2. Paint over"]
    )
    back = form.get_by_role("button", name="Reset: Run “Enlarge”")
    for size in at_every_size(person.page):
        box = back.bounding_box()
        column = form.bounding_box()
        assert box is not None
        assert column is not None
        assert box["x"] + box["width"] <= column["x"] + column["width"] + 4, size
        assert person.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    expect(form.get_by_text("“Your image” comes from “Make”.")).to_be_visible()
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


def stop_ends_the_whole_chain(person: Visitor, chains: Site) -> None:
    """Check that Stop ends the chain at the running step and starts no other step. Continue resumes
    there. Clear progress asks first and can be canceled. It then removes the stopped chain from the
    stage. A finished chain has no progress to clear."""
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
        "“Make” will run with its previous settings."
    )
    forget = strip.get_by_role("button", name="Clear progress…")
    strip.get_by_role("button", name="Continue").click()
    expect(forget).to_be_hidden()
    chain_is(person, "done")
    expect(forget).to_be_hidden()
    chains.demo.speed.step = 1.5
    person.turn_to(BOATS)
    person.press_keys()
    chain_is(person, "running")
    person.page.locator("#stop").click()
    chain_is(person, "stopped")
    forget.click()
    asked = person.page.get_by_role("dialog", name="Clear the progress of “Boats in three steps”?")
    expect(asked).to_contain_text("Its results stay")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_have_count(0)
    expect(strip).to_be_visible()
    forget.click()
    asked.get_by_role("button", name="Clear progress").click()
    expect(strip).to_be_hidden()
