"""Values in a page's URL fill the form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from comfy.form.build import build_form
from comfy.workflow.resolve import on_server
from tests.support.samples.forms import form_of, parse_workflow, small_catalog, text_to_image
from ui.page.form.first_values import authors_value, linked_values

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


@pytest.mark.parametrize(("control", "shown"), [("fixed", 0), ("randomize", None)])
def test_an_app_keeps_its_fixed_seed(control: str, shown: int | None) -> None:
    """The author's App shows the same seed in each run. Other seeds are random at first."""
    file = Path(__file__).parents[2] / "data" / "graphs" / "lighthouse.app.json"
    graph: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    sampler = next(one for one in graph["nodes"] if one["type"] == "KSampler")
    sampler["widgets_values"][:2] = [0, control]
    workflow = on_server(parse_workflow("lighthouse.app", graph), small_catalog())
    field = build_form(workflow, small_catalog()).field("5.seed")
    nothing = cast(Any, None)
    assert authors_value(nothing, field, nothing) == shown
