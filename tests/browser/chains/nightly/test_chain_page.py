"""A chain on the page: its form, and its steps while they run and afterwards."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.chains.conftest import BOATS, PAIRS, choose
from tests.browser.chains.test_chain_page import Visit, chain_is, states, steps
from tests.browser.nightly.walk.states import SIZES, at_every_size
from tests.support.batch_dialog import set_runs
from tests.support.history_tiles import choose_from_all
from tests.support.visitor import WAIT, Site, Visitor
from tests.support.waiting import eventually


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


# Record whether Stop, which has the focus, is disabled even for a moment.
WATCH_STOP = """() => {
    const stop = document.querySelector("#stop");
    stop.focus();
    window.stopLost = false;
    const look = () => { window.stopLost ||= stop.disabled; };
    new MutationObserver(look).observe(stop, { attributes: true });
}"""


def percent(person: Visitor) -> int:
    bar = person.page.locator("#stage .chain .run-bar")
    return int(bar.get_attribute("aria-valuenow") or 0)


def test_the_stage_follows_the_steps_one_after_another(chains: Site, visit: Visit) -> None:
    """A single bar over all steps never moves back. Each step keeps its image, and a click shows it
    on the stage while the next step runs. Stop keeps the focus between steps. Another tab and a
    reloaded page show the same. A result names its chain and step, and the history has all steps.
    """
    person = visit(chains).open(BOATS)
    seen = [0]
    hold = chains.demo.hold
    # Each step waits at its third progress, until all is looked at.
    with (
        hold("progress", after=2) as make,
        hold("progress", after=3) as enlarge,
        hold("progress", after=3) as paint_over,
    ):
        person.press()
        states(person, "running", "waiting", "waiting")
        person.frames()
        expect(person.page.locator("#stage .chain-headline")).to_have_text("Make (1 of 3)")
        expect(person.page.locator("#stage .status .run-bar")).to_be_hidden()
        nothing_is_empty_below_it_on_a_phone(person)
        person.page.evaluate(WATCH_STOP)
        make.release()
        states(person, "done", "running")
        expect(person.page.locator("#stop")).to_be_focused()
        seen.append(percent(person))
        other = person.another_tab(BOATS)
        states(other, "done", "running", "waiting")
        expect(other.page.locator("#stage .chain-headline")).to_have_text("Enlarge (2 of 3)")
        steps(person).first.get_by_role("button").click()
        expect(steps(person).first.get_by_role("button")).to_have_attribute("aria-pressed", "true")
        expect(person.page.locator("#stage .media img:not(.live-frame)")).to_be_visible()
        assert person.page.evaluate("() => window.stopLost") is False
        person.page.reload()
        states(person, "done", "running", "waiting")
        # The step's progress arrives shortly after the list of steps.
        eventually(lambda: percent(person) >= seen[-1], "the bar is where it was")
        seen.append(percent(person))
        enlarge.release()
        states(person, "done", "done", "running")
        seen.append(percent(person))
        paint_over.release()
    chain_is(person, "done")
    assert seen == sorted(seen)
    assert seen[1] >= 33
    assert seen[-1] >= 66
    expect(steps(person).locator("img")).to_have_count(3)
    expect(steps(person).last.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    expect(person.page.locator("#history .tile")).to_have_count(3)
    chain_is(other, "done")

    person.turn_to("text-to-image")
    expect(person.page.locator("#history .tile")).to_have_count(1)
    person.page.locator("#history .tile").click()
    expect(person.page.locator("#stage .part-of")).to_have_text(
        "Step “Make” of “Boats in three steps”"
    )
    expect(person.page.locator("#stage")).not_to_contain_text("Workflow:")
    steps(person).last.get_by_role("button").click()
    made_from = person.page.get_by_role("region", name="Made from")
    expect(made_from.locator(".tile")).to_have_count(1)
    expect(made_from.get_by_role("button", name="Create chain…")).to_have_count(0)


def nothing_is_empty_below_it_on_a_phone(person: Visitor) -> None:
    """Check that on a phone the history follows right below the steps until there is a result."""
    page = person.page
    before = page.viewport_size
    page.set_viewport_size(SIZES["phone"])
    strip, history = (
        page.locator(one).bounding_box() or {} for one in ("#stage .steps", "#history")
    )
    assert history["y"] - strip["y"] - strip["height"] < 80
    assert before
    page.set_viewport_size(before)


def test_the_steps_keep_their_place_while_the_server_is_away(chains: Site, visit: Visit) -> None:
    """On a phone, the list of steps keeps its place when a message appears above it."""
    person = visit(chains, viewport=SIZES["phone"]).open(BOATS)
    tops = []
    top = "one => Math.round(one.getBoundingClientRect().top + scrollY)"
    headline, strip = (person.page.locator(f"#stage {one}") for one in (".headline", ".steps"))
    with chains.demo.hold("progress", after=2) as held:
        person.press()
        states(person, "running", "waiting", "waiting")
        tops.append(strip.evaluate(top))
        person.frames()
        tops.append(strip.evaluate(top))
        chains.demo.stop()
        expect(headline).to_contain_text("Can't reach ComfyUI.")
        tops.append(strip.evaluate(top))
        held.release()
    assert len(set(tops)) == 1, tops
    person.page.locator("#stop").click()
    chains.demo.start()
    chain_is(person, "stopped")


def test_a_result_reopens_the_form_of_its_chain(chains: Site, visit: Visit) -> None:
    """Reuse settings fills the chain's form with the run's values, even while another workflow is
    open. Vary runs the whole chain with those values and new seeds and leaves the form unchanged.
    The stage offers no action that would leave the chain."""
    chains.demo.speed.step = 0.02
    person = visit(chains).open(BOATS)
    person.keep_seed(7, "make.5.seed")
    person.type("over.2.text", "many more boats")
    person.press()
    chain_is(person, "done")
    actions = person.page.locator("#stage .actions")
    note = person.page.locator("#stage .chain-note")
    steps(person).last.get_by_role("button").click()
    person.type("over.2.text", "something else")
    made = str(person.page.locator("#stage .stage").get_attribute("data-run"))
    person.turn_to("text-to-image")
    choose_from_all(person, made)
    expect(note).to_contain_text("“Paint over” will run with its previous settings.")
    expect(actions.get_by_role("button", name="Vary")).to_be_visible()
    expect(actions.get_by_text("Run again")).to_have_count(0)
    person.act("Reuse settings")
    expect(person.page.locator(f'#heading [data-workflow="{BOATS}"]')).to_be_visible()
    expect(person.entry("over.2.text")).to_have_value("many more boats")
    expect(person.entry("make.5.seed")).to_have_value("7")
    person.type("over.2.text", "something else")
    before = str(person.page.locator("#stage .stage").get_attribute("data-run"))
    actions.get_by_role("button", name="Vary").click()
    person.page.wait_for_function(
        "before => document.querySelector('#stage .stage').dataset.run !== before", arg=before
    )
    chain_is(person, "done")
    expect(steps(person).last.get_by_role("button")).to_have_attribute("aria-pressed", "true")
    expect(person.page.locator("#stage .made-from")).to_contain_text("many more boats")
    expect(person.entry("over.2.text")).to_have_value("something else")
    expect(person.entry("make.5.seed")).to_have_value("7")
    steps(person).first.get_by_role("button").click()
    expect(person.page.locator('#stage [data-part="prompt"]')).to_have_text("a small boat")
    expect(person.page.locator('#stage [data-part="seed"]')).not_to_have_text("Seed 7")


BROKEN = "demo-broken"
# Check that a longer title isn't cut off while there is room beside it.
WHOLE = """(name) => {
    name.textContent = "Image to image";
    return name.scrollWidth <= name.clientWidth;
}"""


def test_a_failed_step_runs_again_and_the_chain_continues(chains: Site, visit: Visit) -> None:
    """The wrong field shows its error, also after a reload, and a single button resumes the chain.
    With another value there, Continue runs the failed step and the later steps, but no finished
    step. If nothing changed, Generate repeats no step and shows the last result."""
    chains.demo.speed.step = 0.02
    person = visit(chains).open(BOATS)
    person.keep_seed(7, "make.5.seed")
    person.unfold_field("large.1.ckpt_name")
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
        "Finished steps keep their settings: Make. To use changed settings, press Generate."
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
    """Check that the step's button describes this before a new run. Afterwards, a note says that
    the step that uses the result didn't run. The page shows the new run, also after a reload. The
    previous run still shows the chain's steps."""
    strip = person.page.locator("#stage .chain")
    note = strip.locator(".chain-note")
    expect(note).to_be_empty()
    steps(person).nth(1).get_by_role("button").click()
    redo = strip.get_by_role("button", name="Run again from “Enlarge”")
    expect(redo).to_have_accessible_description(
        "Change the settings to get a different result. The other steps keep their previous settings."
    )
    expect(note).to_be_empty()
    made = len(site.demo.journal.all())
    stage = person.page.locator("#stage .stage")
    before = str(stage.get_attribute("data-run"))
    redo.click()
    expect(note).to_contain_text(
        "“Enlarge” ran again with the same result, so the steps that use it didn't run."
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
    """Check that a step with several runs lists their results below it while the stage shows a
    result. A click shows another result with its actions. The list stays within the page at every
    size."""
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


def owner_of(site: Site) -> str:
    """Return the owner of the chains."""
    (owner,) = {run.owner for run in site.services.runs.known()}
    return owner


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
    expect(form.get_by_text("Uses the result of “Make”.")).to_be_visible()
    expect(form.get_by_text("Uses the result of “Enlarge”.")).to_be_visible()
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
    person.page.set_viewport_size(SIZES["laptop"])
    expect(form.get_by_text("Uses the result of “Make”.")).to_be_visible()
    choose(person, "switches:.look", "photo")
    expect(form.get_by_role("heading", name="Paint over")).to_have_count(0)
    person.page.reload()
    expect(form.get_by_role("checkbox", name="Run “Enlarge”")).not_to_be_checked()
    expect(person.entry("make.2.text")).to_have_value("three boats")
    expect(person.entry("switches:.look")).to_have_value("photo")
    person.for_form("Reset")
    expect(person.field("large.5.scale_by")).to_have_count(1)
    expect(person.entry("make.2.text")).to_have_value("a small boat")
    stop_ends_the_whole_chain(person, chains)
