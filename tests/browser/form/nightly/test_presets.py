"""The menu of presets: the user can save, apply, overwrite and delete a preset, and undo each of
these."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.form.nightly.test_masks import (
    KEY,
    choose,
    difference,
    painted,
    photo_of,
    sent_mask,
    stroke,
    tool,
)
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor


def test_a_preset_from_saving_to_deleting(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """A preset keeps the form's values, including seeds, and restores them. Undo brings back the
    form's previous values. Saving under an existing name overwrites that preset. The user can undo
    a deletion. Images come back with their masks."""
    with running_app(fast.demo.url) as app:
        person = visit(Site(app.url, fast.demo, app)).open()
        menu = person.page.locator("#presets")
        name = menu.get_by_label("Name", exact=True)
        person.type("2.text", "cats at night")
        person.keep_seed(7)
        person.for_form("Save or apply presets…")
        expect(menu.locator(".none")).to_contain_text("A preset keeps all values of this form")
        expect(name).to_be_focused()
        expect(name).to_have_value("Cats at night")
        expect(menu.locator(".share")).to_be_hidden()
        name.fill("Night")
        name.press("Enter")
        night = menu.get_by_role("button", name="Apply: Night", exact=True)
        expect(night).to_be_visible()
        person.page.keyboard.press("Escape")
        person.type("2.text", "something else")
        person.type("5.steps", "3")
        person.for_form("Save or apply presets…")
        night.click()
        expect(person.entry("2.text")).to_have_value("cats at night")
        expect(person.entry("5.steps")).to_have_value("24")
        expect(person.entry("5.seed")).to_have_value("7")
        line = person.page.locator("#replaced")
        expect(line.get_by_role("status")).to_have_text("Preset: Night")
        line.get_by_role("button", name="Undo").click()
        expect(person.entry("2.text")).to_have_value("something else")
        expect(person.entry("5.steps")).to_have_value("3")
        line.get_by_role("button", name="Redo").click()
        expect(person.entry("2.text")).to_have_value("cats at night")
        person.type("2.text", "something new")
        person.for_form("Save or apply presets…")
        expect(night).to_be_visible()
        name.fill("Night")
        menu.get_by_role("button", name="Overwrite").click()
        expect(name).to_have_value("")
        person.page.keyboard.press("Escape")
        person.type("2.text", "a third thing")
        person.for_form("Save or apply presets…")
        night.click()
        expect(person.entry("2.text")).to_have_value("something new")
        person.for_form("Save or apply presets…")
        person.forgive("409")  # a name that another has
        is_renamed(menu, name)
        person.page.keyboard.press("Escape")
        holds_an_image_and_its_mask(person.turn_to("inpaint"), tmp_path)
        person.leave()


def is_renamed(menu: Locator, name: Locator) -> None:
    """Rename presets in the menu that also deletes them. Escape keeps the name, and the menu
    refuses a name in use. After several deletions, each Undo names its preset and stays until the
    user presses it."""
    button, night = partial(menu.get_by_role, "button"), menu.locator(".use", has_text="Night")
    choose_for(menu, "Night", "Rename")
    field = menu.get_by_role("textbox", name="Rename: Night")
    expect(field).to_be_focused()
    field.press("Escape")
    expect(button(name="More: Night")).to_be_focused()
    choose_for(menu, "Night", "Rename")
    field.fill("Dusk")
    is_asked_once(partial(field.press, "Enter"), menu.page)
    dusk = menu.locator(".use", has_text="Dusk")
    expect(dusk).to_be_focused()
    expect(night).to_have_count(0)
    name.fill("Night")
    name.press("Enter")
    expect(night).to_be_focused()
    choose_for(menu, "Night", "Rename")
    field.fill("Dusk")
    button(name="Rename", exact=True).click()
    objection = menu.get_by_role("alert")
    expect(objection).to_have_text("A preset “Dusk” already exists. Choose another name.")
    expect(objection).to_be_in_viewport()
    field.press("End")
    field.press_sequentially("s")
    expect(objection).to_have_count(0)
    button(name="Cancel").click()
    for one in ("Dusk", "Night"):
        choose_for(menu, one, "Delete")
        expect(button(name=f"Undo: {one}")).to_be_focused()
    button(name="Undo: Dusk").click()
    expect(dusk).to_be_focused()
    button(name="Undo: Night").click()
    expect(night).to_be_focused()


def choose_for(menu: Locator, preset: str, words: str) -> None:
    """Choose an action in a preset's menu."""
    menu.get_by_role("button", name=f"More: {preset}").click()
    menu.get_by_role("menuitem", name=words).click()


def is_asked_once(press: Callable[[], None], page: Page) -> None:
    """Check that the page sends a single request even if the user presses again before the
    answer."""
    asked: list[Route] = []

    def hold(one: Route) -> None:
        (asked.append if one.request.method == "PATCH" else Route.fallback)(one)

    page.route("**/api/v1/presets?*", hold)
    with page.expect_request(lambda one: one.method == "PATCH"):
        press()
    press()
    (one,) = asked
    one.continue_()
    page.unroute("**/api/v1/presets?*", hold)


def holds_an_image_and_its_mask(person: Visitor, tmp_path: Path) -> None:
    """Check that a preset restores an image and its mask pixel for pixel, also after an undone
    deletion. The user can undo the restored mask like a painted mask."""
    site = person.site
    person.type("7.steps", 1)
    choose(person, photo_of(tmp_path, (333, 517)), (333, 517))
    stroke(person, (0.2, 0.3), (0.7, 0.35))
    first = sent_mask(site, person.generate())
    menu = person.page.locator("#presets")
    person.for_form("Save or apply presets…")
    menu.get_by_label("Name", exact=True).fill("Photo")
    menu.get_by_role("button", name="Save").click()
    photo = menu.get_by_role("button", name="Apply: Photo", exact=True)
    choose_for(menu, "Photo", "Delete")
    menu.get_by_role("button", name="Undo: Photo").click()
    expect(photo).to_be_visible()
    person.page.keyboard.press("Escape")
    person.for_image(KEY, "Remove image")
    choose(person, photo_of(tmp_path, (96, 64)), (96, 64))
    assert painted(person) == 0
    person.for_form("Save or apply presets…")
    photo.click()
    expect(person.field(KEY).locator(".sheet canvas")).to_have_attribute("width", "333")
    tool(person, "Undo").click()
    assert painted(person) == 0
    tool(person, "Redo").click()
    assert difference(first, sent_mask(site, person.generate())) == 0
