"""The first screens of all shipped forms."""

from __future__ import annotations

from tests.browser.test_first_screen import has_few_controls
from tests.support.visitor import Site, Visit

# An image has four tools of its own, and eight more to paint a mask.
MOST = {
    "text-to-sound": (18, 13),
    "upscale": (24, 19),
    "image-to-image": (26, 20),
    "animation": (26, 20),
    "inpaint": (30, 25),
    "create-upscale-detail.chain": (29, 23),
}


def test_no_shipped_form_gets_more_controls(fast: Site, visit: Visit) -> None:
    """The numbers are for a desktop and for a phone."""
    person = visit(fast).open("text-to-sound")
    for name, (desktop, phone) in MOST.items():
        person.turn_to(name)
        person.page.locator(".size-field .chip, #form .fold").first.wait_for()
        has_few_controls(person, {"desktop": desktop, "phone": phone})
