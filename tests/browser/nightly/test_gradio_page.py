"""What the page's style and script know of Gradio's page: an upgrade that changes it is told here,
with a sentence.

The part that Python knows is in tests/ui/gradio/test_internals.py.
"""

from __future__ import annotations

from tests.browser.test_gradio_page import WHERE, Visit
from tests.support.visitor import Site


def test_a_page_on_which_nothing_happens_lets_the_browser_rest(fast: Site, visit: Visit) -> None:
    """It asks for no frame but those of its lists and moves nothing, seen or unseen: Gradio's
    spinner, which is gone by then, counts with each frame. Of the app it asks next to nothing: at
    most one request in five seconds."""
    person = visit(fast, reduced_motion="no-preference").recording()
    person.before_load(
        """{
            const frame = requestAnimationFrame;
            window.frames_asked_for = 0;
            window.requestAnimationFrame = (then) => { window.frames_asked_for++; return frame(then); };
        }"""
    )
    person.open()
    person.page.wait_for_load_state("networkidle")
    asked = len(person.requests)
    fewest_in_a_second = """async () => {
        let fewest = Infinity;
        for (let second = 0; second < 5; second++) {
            const before = window.frames_asked_for;
            await new Promise((done) => setTimeout(done, 1000));
            fewest = Math.min(fewest, window.frames_asked_for - before);
        }
        return fewest;
    }"""
    frames = person.page.evaluate(fewest_in_a_second)
    assert frames <= 20, f"Something on the page asks for frames all the time. {WHERE}"
    assert len(person.requests) - asked <= 1
    moving = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert person.page.evaluate(moving) == 0
