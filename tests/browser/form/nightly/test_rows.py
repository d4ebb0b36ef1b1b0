"""Repeatable rows: users add, change and remove them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from comfyui_standin import DemoServer
from tests.support.batch_dialog import card_of, start_batch, values_of_row, vary, vary_row
from tests.support.samples.rows import DEMO_LORAS, LORA_IMAGE
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor

LIGHT, INK = DEMO_LORAS
KEY = "20.loras"


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Run a site with a workflow that has two rows."""
    (tmp_path / "loras.json").write_text(json.dumps(LORA_IMAGE))
    with (
        DemoServer(step_seconds=0) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield Site(app.url, demo, app)


@pytest.fixture
def person(site: Site, visit: Visit) -> Iterator[Visitor]:
    """Yield a user with the open form, who leaves it before the site ends."""
    person = visit(site)
    yield person.open("loras")
    person.leave()


def row(person: Visitor, number: int) -> Locator:
    return person.field(KEY).get_by_role("group", name=f"LoRA {number}", exact=True)


def rows(person: Visitor) -> Locator:
    return person.field(KEY).locator(".line")


def sent(person: Visitor) -> dict[str, Any]:
    """Run the form and return the inputs of its rows."""
    person.press()
    person.phase("done")
    run_id = str(person.page.evaluate("document.querySelector('#stage .stage').dataset.run"))
    inputs = person.site.prompt_of(run_id)["20"]["inputs"]
    return {name: value for name, value in inputs.items() if name.startswith("loras.")}


def test_rows_are_added_changed_and_removed(person: Visitor) -> None:
    """The server gets the rows as they are on the page, and a reload keeps them."""
    expect(rows(person)).to_have_count(2)
    row(person, 2).get_by_label("On").check()
    row(person, 2).get_by_label("Strength").fill("0.25")
    person.field(KEY).get_by_role("button", name="Add LoRA").click()
    expect(rows(person)).to_have_count(3)
    new = row(person, 3)
    expect(new.get_by_role("combobox")).to_be_focused()
    new.get_by_role("combobox").select_option(label="demo-ink-lines")
    expect(new.get_by_role("combobox")).to_have_attribute("title", "demo-ink-lines")
    row(person, 1).get_by_role("button", name="Remove: LoRA 1").click()
    expect(rows(person)).to_have_count(2)
    expect(row(person, 1).get_by_role("button", name="Remove")).to_be_focused()
    expected = {
        **{"loras.0.on": True, "loras.0.lora_name": LIGHT, "loras.0.strength": 0.25},
        **{"loras.1.on": True, "loras.1.lora_name": INK, "loras.1.strength": 1.0},
    }
    assert sent(person) == expected
    person.page.reload()
    person.ready()
    expect(row(person, 1).get_by_label("Strength")).to_have_value("0.25")
    expect(rows(person)).to_have_count(2)


def test_rows_have_limits(person: Visitor) -> None:
    """The last button that would go beyond them is disabled, and an error names the row."""
    add = person.field(KEY).get_by_role("button", name="Add LoRA")
    for _ in range(4):
        add.click()
    expect(rows(person)).to_have_count(6)
    expect(add).to_be_disabled()
    expect(add).to_have_attribute("title", "Maximum 6 rows.")
    row(person, 6).get_by_label("Strength").fill("200")
    person.press()
    error = person.field(KEY).locator(".field-error")
    expect(error).to_have_text("LoRA 6: Strength: Maximum 100.")
    expect(error).to_be_in_viewport()
    wrong = row(person, 6).get_by_label("Strength")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_accessible_description("LoRA 6: Strength: Maximum 100.")
    expect(person.field(KEY).locator("[aria-invalid]")).to_have_count(1)
    red = "rgb(197, 48, 48)"
    expect(wrong).to_have_css("border-color", red)
    expect(row(person, 1).get_by_label("Strength")).not_to_have_css("border-color", red)
    row(person, 6).get_by_role("button", name="Remove").click()
    expect(error).to_have_count(0)


def test_rows_are_reset_linked_and_reused(person: Visitor) -> None:
    """Reset brings the author's rows back, and a link and a run have the user's."""
    row(person, 1).get_by_role("button", name="Remove").click()
    row(person, 1).get_by_label("Strength").fill("2")
    assert len(sent(person)) == 3
    reset = person.field(KEY).get_by_role("button", name="Reset: LoRAs")
    expect(reset).to_have_attribute("title", f"Author's value: {INK} 0.8, {LIGHT} 0.5")
    person.page.reload()
    person.ready()
    reset.click()
    expect(rows(person)).to_have_count(2)
    person.act("Reuse settings")
    expect(rows(person)).to_have_count(1)
    expect(row(person, 1).get_by_label("Strength")).to_have_value("2")
    linked = json.dumps([{"lora_name": INK, "strength": 0.4}])
    person.open("loras", **{KEY: linked})
    expect(rows(person)).to_have_count(1)
    expect(row(person, 1).get_by_label("Strength")).to_have_value("0.4")


def test_rows_are_used_with_the_keyboard_on_a_phone(person: Visitor) -> None:
    """Everything fits the width, and Tab reaches each cell and button."""
    person.page.set_viewport_size({"width": 390, "height": 844})
    field = person.field(KEY)
    field.scroll_into_view_if_needed()
    first = row(person, 1)
    shown = first.get_by_role("combobox")
    expect(shown).to_have_attribute("title", "demo-ink-lines")
    assert (shown.bounding_box() or {})["width"] > 250
    check = first.locator(".cell.checkbox")
    assert (check.bounding_box() or {})["width"] >= 40
    first.get_by_label("On").focus()
    for control in (
        first.get_by_role("combobox"),
        first.get_by_role("button", name="Browse models"),
        first.get_by_label("Strength"),
        first.get_by_role("button", name="Remove"),
        row(person, 2).get_by_label("On"),
    ):
        person.page.keyboard.press("Tab")
        expect(control).to_be_focused()
    person.page.keyboard.press("Space")
    expect(row(person, 2).get_by_label("On")).to_be_checked()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_rows_make_a_batch(person: Visitor) -> None:
    """Each line is a list of rows as JSON, and starts with the form's."""
    dialog = vary(person)
    values = values_of_row(dialog, "LoRAs")
    own = [{"on": True, "lora_name": INK, "strength": 0.8}]
    expect(values).to_have_value(
        json.dumps(
            [*own, own[0] | {"on": False, "lora_name": LIGHT, "strength": 0.5}],
            separators=(",", ":"),
        )
    )
    values.fill(f"{json.dumps(own)}\n[1]")
    problem = vary_row(dialog, "LoRAs").locator(".problem")
    expect(problem).to_contain_text("Enter a list of rows as JSON")
    values.fill(f"{json.dumps(own)}\n[]")
    start_batch(dialog, 2)
    expect(card_of(person)).to_contain_text("2 of 2 done")
