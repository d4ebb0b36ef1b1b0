"""The first screen of a form has few controls; the others are one press away."""

from __future__ import annotations

import pytest

from tests.browser.nightly.walk.states import SIZES, set_size
from tests.support.controls import visible_controls
from tests.support.visitor import Site, Visit, Visitor

MOST_BEFORE = {"desktop": 20, "laptop": 20, "tablet": 20, "phone": 14}
MOST_AFTER = {"desktop": 28, "laptop": 28, "tablet": 28, "phone": 16}
AFTER_LONG_RUNS = ("When done…", "Dismiss")  # offered once, as on a busy machine
OF_A_VIDEO = MOST_AFTER | {"phone": 18}  # with its frames


def has_few_controls(person: Visitor, most: dict[str, int]) -> None:
    """Check the number of controls at every size."""
    for name, limit in most.items():
        set_size(person.page, SIZES[name])
        controls = [one for one in visible_controls(person.page) if one not in AFTER_LONG_RUNS]
        assert len(controls) <= limit, f"{name}, {len(controls)}: {controls}"
    set_size(person.page, SIZES["desktop"])


def stays_calm(person: Visitor, workflow: str) -> None:
    """Check the numbers before and after the first result."""
    person.page.locator("#stage .idea").first.wait_for()
    has_few_controls(person, MOST_BEFORE)
    person.press()
    if workflow == "inpaint":  # without a mask
        person.page.get_by_role("button", name="Run anyway").click()
    person.done()
    person.page.locator("#history .tile").wait_for()
    has_few_controls(person, OF_A_VIDEO if workflow == "animation" else MOST_AFTER)


@pytest.mark.parametrize("workflow", ["text-to-image", "animation"])
def test_the_first_screen_has_few_controls(fast: Site, visit: Visit, workflow: str) -> None:
    """Before and after the first result, at four sizes."""
    stays_calm(visit(fast).open(workflow), workflow)
