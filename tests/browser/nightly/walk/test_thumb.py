"""Every control on a phone is large enough for a thumb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.browser.form.nightly.test_masks import stroke, tool
from tests.browser.form.nightly.test_shapes import BOX, CURVE, SHAPES
from tests.browser.nightly.walk.states import SIZES, Walker
from tests.browser.opening.nightly.test_choosing import lacking
from tests.browser.test_login import log_in
from tests.support.batch_dialog import vary, vary_row
from tests.support.brought import give
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit, Visitor
from ui.settings.web_settings import WebSettings

# By how much what a list shows reaches below its arrow.
BELOW_ARROWS = """lists => lists.map((list) => {
    const end = list.getBoundingClientRect().right - parseFloat(getComputedStyle(list).paddingRight);
    const arrow = list.closest(".wrap").getBoundingClientRect().right - 20; // 10 pixels, 10 from the edge
    return Math.max(0, end - arrow);
})"""


class Thumb(Walker):
    """User with a phone, and the controls that were too small for them."""

    def try_all(self, state: str) -> None:
        for one in self.page.evaluate("geometry.tooSmall()"):
            self.note(one, state)

    def unfold(self) -> None:
        for one in self.page.locator("#stage summary").all():
            if one.is_visible():
                one.click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)


@pytest.fixture
def thumb(site: Site, visit: Visit) -> Iterator[Thumb]:
    """Yield a visitor on a phone, and check at the end that no control was too small."""
    thumb = Thumb(visit(site, viewport=SIZES["phone"], has_touch=True, is_mobile=True))
    yield thumb
    thumb.all_well()


# Return how much wider a control is than its text.
BESIDE_WORDS = """(one) => {
    const range = document.createRange();
    range.selectNodeContents(one);
    return one.getBoundingClientRect().width - range.getBoundingClientRect().width;
}"""


def test_a_form_and_its_menus(thumb: Thumb) -> None:
    """All controls of an unfolded form with reset buttons and errors are large enough. This also
    holds for the list of workflows, the keys, the presets and a workflow that lacks something. No
    text of a list lies under its arrow."""
    person, page = thumb.person.open(**{"5.cfg": 3}), thumb.page
    person.unfold()
    person.type("2.text", "a boat")
    person.type("4.width", 7)
    expect(person.field("2.text").get_by_role("button", name="Reset")).to_be_visible()
    thumb.try_all("a form")
    lists = page.locator("#form input[role=combobox]")
    assert set(lists.evaluate_all(BELOW_ARROWS)) == {0}
    person.entry("5.sampler_name").click()
    expect(page.get_by_role("option").first).to_be_visible()
    thumb.try_all("a list")
    page.keyboard.press("Escape")
    person.press()
    expect(page.locator(".field-error").first).to_be_visible()
    thumb.try_all("an error")
    person.keep_preset("Night")
    thumb.try_all("presets")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Form actions").click()
    thumb.try_all("the form's menu")
    page.keyboard.press("Escape")
    thumb.button("Menu").click()
    page.locator("#demo summary").click()
    thumb.try_all("the menu")
    keys = page.locator(".colophon .keys")
    assert keys.evaluate(BESIDE_WORDS) < 1  # as between the footer's other words
    keys.click()
    expect(page.locator("#keys")).to_be_visible()
    thumb.try_all("the keys")
    page.keyboard.press("Escape")
    person.workflows().click()
    expect(page.locator("#picker [role=option]").first).to_be_visible()
    thumb.try_all("the list of workflows")
    page.keyboard.press("Escape")
    give(page, json.dumps(lacking()).encode(), "lacking.json")
    page.locator("#missing .missing > button").click()
    thumb.try_all("what is missing")
    page.keyboard.press("Escape")
    a_form_with_a_mask(thumb)


def a_form_with_a_mask(thumb: Thumb) -> None:
    """Check the mask tools, also in full screen, and the question before a run without a mask. Also
    check an empty field and several files for one field."""
    person, page = thumb.person.turn_to("inpaint"), thumb.page
    field = person.field("4.image")
    expect(field.locator(".sheet canvas")).not_to_have_attribute("width", "0")
    stroke(person, (0.3, 0.3), (0.6, 0.6))
    tool(person, "More").click()
    thumb.try_all("a mask")
    person.for_image("4.image", "Enlarge")
    thumb.try_all("a mask in full screen")
    page.keyboard.press("Escape")
    tool(person, "Clear").click()
    person.press()
    expect(thumb.button("Run anyway")).to_be_visible()
    thumb.try_all("nothing is masked")
    person.for_image("4.image", "Remove image")
    thumb.try_all("no image to paint over")
    person.turn_to("image-to-image")
    thumb.try_all("an image")
    several = vary_row(vary(person), "Your image")
    expect(several.get_by_role("button", name="Choose files")).to_be_visible()
    thumb.try_all("several images")
    page.keyboard.press("Escape")
    person.for_image("4.image", "Remove image")
    thumb.try_all("no image")


def test_other_fields(thumb: Thumb, tmp_path: Path) -> None:
    """The form has an image region, a curve, a color, switches and files, and enough fields for a
    search."""
    prompt: dict[str, Any] = {
        "1": {"class_type": "Shapes", "inputs": {"crop_region": BOX, "curve": CURVE}}
    }
    fields = {str(at): ("PrimitiveInt", 7) for at in range(20, 50)}
    fields |= {"2": ("PrimitiveString", "#ff8000"), "3": ("PrimitiveBoolean", True)}
    for node, (class_type, value) in fields.items():
        prompt[node] = {"class_type": class_type, "inputs": {"value": value}}
        prompt[f"1{node}"] = {"class_type": "PreviewAny", "inputs": {"source": [node, 0]}}
    prompt["4"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    prompt["5"] = {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}}
    (tmp_path / "fields.json").write_text(json.dumps(prompt))
    widgets = (("2.value", "color"), ("4.image", "video"))
    said = "".join(f'[fields."{key}"]\nwidget = "{widget}"\n' for key, widget in widgets)
    (tmp_path / "fields.toml").write_text(f'others = "auto"\n{said}')
    with (
        DemoServer(step_seconds=0, nodes={**NODES, "Shapes": SHAPES}) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        person = Visitor(thumb.page, Site(app.url, demo, app)).open("fields")
        # The author's image is no video.
        expect(person.field("4.image")).to_contain_text("This browser can't play this video.")
        thumb.try_all("other fields, and a note")
        person.unfold()
        thumb.try_all("other fields, unfolded")
        thumb.page.close()


def test_runs_and_results(thumb: Thumb) -> None:
    """Controls are large enough for a run and waiting runs, and for results with their actions,
    full screen and sharing. This also holds for a history whose results are selected, compared and
    deleted, and for a failed run."""
    person, page = thumb.person.open(**{"5.steps": 2, "2.text": "boats at sea"}), thumb.page
    person.generate()
    with person.site.demo.hold("progress"):
        person.press()
        for count in (1, 2):
            person.press()
            expect(person.waiting()).to_have_count(count)
        thumb.try_all("runs that wait")
        page.locator("#history .tile").first.click()
        expect(thumb.button("Back to the current run")).to_be_visible()
        thumb.try_all("a result beside a run")
    expect(page.locator("#history .tile")).to_have_count(4)
    page.locator("#stage .details summary").click()
    thumb.person.act("Favorite")
    expect(page.locator("#history li.favourite")).to_have_count(1)
    thumb.try_all("a result")
    thumb.person.act("Use in…")
    expect(page.get_by_role("menuitem").first).to_be_visible()
    thumb.try_all("where a result can be used")
    page.keyboard.press("Escape")
    thumb.person.act("Share…")
    thumb.try_all("what to share")
    thumb.button("Create link").click()
    expect(page.locator("#share").get_by_role("textbox")).to_be_visible()
    thumb.try_all("share")
    page.keyboard.press("Escape")
    thumb.button("Full screen").click()
    thumb.try_all("full screen")
    page.keyboard.press("Escape")
    thumb.person.find()
    thumb.button("Select").click()
    for at in (0, 1):
        page.locator("#history .tile").nth(at).click()
    thumb.try_all("selected results")
    bar = page.get_by_role("group", name="Selected results")
    bar.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog", name="Compare results")).to_be_visible()
    thumb.try_all("compared results")
    page.keyboard.press("Escape")
    bar.get_by_role("button", name="Delete").click()
    expect(page.locator("#undo")).not_to_be_empty()
    thumb.try_all("deleted results")
    page.get_by_role("button", name="Done", exact=True).click()
    a_run_that_failed(thumb)


def test_other_results(thumb: Thumb) -> None:
    """Controls are large enough for several results, unsaved results, a text, a sound, a video and
    the comparison with the original."""
    person, run = thumb.person, ""
    for kind in ("several", "mixed", "image-to-image", "animation"):
        (person.turn_to if run else person.open)(kind)
        thumb.try_all(f"the form of {kind}")
        person.press()
        run = person.ended(after=run)
        thumb.unfold()
        if kind == "image-to-image":
            thumb.button("Compare").click()
        thumb.try_all(kind)


def a_run_that_failed(thumb: Thumb) -> None:
    person = thumb.person
    person.unfold()
    person.type("7.filename_prefix", "../outside")
    person.press()
    expect(person.field("7.filename_prefix").locator(".field-error")).to_be_visible()
    person.page.locator("#tabs").get_by_role("button", name="Result").click()
    person.phase("failed")
    thumb.unfold()
    thumb.try_all("a run that failed")
    person.find()
    thumb.button("Show stopped and failed").click()
    expect(thumb.page.locator("#history .tile").first).to_be_visible()
    thumb.try_all("the history with runs that failed")


def test_signing_in(thumb: Thumb, site: Site) -> None:
    """All controls are large enough on the sign-in page, in the account menu, on a shared result
    and for an invalid link."""
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),))
    with running_app(site.demo.url, settings=settings) as app:
        page = thumb.page
        person = Visitor(page, Site(app.url, site.demo, app))
        page.goto(app.url)
        expect(thumb.button("Sign in")).to_be_visible()
        thumb.try_all("the login")
        log_in(page)
        person.ready()
        thumb.button("Menu").click()
        expect(thumb.button("Sign out")).to_be_visible()
        thumb.try_all("the account")
        person.open(**{"5.steps": 2}).generate()
        person.act("Share…")
        thumb.button("Create link").click()
        expect(page.locator("#share").get_by_role("textbox")).to_be_visible()
        link = page.locator("#share").get_by_role("textbox").input_value()
        page.goto(link)
        thumb.try_all("a shared result")
        page.goto(f"{app.url}/shared/none")
        thumb.try_all("a link that is none")
        thumb.person.forgive("404")
        page.close()
