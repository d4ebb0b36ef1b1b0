"""Values in a page's URL fill the form."""

from __future__ import annotations

from tests.support.samples.forms import form_of, text_to_image
from ui.page.form.first_values import linked_values

FORM = form_of(text_to_image())


def test_values_of_a_link_are_used_or_reported() -> None:
    """The app uses valid values silently. It clamps numbers to their limits and steps, drops other
    invalid values, and reports each change. It ignores values without a field."""
    given = {"3.steps": "99999", "5.width": "513", "3.cfg": "7.5", "6.text": "a fox", "9.x": "1"}
    values, said = linked_values(FORM, given)
    assert values == {"3.steps": 10000, "5.width": 512, "3.cfg": 7.5, "6.text": "a fox"}
    assert said == [
        "Width: “513” in this link isn't allowed and was replaced.",
        "Steps: “99999” in this link isn't allowed and was replaced.",
    ]
    values, said = linked_values(FORM, {"3.steps": "many", "3.seed": "-4", "3.cfg": "-1"})
    assert values == {"3.cfg": 0.0}
    assert sorted(said) == [
        "Guidance scale: “-1” in this link isn't allowed and was replaced.",
        "Seed: “-4” in this link isn't allowed and was replaced.",
        "Steps: “many” in this link isn't allowed and was replaced.",
    ]


def test_a_link_without_values_fills_in_nothing() -> None:
    """Most links have no values. The app then fills in nothing and reports no problem."""
    assert linked_values(FORM, {}) == ({}, [])
