"""Everything has its place and can be used by everybody: each shipped workflow and each kind of
result, at every size, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.walk.states import Walker

SHIPPED = ("text-to-image", "image-to-image", "inpaint", "upscale", "animation")
KINDS = {  # what is seen of each kind of result
    "several": "img",
    "webp": "img",
    "video": "video",
    "audio": "audio",
    "words": "textarea",
    "model": "a[download], model-viewer, canvas",
    "mixed": "img",
    "none": "",
}
READ = {"several", "video", "mixed", "none"}  # with axe-core
WITH_STEPS = {"text-to-image", "image-to-image", "inpaint", "animation"}
SLOW = 0.9  # seconds of a step: there are enough of them to look at everything on a busy machine


@pytest.mark.parametrize("workflow", SHIPPED)
def test_a_shipped_workflow(walker: Walker, workflow: str) -> None:
    """Its form, its run and its result: nothing covers anything, is cut off, too small for a finger
    or moves when the result comes; what has the focus is seen. Nothing of the form keeps anybody
    away, nor does an image beside its result."""
    person = walker.person.open(workflow)
    person.site.demo.speed.step = SLOW if workflow in WITH_STEPS else 0
    walker.look("the form")
    if workflow != "text-to-image":  # which test_accessibility.py begins with
        walker.read("the form", "#form")
    person.press()
    if workflow == "inpaint":
        person.page.get_by_role("button", name="Run anyway").click()
    if workflow in WITH_STEPS:
        expect(person.page.locator("img.live-frame")).to_be_visible()
        before = walker.look("a run")
        person.site.demo.speed.step = 0
    person.done()
    after = walker.look("the result", full_screen=True)
    if workflow in WITH_STEPS:
        assert after == before
    if workflow == "image-to-image":
        person.page.get_by_role("button", name="Compare").click()
        walker.read("before and after", "#stage")
    walker.all_well()


def test_each_kind_of_result(walker: Walker) -> None:
    """It stands on the stage, within its place, full screen is all that is seen, and nothing of it
    keeps anybody away."""
    person, run = walker.person, ""
    for kind, selector in KINDS.items():
        (person.turn_to if run else person.open)(kind).press()
        run = person.ended(after=run)
        shown = person.page.locator("#stage .media").locator(selector or "nothing")
        expect(shown.first).to_be_visible(visible=bool(selector))
        button = person.page.get_by_role("button", name="Full screen", exact=True)
        walker.look(kind, full_screen=button.is_visible())
        if kind in READ:
            walker.read(kind, "#stage")
    walker.all_well()
