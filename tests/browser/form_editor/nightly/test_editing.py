"""The form editor: conflicts, unsaved changes, private workflows, phones and accessibility."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Request, Route, expect

from tests.browser.form_editor.editing import Author, settings_of
from tests.browser.nightly.walk.axe import needs_axe, violations
from tests.support.brought import give, of_badge, own_prompt
from tests.support.visitor import Site, Visit


def test_a_changed_file_is_not_overwritten_unasked(editable: Site, visit: Visit) -> None:
    """The author may load the other changes, or overwrite them."""
    author = Author(visit(editable).open("upscale")).open()
    page, title = author.page, author.editor.get_by_label("Title", exact=True)
    file = Path(editable.services.folder.path, "upscale.toml")
    for answer, expected in (
        ("Load the other changes", "By hand"),
        ("Overwrite with mine", "Mine"),
    ):
        file.write_text(f'title = "By hand"  # {answer}\n', encoding="utf-8")
        title.fill("Mine")
        author.editor.get_by_role("button", name="Publish", exact=True).click()
        page.get_by_role("button", name=answer).click()
        expect(title).to_have_value(expected)
        expect(page.locator("#heading h1")).to_have_text(expected)
        expect(author.editor).not_to_have_class("changed")
        assert settings_of(editable, "upscale")["title"] == expected


def test_unsaved_changes_survive_a_reload(editable: Site, visit: Visit) -> None:
    """The editor opens again with the changes. Closing it asks before it discards them."""
    author = Author(visit(editable).open("upscale")).open()
    page = author.page
    author.editor.get_by_label("Title", exact=True).fill("Nearly done")
    author.says("Unsaved changes")
    page.reload()
    author.ready()
    author.says("Your unsaved changes are back.")
    expect(page.locator("#heading h1")).to_have_text("Nearly done")
    author.editor.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Keep editing").click()
    expect(author.editor).to_be_visible()
    author.editor.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    expect(page.locator("#generate")).to_be_enabled()
    page.reload()
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    expect(author.editor).to_have_count(0)


def test_leaving_the_form_keeps_unsaved_changes(editable: Site, visit: Visit) -> None:
    """Another form closes the editor. The first form then offers the changes."""
    author = Author(visit(editable).open("upscale")).open()
    author.editor.get_by_label("Title", exact=True).fill("For later")
    author.says("Unsaved changes")
    author.person.turn_to("text-to-image")
    expect(author.editor).to_have_count(0)
    expect(author.page.locator("#form-menu .draft")).to_be_hidden()
    author.person.turn_to("upscale")
    expect(author.page.locator("#form-menu .draft")).to_have_text("Unsaved changes")
    author.open()
    expect(author.editor.get_by_label("Title", exact=True)).to_have_value("For later")


def test_a_late_preview_does_not_replace_a_chosen_form(editable: Site, visit: Visit) -> None:
    """On a busy server, a redraw may be answered after the form that its user has chosen since."""
    author = Author(visit(editable).open("upscale")).open()
    page, held = author.page, list[Route]()

    def asks(request: Request) -> bool:
        """Return whether a call asks which form to draw. Gradio puts the drawings in order."""
        return {'"draft":true', '"list_only":false'} <= {*(request.post_data or "").split(",")}

    def hold(route: Route) -> None:
        held.append(route) if asks(route.request) and not held else route.continue_()

    page.route("**/gradio_api/run/**", hold)
    with page.expect_request(asks):
        author.editor.get_by_label("Title", exact=True).fill("For later")
    author.person.turn_to("text-to-image")
    with page.expect_request(lambda one: '"name":"text-to-image"' in (one.post_data or "")):
        held[0].continue_()
    expect(page.locator('#heading [data-workflow="text-to-image"]')).to_be_visible()
    expect(author.person.field("4.width")).to_be_attached()


def test_generate_is_off_exactly_while_the_editor_is_open(editable: Site, visit: Visit) -> None:
    """It doesn't wait for the preview. Closing returns the focus to its menu, also after the
    form is drawn again."""
    author = Author(visit(editable).open("upscale"))
    page = author.page
    held: list[Route] = []
    page.route("**/editor/draft", lambda route: held.append(route))
    with page.expect_request("**/editor/draft"):
        author.open()
    expect(page.locator("#generate")).to_be_disabled()
    expect(page.locator("#many-button")).to_be_hidden()
    author.editor.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("#generate")).to_be_enabled()
    expect(page.locator("#many-button")).to_be_visible()
    first = page.locator("#form-menu button").first.element_handle()
    for route in held:
        route.continue_()
    page.unroute("**/editor/draft")
    page.wait_for_function("button => !button.isConnected", arg=first)
    expect(page.get_by_role("button", name="Form actions")).to_be_focused()


def test_an_open_menu_stays_when_the_form_is_drawn_again(editable: Site, visit: Visit) -> None:
    """On a slow server, the form comes only after its user has opened the menu."""
    author = Author(visit(editable).open("upscale"))
    page = author.page
    held: list[Route] = []
    page.route("**/editor/draft", lambda route: held.append(route))
    with page.expect_request("**/editor/draft"):
        author.open()
    author.editor.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Form actions").click()
    first = page.locator("#form-menu button").first.element_handle()
    for route in held:
        route.continue_()
    page.unroute("**/editor/draft")
    page.wait_for_function("button => !button.isConnected", arg=first)
    page.get_by_role("menuitem", name="Copy link").click()
    expect(page.locator("#form-menu")).to_contain_text("Link copied")
    expect(page.get_by_role("menu")).to_have_count(0)


def test_text_typed_while_the_form_is_drawn_stays(editable: Site, visit: Visit) -> None:
    """A slow server draws the preview with the text that it knows."""
    author = Author(visit(editable).open("text-to-image")).open()
    page = author.page
    held: list[Route] = []
    page.route("**/run/predict*", lambda route: held.append(route))
    with page.expect_request("**/run/predict*"):
        author.editor.get_by_label("Title", exact=True).fill("Foxes")
    author.person.type("2.text", "a fox in the snow")
    for route in held:
        route.continue_()
    page.unroute("**/run/predict*")
    expect(page.locator("#heading h1")).to_have_text("Foxes")
    expect(author.person.entry("2.text")).to_have_value("a fox in the snow")
    page.reload()
    author.ready()
    expect(author.person.entry("2.text")).to_have_value("a fox in the snow")


def test_an_own_workflow_has_an_own_form(editable: Site, visit: Visit) -> None:
    """Its form can be edited before it is shared. Sharing asks for a title and keeps the
    changes."""
    author = Author(visit(editable).open("upscale"))
    page = author.page
    prompt = own_prompt("a fox")
    prompt["1"]["inputs"]["ckpt_name"] = "not-here.safetensors"
    give(page, json.dumps(prompt).encode(), "own.json")
    expect(page.locator("#opened-here")).to_be_visible()
    author.open()
    author.unfold("2.text").get_by_label("Name").fill("Animal")
    expect(author.labels().first).to_have_text("Animal")
    expect(author.editor.get_by_role("button", name="Save draft")).to_be_hidden()
    author.editor.get_by_role("button", name="Save", exact=True).click()
    author.says("Saved")
    author.editor.get_by_role("button", name="Close", exact=True).click()
    of_badge(page, "Add to shared workflows").click()
    expect(page.locator("#confirm .said")).to_contain_text("Missing: 1 model")
    page.locator("#confirm").get_by_label("Title").fill("Foxes")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#added-here")).to_be_visible()
    expect(page.locator("#heading h1")).to_have_text("Foxes")
    expect(author.labels().first).to_have_text("Animal")


def test_inputs_headings_and_ideas(editable: Site, visit: Visit) -> None:
    """The author adds an input, moves a field below an own heading, and keeps an idea."""
    author = Author(visit(editable).open("text-to-image")).open()
    page, editor = author.page, author.editor
    editor.get_by_text("Add inputs").click()
    editor.get_by_role("searchbox", name="Search inputs").fill("scheduler")
    editor.locator(".all-inputs").get_by_role("checkbox", name="Scheduler").check()
    editor.locator(".all-inputs").get_by_role("checkbox", name="Scheduler").uncheck()
    editor.locator(".all-inputs").get_by_role("checkbox", name="Scheduler").check()
    assert author.keys()[-1] == "5.scheduler"
    author.unfold("5.cfg").get_by_label("Shown in").select_option("New heading…")
    editor.get_by_role("textbox", name="Heading").fill("Look")
    page.keyboard.press("Tab")
    expect(page.locator("#form .section", has_text="Look")).to_be_visible()
    author.person.type("2.text", "a fox in the snow")
    editor.get_by_text("Ideas", exact=True).click()
    editor.get_by_role("button", name="Add the values in the form").click()
    author.publish()
    saved = settings_of(editable, "text-to-image")
    assert saved["ideas"] == ["a fox in the snow"]
    assert saved["fields"]["Sampler.cfg"]["group"] == "Look"
    assert "group" not in saved["fields"]["Sampler.scheduler"]


def test_a_field_of_the_form_leads_to_its_settings(editable: Site, visit: Visit) -> None:
    """Clicking a field selects it, and Enter leads from the form into its settings."""
    author = Author(visit(editable).open("text-to-image")).open()
    author.person.entry("2.text").click()
    expect(author.row("2.text")).to_have_class("field-row open")
    expect(author.person.field("2.text")).to_have_css("outline-style", "solid")
    author.person.unfold_field("5.steps")
    author.person.entry("5.steps").focus()
    expect(author.row("5.steps").locator(".row-form")).to_be_visible()
    author.person.entry("5.steps").press("Enter")
    expect(author.row("5.steps").get_by_label("Name")).to_be_focused()
    author.person.type("5.steps", 12)
    author.row("5.steps").get_by_role("button", name="Use the value in the form").click()
    author.publish()
    assert settings_of(editable, "text-to-image")["fields"]["Sampler.steps"] == {
        "group": "advanced",
        "default": 12,
    }


def test_a_publication_can_be_taken_back(editable: Site, visit: Visit) -> None:
    """The notice says who sees the form. Undo publishes the form from before; after that, the
    editor's own Undo brings back the author's changes."""
    author = Author(visit(editable).open("upscale")).open()
    page, title = author.page, author.editor.get_by_label("Title", exact=True)
    before = title.input_value()
    for closes in (False, True):
        title.fill("Too early")
        author.publish()
        expect(page.locator("#undo")).to_contain_text("Everyone who uses this workflow")
        if closes:
            author.editor.get_by_role("button", name="Close", exact=True).click()
            expect(author.editor).to_have_count(0)
        page.locator("#undo button").click()
        expect(page.locator("#heading h1")).to_have_text(before)
        assert settings_of(editable, "upscale").get("title") != "Too early"
        if closes:
            return
        author.says("The published form is back. Undo restores your draft.")
        author.editor.get_by_role("button", name="Undo", exact=True).click()
        expect(title).to_have_value("Too early")


def test_the_editor_is_a_sheet_on_phones(editable: Site, visit: Visit) -> None:
    """Its preview shows the form, and the page doesn't scroll sideways."""
    phone = {"width": 390, "height": 844}
    author = Author(visit(editable, viewport=phone, has_touch=True).open("text-to-image")).open()
    page = author.page
    author.editor.get_by_label("Title", exact=True).fill("On the go")
    author.editor.get_by_role("button", name="Preview").tap()
    expect(page.locator("#heading h1")).to_be_in_viewport()
    expect(page.locator("#heading h1")).to_have_text("On the go")
    author.editor.get_by_role("button", name="Edit", exact=True).tap()
    author.publish()
    assert page.evaluate("document.documentElement.scrollWidth") <= phone["width"]


