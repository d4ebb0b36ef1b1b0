"""A chain on the page: its form, and its steps while they run and afterwards."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.chains.conftest import BOATS
from tests.support.visitor import WAIT, Site, Visit, Visitor


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


def test_a_chain_runs_its_steps_until_it_is_stopped(chains: Site, visit: Visit) -> None:
    """Each step is a section with its fields. The user can turn off an optional step. Stop ends the
    whole chain, and Continue resumes it. The result's caption has the user's prompt, not the one
    that the author gave the last step."""
    chains.demo.speed.step = 1.5  # seconds, until it is stopped
    person = visit(chains).open(BOATS)
    form = person.page.locator("#form")
    person.type("make.2.text", "three boats")
    form.get_by_role("checkbox", name="Run “Enlarge”").uncheck()
    expect(form.get_by_role("heading")).to_have_text(
        ["Boats in three steps", "1. Make", "Enlarge", "2. Paint over"]
    )
    generate = person.page.locator("#generate")
    place = generate.bounding_box()
    person.press_keys()
    person.frames()
    assert generate.bounding_box() == place, "Generate stays where it is"
    person.page.locator("#stop").click()
    chain_is(person, "stopped")
    states(person, "stopped", "stopped")
    chains.rest()
    chains.demo.speed.step = 0.02
    person.page.locator("#stage .chain").get_by_role("button", name="Continue").click()
    chain_is(person, "done")
    expect(steps(person).locator("img")).to_have_count(2)
    expect(person.page.locator('#stage [data-part="prompt"]')).to_have_text("three boats")
