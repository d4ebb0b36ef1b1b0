"""From a shared address to an image: the form, the live previews, the result, Stop, the queue and
errors."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from comfy.runs.limits import RunLimits
from tests.browser.fixtures import STEP
from tests.browser.nightly.walk.states import SIZES
from tests.browser.test_generate import stopped
from tests.support.batch_dialog import set_runs
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

PLACES = """[...document.querySelectorAll('#stage .viewport, #stage .under')].map(one => {
    const box = one.getBoundingClientRect(); return [box.left, box.top, box.width]; })"""
# Where an image's pixels are, inside its element.
PAINTED = """[...document.querySelectorAll('#stage .media img')].slice(-1).map(image => {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    return [box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height]; })[0]"""


def two_presses_queue(person: Visitor, before: str) -> None:
    """Check that the user can remove a waiting run without affecting the other runs."""
    person.type("5.steps", 25)
    person.type("2.text", "a boat")
    person.press()
    expect(person.page.locator("img.live-frame")).to_be_visible()
    person.type("2.text", "a tree")
    person.press()
    expect(person.waiting()).to_have_count(1)
    expect(person.waiting()).to_contain_text("Next")
    person.press()
    expect(person.waiting()).to_have_count(2)
    person.page.get_by_role("button", name="Remove").last.click()
    expect(person.waiting()).to_have_count(1)
    person.site.demo.speed.step = 0
    expect(person.waiting()).to_have_count(0)
    expect(person.page.locator("#history .tile img")).to_have_count(3)
    second = person.done(after=before)
    assert person.site.prompt_of(second)["2"]["inputs"]["text"] == "a tree"


def look_back_at_the_last_run(person: Visitor) -> None:
    """Look at the most recent stopped run while another run has no preview yet."""
    person.site.demo.speed.step = 2
    person.press()
    expect(person.page.locator("#stop")).to_be_enabled()
    person.page.locator("#history .tile").first.click()
    person.phase("stopped")


def back_to_the_current_run(person: Visitor) -> Locator:
    return person.page.get_by_role("button", name="Back to the current run")


def no_preview_is_called_the_last_one_after_a_reload(person: Visitor) -> None:
    person.page.reload()
    person.ready()
    person.phase("stopped")
    look_back_at_the_last_run(person)
    expect(person.page.locator("#stage p.mark")).to_have_count(0)
    back_to_the_current_run(person).click()
    person.page.locator("#stop").click()
    person.phase("stopped")


TO_THE_END = "scrollTo(0, document.body.scrollHeight)"


def test_a_server_that_dies(own: Site, visit: Visit) -> None:
    """If the server loses its memory during a run, the run starts again. The second time, the page
    says what happened and what to do. The user can run it again at once, with the same values and
    the same seed."""
    person = visit(own).open(**{"5.steps": 30, "2.text": "a fox"})
    person.press()
    person.frames(1)
    (lost,) = own.unfinished()
    own.demo.restart()
    eventually(lambda: lost.state.restarted and lost.state.preview_number > 0, "a new start")
    own.demo.restart()
    person.phase("lost")
    expect(person.page.locator("#stage .advice")).not_to_be_empty()
    expect(person.page.locator("#stop")).to_be_disabled()
    person.page.get_by_role("button", name="Run again").click()
    own.demo.speed.step = 0
    run_id = person.done(after=lost.id)
    assert own.prompt_of(run_id) == lost.job.prompt
    expect(person.page.locator("#stage .again")).to_be_hidden()


def test_several_runs_with_one_press(fast: Site, visit: Visit) -> None:
    """Generate starts the chosen number of runs, each with its own seed. The control beside it shows
    the number, and the bar keeps its height. The app reports the runs above the limit next to the
    queued ones. At the end of the page, Generate is visible, and the whole stage once a run
    begins."""
    with running_app(fast.demo.url, run_limits=RunLimits(person=2)) as app:
        person = visit(Site(app.url, fast.demo, app), viewport=SIZES["laptop"])
        person.open(**{"5.steps": 1}).unfold()
        viewport = person.page.locator("#stage .viewport")
        person.page.evaluate(TO_THE_END)
        expect(person.page.locator("#generate")).to_be_in_viewport(ratio=1)
        bar = "() => document.querySelector('#actions').offsetHeight"
        height = person.page.evaluate(bar)
        set_runs(person, 2)
        expect(person.page.locator("#many-button")).to_have_text("2 images")
        assert person.page.evaluate(bar) == height
        person.press()
        eventually(lambda: len(app.runs.known()) == 2)
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))
        assert len({run.job.values["5.seed"] for run in app.runs.known()}) == 2
        person.done()
        with fast.demo.hold("progress"):
            set_runs(person, 4)
            person.page.evaluate(TO_THE_END)
            expect(viewport).not_to_be_in_viewport(ratio=1)
            person.press()
            expect(viewport).to_be_in_viewport(ratio=1)
            expect(person.page.locator("#stage")).to_contain_text("2 of 4 runs were queued.")
            expect(person.page.locator("#stage")).to_contain_text("Your limit is 2 at a time")
        eventually(lambda: all(run.state.phase.finished for run in app.runs.known()))
        person.leave()


def test_stop(slow: Site, visit: Visit) -> None:
    """Stop ends a run on the server, and the page says so. The last preview stays, marked as
    stopped. The focus goes to Generate, which works. Another workflow starts with its own example.
    """
    person = stopped(slow, visit)
    eventually(lambda: slow.demo.sockets.close_codes[-1] == 1000, "the close code")
    expect(person.page.locator("#stage .headline")).to_have_text("Stopped")
    expect(person.page.locator("img.live-frame")).to_have_count(0)
    expect(person.page.get_by_role("img", name="Last preview")).to_be_visible()
    expect(person.page.locator("#stage p.mark")).to_have_text("Stopped. This is the last preview.")
    person.find()
    person.page.get_by_role("button", name="Show stopped and failed").click()
    look_back_at_the_last_run(person)
    expect(person.page.locator("#stage p.mark")).to_have_text("Stopped. This is the last preview.")
    expect(person.page.locator("#stage .media.former")).to_have_count(0)
    back_to_the_current_run(person).click()
    person.page.locator("#stop").click()
    person.phase("stopped")
    no_preview_is_called_the_last_one_after_a_reload(person)
    slow.demo.speed.step = STEP
    person.type("2.text", "a boat")
    person.press()
    expect(person.page.locator("#stage p.mark")).to_have_count(0)
    person.frames(2)
    person.page.locator("#stop").click()
    person.phase("stopped")
    person.choose("Image to image")
    expect(person.page.locator("#stage .empty .example")).to_be_visible()
    expect(person.page.locator("#stage .headline")).to_be_empty()
    expect(person.page.locator("#stage .media img")).to_have_count(0)


def test_from_a_text_to_an_image(slow: Site, visit: Visit) -> None:
    """The user changes the text and presses Generate. The stage paints frames during the run where
    the example was, then the image replaces them in the same place and size, and nothing below it
    moves. Pressing Generate again during a run queues a second run, and both results arrive."""
    person = visit(slow).open(**{"5.steps": 8, "4.width": 768})
    person.type("2.text", "a red lighthouse at dusk")
    before = person.page.evaluate(PLACES)
    person.press()
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling, step")
    person.frames(3)
    expect(person.page.locator("#stage img.live-frame")).to_be_visible()
    running, preview = person.page.evaluate(PLACES), person.page.evaluate(PAINTED)
    run_id = person.done()
    assert before[0][:2] == running[0][:2]  # the example has another shape, and so another width
    assert running == person.page.evaluate(PLACES)
    assert person.page.evaluate(PAINTED) == pytest.approx(preview, abs=1)
    assert slow.prompt_of(run_id)["2"]["inputs"]["text"] == "a red lighthouse at dusk"
    expect(person.page.locator("#history .tile img")).to_have_count(1)
    expect(person.page.locator("#stage .headline")).to_contain_text("Done")
    width = person.page.locator("#stage .media img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 768
    two_presses_queue(person, run_id)