@pytest.mark.parametrize("shade", ["light", "dark"])
def test_the_editor_has_no_barriers(editable: Site, visit: Visit, shade: str) -> None:
    """Axe finds no serious barrier with all its parts open, and in its questions."""
    needs_axe()
    author = Author(visit(editable, color_scheme=shade).open("upscale")).open()
    author.unfold("4.image")
    for summary in author.editor.locator(".editor-body > .part > summary").all():
        if summary.is_visible():
            summary.click()
    assert violations(author.page, "#form-editor") == []
    author.editor.get_by_label("Title", exact=True).fill("Other")
    author.editor.get_by_role("button", name="Close", exact=True).click()
    assert violations(author.page, "#confirm") == []


def test_fields_are_dragged(editable: Site, visit: Visit) -> None:
    """A field can be dropped between others, and at the end of another group."""
    author = Author(visit(editable).open("text-to-image")).open()
    handle = author.row("5.steps").locator(".handle")
    handle.drag_to(author.row("2.text"), target_position={"x": 80, "y": 4})
    assert author.keys()[:2] == ["5.steps", "2.text"]
    expect(author.page.locator("#drop-zones")).to_have_count(0)
    handle.drag_to(author.editor.locator(".group").nth(1).get_by_role("heading"))
    expect(author.editor.locator(".group").nth(1).locator(".field-row").last).to_have_attribute(
        "data-key", "5.steps"
    )


