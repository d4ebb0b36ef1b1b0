"""Invalid values in folded sections: each section with an error opens, and the first error gets the
focus."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.support.brought import give, own_prompt
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

# Two sections of the author's own; the other hidden fields stand in Advanced. A slider would limit wrong numbers.
SECTIONS = """
[fields."Canvas.width"]
group = "Canvas"
[fields."Canvas.height"]
group = "Canvas"
[fields."Sampler.cfg"]
group = "Sampling"
widget = "number"
[fields."Sampler.steps"]
group = "Sampling"
widget = "number"
[fields."Second.cfg"]
group = "Sampling"
widget = "number"
[fields."Second.steps"]
group = "Sampling"
widget = "number"
"""
WRONG = {"5.cfg": "999", "5.steps": "99999", "21.cfg": "999", "21.steps": "99999"}


def two_passes() -> dict[str, Any]:
    """Return a prompt with two samplers, each with its own checkpoint."""
    prompt = own_prompt()
    prompt["20"], prompt["21"] = copy.deepcopy(prompt["1"]), copy.deepcopy(prompt["5"])
    prompt["21"]["_meta"] = {"title": "Second"}
    prompt["21"]["inputs"] |= {"model": ["20", 0], "latent_image": ["5", 0]}
    prompt["6"]["inputs"]["samples"] = ["21", 0]
    return prompt


def without_models() -> dict[str, Any]:
    prompt = two_passes()
    for node, name in (("1", "base"), ("20", "refiner")):
        prompt[node]["inputs"]["ckpt_name"] = f"no_{name}.safetensors"
        prompt[node]["_meta"] = {"title": f"Load Checkpoint - {name.upper()}"}
    return prompt


@pytest.fixture
def folded(fast: Site, tmp_path: Path) -> Iterator[Site]:
    """Run a site whose only form has its numbers in the author's sections."""
    (tmp_path / "folded.json").write_text(json.dumps(two_passes()))
    (tmp_path / "folded.toml").write_text(SECTIONS)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        yield Site(app.url, fast.demo, app)


def section(person: Visitor, title: str, state: str = "") -> Locator:
    """Return the header of a section. `state`: .open, :not(.open), or empty for either."""
    return person.page.locator(f"#form .section button.label-wrap{state}", has_text=title)


def fold(person: Visitor, title: str) -> None:
    """Close an open section."""
    section(person, title, ".open").click()
    expect(section(person, title, ":not(.open)")).to_be_visible()


def are_marked(person: Visitor, *keys: str) -> None:
    """Check that exactly these fields are marked and visible, and that the first has the focus."""
    expect(person.entry(keys[0])).to_be_focused()
    expect(person.entry(keys[0])).to_be_in_viewport(ratio=1)
    expect(person.page.locator(".field-error")).to_have_count(len(keys))
    for key in keys:
        expect(person.field(key).locator(".field-error")).to_be_visible()


def test_a_fold_opens_for_any_number_of_errors(folded: Site, visit: Visit) -> None:
    """The section opens for one to four invalid fields. An open section also marks them."""
    person = visit(folded).open("folded")
    section(person, "Sampling").click()
    for number in range(1, len(WRONG) + 1):
        for key in list(WRONG)[:number]:
            person.type(key, WRONG[key])
        fold(person, "Sampling")
        person.press()
        are_marked(person, *list(WRONG)[:number])
    person.entry("2.text").focus()
    person.press()
    are_marked(person, *WRONG)


def test_all_folds_with_errors_open(folded: Site, visit: Visit) -> None:
    """Two sections with two invalid fields each open, and a section without errors stays folded.
    The first invalid field gets the focus, on a desktop and on a phone."""
    person = visit(folded).open("folded")
    wrong = {"4.width": "7", "4.height": "7", "5.cfg": "999", "5.steps": "99999"}
    for title in ("Canvas", "Sampling"):
        section(person, title).click()
    for key, value in wrong.items():
        person.type(key, value)
    for size in ({"width": 1360, "height": 900}, {"width": 390, "height": 844}):
        person.page.set_viewport_size(ViewportSize(**size))
        for title in ("Canvas", "Sampling"):
            fold(person, title)
        person.press()
        are_marked(person, *wrong)
        expect(section(person, "Advanced", ":not(.open)")).to_be_visible()


def test_two_missing_models_are_marked(fast: Site, visit: Visit) -> None:
    """A dropped workflow lacks two models. Generate opens Advanced, marks both fields with their
    error, and leads the user to the first."""
    person = visit(fast).open("upscale")
    give(person.page, json.dumps(without_models()).encode(), "two_models.json")
    expect(person.page.locator("#missing")).to_contain_text("Missing: 2 models.")
    expect(section(person, "Advanced", ":not(.open)")).to_be_visible()
    person.press()
    are_marked(person, "1.ckpt_name", "20.ckpt_name")
    assert set(person.errors().values()) == {"This isn't on the server. Choose another."}
    expect(person.page.locator("#stage .advice")).to_contain_text("Check the highlighted fields.")
