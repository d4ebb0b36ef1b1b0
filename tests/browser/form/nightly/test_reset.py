"""Resetting to the author's values and undoing it, and the initial values after a reload and in
other tabs."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form.test_reset import Visit, resets
from tests.support.serving import running_app
from tests.support.visitor import Site


def test_an_unlimited_number_shows_its_reset_only_after_an_edit(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """A whole number without limits counts as changed only between the user's edit and its
    reset."""
    prompt = {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": 640}},
        "2": {"class_type": "Unknown", "inputs": {"width": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    (tmp_path / "wide.json").write_text(json.dumps(prompt))
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("wide")
        expect(person.entry("1.value")).to_have_value("640")
        expect(resets(person)).to_have_count(0)
        person.type("1.value", "64")
        expect(resets(person)).to_have_count(1)
        resets(person).click()
        expect(person.entry("1.value")).to_have_value("640")
        expect(resets(person)).to_have_count(0)
        person.leave()
