"""The list of workflows: search, keys and touch, and the facts shown on each."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.opening.nightly.test_choosing import lacking
from tests.support.serving import WORKFLOWS, copy_workflow, running_app
from tests.support.visitor import Site, Visit, Visitor

MANY = 200
SHIPPED = sum(len([*WORKFLOWS.rglob(name)]) for name in ("*.json", "*.chain.toml"))
LONG = [f"portrait_relight_flux_dev_fp8_upscaled_twice_{light}" for light in ("hard", "soft")]
CUT_OFF = """all => all.map(
    (one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1)"""


def test_the_keys_of_the_list(fast: Site, visit: Visit) -> None:
    """Arrow keys mark the next and the previous row and announce it to screen readers. Recently
    used workflows come first, and the list opens with the open workflow marked. Typing finds a
    workflow."""
    person = visit(fast).open("upscale").turn_to("inpaint").turn_to("text-to-image")
    page = person.page
    person.workflows().focus()
    page.keyboard.press("Enter")
    recent = page.get_by_role("group", name="Recent").get_by_role("option")
    expect(recent.locator("strong")).to_have_text(["Text to image", "Inpaint", "Upscale"])
    marked = page.locator("#picker [role=option][aria-selected=true]")
    search = page.get_by_role("combobox", name="Search", exact=True)
    for key, title in (
        ("ArrowUp", "Text to image"),
        ("ArrowDown", "Inpaint"),
        ("ArrowDown", "Upscale"),
        ("ArrowDown", "Animation"),
        ("ArrowUp", "Upscale"),
    ):
        page.keyboard.press(key)
        expect(marked).to_have_text(re.compile(title))
        told = str(search.get_attribute("aria-activedescendant"))
        expect(page.locator(f"[id='{told}']")).to_have_text(re.compile(title))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    expect(page.locator("#stage .stage")).to_have_attribute("data-run", "")
    a_workflow_is_found_by_typing(person)


def a_workflow_is_found_by_typing(person: Visitor) -> None:
    """Check that Ctrl+K opens the list from anywhere. Words in any order find a title or a
    description, and Enter prefers a match in the title. The list says when nothing matches. Escape
    changes nothing: the list opens again with the open workflow marked, not the workflow searched
    for. An opened form shows from its top, wherever the page was scrolled to, and has the focus."""
    person.turn_to("image-to-image")
    page = person.page
    options = page.locator("#picker").get_by_role("option")
    person.entry("2.text").press("Control+k")
    search = page.get_by_role("combobox", name="Search", exact=True)
    expect(search).to_be_focused()
    expect(options).to_have_count(SHIPPED)
    # Its first letter is seen until there is an image, which may be translucent.
    covered = options.filter(has_text="Upscale").locator(".thumb")
    expect(covered.locator("img")).to_be_visible()
    expect(covered).to_be_empty()
    expect(options.and_(page.locator("[aria-current=true]"))).to_contain_text("Image to image")
    page.keyboard.type("xyz")
    expect(page.locator("#picker").get_by_text("No results.")).to_be_visible()
    expect(options).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(search).not_to_be_visible()
    expect(person.entry("2.text")).to_be_focused()
    expect(person.workflows()).to_contain_text("Image to image")
    marked = page.locator("#picker [role=option][aria-selected=true]")
    page.keyboard.press("Control+k")
    page.keyboard.type("up")
    expect(marked).to_contain_text("Upscale")
    page.keyboard.press("Control+a")
    page.keyboard.type("create")
    expect(options.first).to_contain_text("Create an image")
    expect(marked).to_contain_text("Create, enlarge")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1366, "height": 650})
    page.evaluate("scrollTo(0, 500)")
    assert page.evaluate("scrollY") >= 100
    page.keyboard.press("Control+k")
    expect(options).to_have_count(SHIPPED)
    expect(marked).to_contain_text("Image to image")
    page.keyboard.type("add ENLARGE")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#heading h1")).to_have_text("Upscale")
    expect(person.workflows()).to_contain_text("Upscale")
    expect(page).to_have_url(re.compile("workflow=upscale"))
    expect(page.locator("#heading h1")).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_workflows_that_cannot_run_are_marked(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The list marks workflows whose nodes the server lacks, as soon as the app knows. It also
    marks a file that is not a workflow. That file gets a sentence instead of a form and doesn't
    hide the other workflows. The list shows an image that the workflow has made."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    (folder / "lacking.json").write_text(json.dumps(lacking()))
    (folder / "broken.json").write_text("[]")
    with running_app(fast.demo.url, workflows=folder) as app:
        person = visit(Site(app.url, fast.demo, app)).open(**{"5.steps": 1})
        person.generate()
        person.workflows().click()
        options = person.page.locator("#picker").get_by_role("option")
        expect(options).to_have_count(SHIPPED + 2)
        notes = options.filter(has_text="Can't run here")
        expect(notes.locator("strong")).to_have_text(["Lacking", "broken"])
        made = options.filter(has_text="Text to image").locator("img")
        expect(made).to_have_js_property("complete", value=True)
        assert made.evaluate("one => one.naturalWidth") > 0
        options.filter(has_text="broken").click()
        expect(person.page.locator("#no-form")).not_to_be_empty()
        person.choose("Upscale")
        expect(person.page.locator("#heading h1")).to_have_text("Upscale")
        person.leave()


def test_many_workflows_on_a_phone(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """A folder of many workflows opens like any other. On a phone the list fills the window, with
    rows sized for a finger. Typing finds a workflow, a tap opens it, and Close closes the list.
    Long titles that differ at their ends stay distinct, in the list and above the form."""
    for name in (*(f"workflow-{number:03}" for number in range(MANY - 2)), *LONG):
        shutil.copy(WORKFLOWS / "text-to-image.json", tmp_path / f"{name}.json")
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        phone = {"width": 390, "height": 844}
        person = visit(
            Site(app.url, fast.demo, app), viewport=phone, has_touch=True, is_mobile=True
        )
        person.open("workflow-042")
        page = person.page
        expect(page.locator("#heading h1")).to_have_text("Workflow 042")
        person.workflows().tap()
        panel = page.get_by_role("dialog", name="Workflows")
        box = panel.bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (390, 844)
        options = panel.get_by_role("option")
        expect(options).to_have_count(MANY)
        heights = options.evaluate_all("all => all.map(one => one.offsetHeight)")
        assert min(heights) >= 40
        panel.get_by_role("button", name="Close").tap()
        expect(panel).not_to_be_visible()
        person.workflows().tap()
        page.keyboard.type("177")
        expect(options).to_have_count(1)
        options.tap()
        expect(page.locator("#heading h1")).to_have_text("Workflow 177")
        expect(person.workflows()).to_contain_text("Workflow 177")
        person.workflows().tap()
        page.keyboard.type("relight")
        assert options.locator("strong").evaluate_all(CUT_OFF) == [False, False]
        options.last.tap()
        title = person.workflows().locator(".title")
        expect(person.workflows()).to_have_attribute("title", re.compile("twice soft$"))
        assert title.evaluate_all(CUT_OFF) == [True]
        inner, outer = title.bounding_box(), person.workflows().bounding_box()
        assert inner
        assert outer
        assert inner["x"] + inner["width"] < outer["x"] + outer["width"]
        person.leave()


def test_sub_folders_are_groups(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """The list shows a subfolder's workflow with its cover under the folder's name, after the
    workflows of the main folder. The user can find it by that name. It has an address, runs, and
    accepts results of other workflows."""
    below = tmp_path / "portraits" / "soft_light"
    below.mkdir(parents=True)
    for name, place in (("text-to-image", tmp_path), ("image-to-image", below)):
        copy_workflow(name, place)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        site = Site(app.url, fast.demo, app)
        person = visit(site).open(**{"5.steps": 1})
        person.generate()
        person.use_in("Image to image")
        expect(person.page).to_have_url(re.compile("workflow=portraits%2Fsoft_light%2Fimage-to-"))
        expect(person.page.locator("#heading h1")).to_have_text("Image to image")
        expect(person.field("4.image").locator("img").first).to_be_visible()
        run_id = person.generate()
        assert site.run(run_id).job.workflow == "portraits/soft_light/image-to-image"
        person.workflows().click()
        headings = person.page.locator("#picker .list h2:visible")
        expect(headings).to_have_text(["Recent"])
        person.page.evaluate("localStorage.clear()")
        person.page.keyboard.press("Escape")
        person.workflows().click()
        expect(headings).to_have_text(["Shared workflows", "Portraits / Soft light"])
        person.page.keyboard.type("soft light")
        row = person.page.locator("#picker").get_by_role("option")
        expect(row).to_have_count(1)
        expect(row.locator("img")).to_have_attribute("src", re.compile("covers/.*image-to-image"))
        row.locator("img").evaluate("image => image.decode()")
        person.page.keyboard.press("Escape")
        person.leave()


def test_each_form_can_have_a_browser_tab(fast: Site, visit: Visit) -> None:
    """Ctrl+click opens a workflow in a new tab, and the first tab stays as it is. Each tab keeps its
    own values after a reload."""
    person = visit(fast).open("text-to-image")
    person.entry("2.text").fill("a lighthouse")
    person.workflows().click()
    row = person.page.locator("#picker").get_by_role("option", name="Upscale")
    with person.page.context.expect_page() as opened:
        row.click(modifiers=["Control"])
    other = opened.value
    expect(other.locator("#heading h1")).to_have_text("Upscale")
    person.page.keyboard.press("Escape")
    person.page.reload()
    expect(person.page.locator("#heading h1")).to_have_text("Text to image")
    expect(person.entry("2.text")).to_have_value("a lighthouse")
    other.reload()
    expect(other.locator("#heading h1")).to_have_text("Upscale")
    other.close()