def test_a_version_is_restored_once_it_is_published(editable: Site, visit: Visit) -> None:
    """The list says what changed. A version is loaded into the editor first, and Undo goes back."""
    author = Author(visit(editable).open("upscale")).open()
    page, title = author.page, author.editor.get_by_label("Title", exact=True)
    original = Path(editable.services.folder.path, "upscale.toml").read_bytes()
    title.fill("First")
    author.publish()
    author.choose("Versions…")
    expect(page.locator("#confirm li strong")).to_have_text(["Title: Upscale → First", "Original"])
    page.get_by_role("button", name="Restore the version of").click()
    author.says("Others see this version once you publish it.")
    expect(title).to_have_value("Upscale")
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    assert settings_of(editable, "upscale")["title"] == "First"
    author.editor.get_by_role("button", name="Undo", exact=True).click()
    expect(title).to_have_value("First")
    author.choose("Versions…")
    page.get_by_role("button", name="Restore the version of").click()
    author.publish()
    assert Path(editable.services.folder.path, "upscale.toml").read_bytes() == original
    with page.expect_download() as download:
        author.choose("Download .toml")
    assert download.value.path().read_bytes() == original


def test_reverting_a_form_asks_and_can_be_undone(editable: Site, visit: Visit) -> None:
    """A form that came with a file goes back to it, and others become automatic. Nothing changes
    for others before the author publishes it."""
    author = Author(visit(editable).open("upscale"))
    page = author.page
    for name, item, first in (
        ("upscale", "Revert to the original…", "Upscale"),
        ("text-to-image", "Revert to automatic…", ""),
    ):
        author.person.turn_to(name)
        author.open()
        title = author.editor.get_by_label("Title", exact=True)
        title.fill("Mine")
        author.publish()
        author.choose(item)
        page.get_by_role("button", name="Cancel").click()
        expect(title).to_have_value("Mine")
        author.choose(item)
        page.get_by_role("button", name="Revert", exact=True).click()
        expect(title).to_have_value(first)
        assert settings_of(editable, name)["title"] == "Mine"
        author.editor.get_by_role("button", name="Undo", exact=True).click()
        expect(title).to_have_value("Mine")
        author.editor.get_by_role("button", name="Close", exact=True).click()


