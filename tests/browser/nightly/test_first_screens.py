"""The first screens of all shipped forms."""

from __future__ import annotations

import pytest

from tests.browser.test_first_screen import has_few_controls, stays_calm
from tests.support.visitor import Site, Visit

MOST = {
    "text-to-sound": (18, 13),
    "upscale": (19, 14),
    "image-to-image": (19, 14),
    "animation": (18, 13),
    "inpaint": (19, 14),
    "create-upscale-detail.chain": (18, 14),
}


def test_no_shipped_form_gets_more_controls(fast: Site, visit: Visit) -> None:
    """The numbers are for a desktop and for a phone."""
    person = visit(fast).open("text-to-sound")
    for name, (desktop, phone) in MOST.items():
        person.turn_to(name)
        drawn = ".size-field .chip:visible, #form .fold, #form [type=range]:visible"
        person.page.locator(drawn).first.wait_for()
        has_few_controls(person, {"desktop": desktop, "phone": phone})


@pytest.mark.parametrize("workflow", ["image-to-image", "inpaint", "upscale", "text-to-sound"])
def test_other_first_screens_have_few_controls(fast: Site, visit: Visit, workflow: str) -> None:
    """Before and after the first result, at four sizes."""
    stays_calm(visit(fast).open(workflow), workflow)
