"""Layout and accessibility of each shipped workflow and each kind of result, at every size, light
and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.nightly.walk.states import Walker

SHIPPED = [  # with the number of steps, where it has one, and a size to look at besides a phone's
    ("text-to-image", "5.steps", "desktop"),
    ("inpaint", "7.steps", "tablet"),
    ("image-to-image", "8.steps", "laptop"),
    ("upscale", "", "laptop"),
    ("animation", "5.steps", "desktop"),
]
KINDS = {  # visible element of each kind of result, and a size to check besides a phone's
    "several": ("img", "laptop"),
    "video": ("video", "desktop"),
    "mixed": ("img", "tablet"),
}


@pytest.mark.parametrize(("workflow", "steps", "size"), SHIPPED)
def test_a_shipped_workflow(walker: Walker, workflow: str, steps: str, size: str) -> None:
    """In the form, the run and the result, nothing is covered, cut off or too small for a finger.
    Nothing moves when the result appears. The focused element is visible. The form, and an image
    beside its result, are accessible."""
    person = walker.person.open(workflow, **{steps: 4} if steps else {})
    walker.look("the form", size)
    if workflow != "text-to-image":  # which test_accessibility.py begins with
        walker.read("the form", "#form")
    before = None
    with person.site.demo.hold("progress", after=2) as run:
        person.press()
        if workflow == "inpaint":
            person.page.get_by_role("button", name="Run anyway").click()
        if steps:
            expect(person.page.locator("img.live-frame")).to_be_visible()
            before = walker.look("a run", size)
        run.release()
    person.done()
    after = walker.look("the result", size, full_screen=True)
    if before:
        # Several results, and a video with its bar, share the place of the preview.
        staying = 1 if person.page.locator("#stage :is(.grid, video)").count() else 3
        assert all(before[name][:staying] == after[name][:staying] for name in after)
    if workflow in ("inpaint", "image-to-image"):
        person.page.get_by_role("button", name="Compare").click()
        walker.read("before and after", "#stage")
    walker.all_well()


def test_each_kind_of_result(walker: Walker) -> None:
    """The result stays within its place on the stage, full screen covers everything else, and the
    result is accessible."""
    person, run = walker.person, ""
    for kind, (selector, size) in KINDS.items():
        (person.turn_to if run else person.open)(kind).press()
        run = person.ended(after=run)
        shown = person.page.locator("#stage .media").locator(selector)
        expect(shown.first).to_be_visible()
        # The viewer of a model makes its canvas the first to be focused until it is loaded.
        expect(person.page.locator("canvas[tabindex='1']")).to_have_count(0)
        button = person.page.locator("#stage").get_by_role("button", name="Full screen")
        walker.look(kind, size, full_screen=button.is_visible())
        walker.read(kind, "#stage")
    walker.all_well()
