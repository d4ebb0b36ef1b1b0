"""Results on their way into forms: chosen from a menu, or dragged onto a field."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form.test_images import coloured_image, received, shown
from tests.support.history_tiles import button, choose
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
WIDTH = "width => document.querySelector('#field-4-image img')?.naturalWidth === width"


def make_chain(person: Visitor, title: str) -> None:
    """Make a chain of what is seen and what it was made from, and wait for its form."""
    before = person.page.get_by_role("region", name="Made from")
    before.get_by_role("button", name="Make this a chain…").click()
    asked = person.page.get_by_role("dialog", name="Make this a chain")
    expect(asked.get_by_label("Title of the chain")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(asked.locator(".field-error")).to_have_text("A chain needs a title.")
    expect(asked.get_by_label("Title of the chain")).to_be_focused()
    person.page.keyboard.type(title)
    expect(asked.locator(".field-error")).to_be_hidden()
    person.page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    expect(person.page.locator("#heading h1")).to_have_text(title)


def test_a_result_goes_to_another_workflow_in_two_clicks(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """“Use in…” lists the workflows that take such a result; one opens with it in its field, and
    with what was typed there before. What comes of it leads back, and from there to it again; both
    become a chain, for those who may add some, whose form has the person's own photo. It goes again,
    also when it lacks a workflow; no title is asked for where one cannot be made."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(coloured_image())
    folder = Path(shutil.copytree(WORKFLOWS, tmp_path / "workflows"))
    with running_app(fast.demo.url, workflows=folder, may_keep=True) as app:
        site = Site(app.url, fast.demo, app)
        person = visit(site).open("upscale")
        shown(person)
        person.unfold()
        person.type("9.filename_prefix", "large")
        person.turn_to("image-to-image")
        shown(person)
        person.field("4.image").locator("input[type=file]").set_input_files(photo)
        person.page.wait_for_function(WIDTH, arg=96)
        for key, value in {"8.steps": 1, "5.width": 320, "5.height": 256}.items():
            person.type(key, value)
        person.generate()
        menu = person.page.get_by_role("menu")
        person.page.locator("#stage .actions").get_by_role("button", name="Use in…").click()
        offered = [
            "Your image",
            "Describe an image",
            "Frames to animation",
            "Inpaint",
            "Upscale",
        ]
        expect(menu.get_by_role("menuitem")).to_have_text(offered)
        expect(menu.get_by_role("menuitem").first).to_be_focused()
        person.page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        person.page.keyboard.press("Enter")
        expect(menu.get_by_role("menuitem")).to_have_text(offered)
        person.page.keyboard.type("ups")
        expect(menu.get_by_role("menuitem", name="Upscale")).to_be_focused()
        person.page.keyboard.press("Enter")
        person.page.wait_for_function(WIDTH, arg=320)
        assert "workflow=upscale" in person.page.url
        expect(person.entry("9.filename_prefix")).to_have_value("large")
        first = person.page.locator("#stage .stage").get_attribute("data-run")
        upscaled = person.generate()
        shown_run = person.page.locator("#stage .stage")
        person.page.get_by_role("region", name="Made from").locator(".tile").click()
        expect(shown_run).to_have_attribute("data-run", first or "")
        expect(person.page.get_by_role("region", name="Made from")).to_have_count(0)
        person.page.get_by_role("region", name="Used for").get_by_role("button").click()
        expect(shown_run).to_have_attribute("data-run", upscaled)
        assert received(site, person.generate()).size == (320, 256)
        person.page.locator("#stage .media img").click()
        person.page.locator("#stage .viewport .use").click()
        expect(menu.get_by_text("This form")).to_be_visible()
        menu.get_by_role("menuitem", name="Inpaint").click()
        expect(person.page.locator(".sheet canvas")).to_have_attribute("width", "640")
        expect(person.page.get_by_role("button", name="Leave full screen")).to_have_count(0)
        make_chain(person, "Boats, enlarged")
        expect(person.page.get_by_text("The image comes from “Image to image”.")).to_be_visible()
        of_step = "#field-image-to-image-4-image"
        person.page.wait_for_function(WIDTH.replace("#field-4-image", of_step), arg=96)
        lacks_a_step_and_is_removed(person, folder, "Boats, enlarged")
        person.forgive("/chain")  # it is refused
        tile = person.page.locator(f'#history .tile[data-run="{upscaled}"]')
        person.turn_to("upscale")
        tile.click()
        person.page.get_by_role("button", name="Make this a chain…").click()
        refused = person.page.locator("#stage .objection")
        expect(refused).to_contain_text("“Image to image” isn't one.")
        expect(refused.get_by_role("button", name="Try again")).to_have_count(0)
        expect(person.page.get_by_role("dialog")).to_have_count(0)
        what_a_removed_workflow_made(person, first or "")
        person.leave()


def lacks_a_step_and_is_removed(person: Visitor, folder: Path, title: str) -> None:
    """A chain whose step's workflow is gone says so below its title, and goes by *Remove…*. Nobody
    is led to it: not by the app's address, though it was the last that was used."""
    broken = person.page.url
    for file in folder.glob("image-to-image.*"):
        file.unlink()
    heading = person.page.locator("#heading h1")
    person.page.goto(person.site.url)
    expect(heading).to_have_text("Text to image")
    person.page.goto(broken)
    expect(heading).to_have_text(title)
    expect(person.page.locator("#no-form")).to_contain_text(
        "Step “image-to-image” needs the workflow “image-to-image”, which isn't here."
    )
    person.page.locator("#added-here").get_by_role("button", name="Remove…").click()
    asked = person.page.get_by_role("dialog", name=f"Remove “{title}” for everybody?")
    asked.get_by_role("button", name="Remove").click()
    expect(heading).to_have_text("Text to image")
    assert not list(folder.glob("Boats*"))


def what_a_removed_workflow_made(person: Visitor, run_id: str) -> None:
    """It still says below the image what it was made with, to be copied, and can be run again;
    settings that no form takes are not offered."""
    person.page.get_by_label("History of").select_option("All workflows")
    choose(person, run_id)
    job = person.site.run(run_id).job
    caption = person.page.locator("#stage .made-from .copy")
    expect(caption).to_have_text(
        [
            "320 \N{MULTIPLICATION SIGN} 256",
            f"Seed {job.values['8.seed']}",
            "demo-landscapes",
            str(job.values["2.text"]),
        ]
    )
    caption.last.click()
    expect(caption.last).to_have_class(re.compile("done"))
    expect(caption.last).to_have_attribute("title", f"Copy: {job.values['2.text']}")
    expect(button(person, "Run again")).to_be_visible()
    expect(button(person, "Reuse settings")).to_have_count(0)
    expect(button(person, "Vary")).to_have_count(0)
