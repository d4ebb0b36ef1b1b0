"""Resetting to the author's values and undoing it, and the initial values after a reload and in
other tabs."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Locator, expect

from comfyui_standin import DemoServer
from tests.browser.form.nightly.test_seeds import LARGEST
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor


def resets(person: Visitor) -> Locator:
    """Return the buttons beside the labels of changed fields."""
    return person.page.locator(".put-back")


def test_values_survive_a_reload(fast: Site, visit: Visit) -> None:
    """Typed values survive a reload, even if the user opened the page by a link with values. Each
    workflow keeps its own values."""
    person = visit(fast).open(**{"2.text": "a dog", "5.steps": 7})
    expect(person.entry("2.text")).to_have_value("a dog")
    person.type("2.text", "a cat\nin two lines")
    person.keep_seed(LARGEST)
    person.type("4.width", 640)
    person.page.reload()
    person.ready()
    expect(person.entry("2.text")).to_have_value("a cat\nin two lines")
    expect(person.entry("5.steps")).to_have_value("7")
    expect(person.entry("5.seed")).to_have_value(str(LARGEST))
    expect(person.entry("4.width")).to_have_value("640")
    person.turn_to("image-to-image")
    expect(person.entry("2.text")).not_to_have_value("a cat\nin two lines")
    person.turn_to("text-to-image")
    expect(person.entry("2.text")).to_have_value("a cat\nin two lines")


def test_an_unchanged_field_follows_its_author(visit: Visit, tmp_path: Path) -> None:
    """The page reloads, as after a restart. A field that the user hasn't changed has the author's
    newer value, which also depends on the servers' models, and isn't marked as changed."""
    author = json.loads((WORKFLOWS / "text-to-image.json").read_text(encoding="utf-8"))

    def keeps(steps: int) -> None:
        author["5"]["inputs"]["steps"] = steps
        (tmp_path / "one.json").write_text(json.dumps(author), encoding="utf-8")

    keeps(20)
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, demo, app)).open("one")
        expect(person.entry("5.steps")).to_have_value("20")
        person.type("2.text", "a cat")
        person.type("4.width", 640)
        keeps(24)
        person.page.reload()
        person.ready()
        expect(person.entry("5.steps")).to_have_value("24")
        expect(person.entry("2.text")).to_have_value("a cat")
        expect(person.entry("4.width")).to_have_value("640")
        expect(resets(person)).to_have_count(2)
        person.leave()