def test_a_draft_is_discarded(editable: Site, visit: Visit) -> None:
    """The menu offers to discard a draft only while there is one. Another author continues with the
    draft, and Undo brings a discarded one back."""
    author = Author(visit(editable).open("upscale")).open()
    author.editor.get_by_role("button", name="More").click()
    expect(author.page.get_by_role("menuitem", name="Versions…")).to_be_visible()
    expect(author.page.get_by_role("menuitem", name="Discard draft")).to_be_hidden()
    author.page.keyboard.press("Escape")
    author.editor.get_by_label("Title", exact=True).fill("Nearly done")
    author.editor.get_by_role("button", name="Save draft").click()
    author.says("Draft saved")
    other = Author(visit(editable).open("upscale"))
    expect(other.page.locator("#heading h1")).to_have_text("Upscale")
    other.open()
    title = other.editor.get_by_label("Title", exact=True)
    expect(title).to_have_value("Nearly done")
    other.choose("Discard draft")
    other.says("The published form is back. Undo restores your draft.")
    expect(title).to_have_value("Upscale")
    other.editor.get_by_role("button", name="Undo", exact=True).click()
    expect(title).to_have_value("Nearly done")


def test_the_list_of_choices_is_narrowed(editable: Site, visit: Visit) -> None:
    """Only checked choices are offered."""
    author = Author(visit(editable).open("text-to-image")).open()
    sampler = author.unfold("5.sampler_name")
    sampler.locator("summary").click()
    sampler.get_by_role("button", name="None", exact=True).click()
    for at in (0, 2):
        sampler.locator(".choice-boxes").get_by_role("checkbox").nth(at).check()
    author.publish()
    saved = settings_of(editable, "text-to-image")["fields"]["Sampler.sampler_name"]
    assert len(saved["choices"]) == 2


def test_a_result_becomes_the_cover(editable: Site, visit: Visit) -> None:
    """The author uses the result on the stage. Other open pages follow the saved form."""
    author = Author(visit(editable).open("upscale"))
    other = visit(editable).open("upscale")
    author.person.generate()
    author.open()
    author.editor.get_by_text("Cover", exact=True).click()
    author.editor.get_by_role("button", name="Use the result on the stage").click()
    chosen = author.editor.locator(".cover[aria-pressed=true] img")
    expect(chosen).to_be_visible()
    assert chosen.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    author.editor.get_by_label("Title", exact=True).fill("Harbors")
    author.publish()
    cover = settings_of(editable, "upscale")["cover"]
    assert Path(editable.services.folder.path, cover).exists()
    expect(other.page.locator("#heading h1")).to_have_text("Harbors")
