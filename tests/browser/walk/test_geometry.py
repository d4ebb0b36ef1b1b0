"""Everything has its place: each shipped workflow and each kind of result, at every size, light and
dark."""

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
WITH_STEPS = {"text-to-image", "image-to-image", "inpaint", "animation"}
SLOW = 0.3  # seconds, of a step: there are enough of them to look at everything


@pytest.mark.parametrize("workflow", SHIPPED)
def test_a_shipped_workflow(walker: Walker, workflow: str) -> None:
    """Its form, its run and its result: nothing covers anything, is cut off, too small for a finger
    or moves when the result comes; what has the focus is seen."""
    person = walker.person.open(workflow)
    person.site.demo.speed.step = SLOW if workflow in WITH_STEPS else 0
    walker.look("the form")
    person.press()
    if workflow == "inpaint":
        person.page.get_by_role("button", name="Run anyway").click()
    if workflow in WITH_STEPS:
        expect(person.page.locator("img.live-frame")).to_be_visible()
        before = walker.places()
        walker.look("a run")
        person.site.demo.speed.step = 0
        person.done()
        assert walker.places() == before
    person.done()
    walker.look("the result")
    walker.full_screen("the result")
    walker.all_well()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_result(walker: Walker, kind: str) -> None:
    """It stands on the stage, within its place, and full screen is all that is seen."""
    person = walker.person.open(kind)
    person.press()
    person.phase("done")
    shown = person.page.locator("#stage .media").locator(KINDS[kind] or "nothing")
    expect(shown.first).to_be_visible(visible=bool(KINDS[kind]))
    walker.look(kind)
    if person.page.get_by_role("button", name="Full screen", exact=True).is_visible():
        walker.full_screen(kind)
    walker.all_well()
