"""Using results in forms, from a menu or by dragging them onto a field."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.form.test_images import coloured_image, received, shown
from tests.browser.stage.test_results import SOUND, prompt_with
from tests.support.brought import of_badge
from tests.support.history_tiles import button, choose
from tests.support.serving import WORKFLOWS, copy_workflow, running_app
from tests.support.visitor import Site, Visit, Visitor

WIDTH = "width => document.querySelector('#field-4-image img')?.naturalWidth === width"
SMALL = {"8.steps": 1, "5.width": 320, "5.height": 256}
TITLE = "Boats, enlarged"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the app's workflows, which a test may change."""
    return Path(shutil.copytree(WORKFLOWS, tmp_path / "workflows"))


@pytest.fixture
def person(fast: Site, visit: Visit, folder: Path) -> Iterator[Visitor]:
    """Yield a user with the form that enlarges images, who may add workflows."""
    with running_app(fast.demo.url, workflows=folder, may_keep=True) as app:
        person = visit(Site(app.url, fast.demo, app)).open("upscale")
        shown(person)
        yield person
        person.leave()


def post(person: Visitor, path: str, **body: object) -> dict[str, Any]:
    """Send a request to the API as this user, and return the answer."""
    answer = person.page.request.post(f"{person.site.url}/api/v1/{path}", data=body)
    assert answer.ok, answer.text()
    return dict(answer.json())


def painted(person: Visitor) -> str:
    """Make an image from a photo of the user's own, 96 pixels wide. Return its run's id."""
    photo = {"base64": base64.b64encode(coloured_image()).decode(), "name": "photo.png"}
    values = {**SMALL, "4.image": photo}
    return str(post(person, "workflows/image-to-image/runs?wait=true", values=values)["id"])


def enlarged(person: Visitor, first: str) -> str:
    """Enlarge the result of a run. Return the new run's id once its image is on the stage."""
    values = {"4.image": {"run": first, "file": 0}}
    run_id = str(post(person, "workflows/upscale/runs?wait=true", values=values)["id"])
    choose(person, run_id)
    return run_id


def removes_image_to_image(folder: Path) -> None:
    for file in folder.glob("image-to-image[.-]*"):  # with its pictures
        file.unlink()


def test_a_result_goes_to_another_workflow_in_two_clicks(person: Visitor) -> None:
    """“Use in…” lists the workflows that take a result of this type, also for the keyboard. The
    chosen workflow opens with the result in its field and with the values typed there before."""
    person.unfold()
    person.type("9.filename_prefix", "large")
    person.turn_to("image-to-image")
    shown(person)
    for key, value in SMALL.items():
        person.type(key, value)
    first = person.generate()
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
    upscaled = person.generate()
    assert received(person.site, upscaled).size == (320, 256)
    results_link_to_each_other(person, first, upscaled)
    assert received(person.site, person.generate()).size == (320, 256)


def results_link_to_each_other(person: Visitor, first: str, upscaled: str) -> None:
    """Check that the new result links back to the first one, and the first one to the new one."""
    shown_run = person.page.locator("#stage .stage")
    person.page.get_by_role("region", name="Made from").locator(".tile").click()
    expect(shown_run).to_have_attribute("data-run", first)
    expect(person.page.get_by_role("region", name="Made from")).to_have_count(0)
    person.page.get_by_role("region", name="Used for").get_by_role("button").click()
    expect(shown_run).to_have_attribute("data-run", upscaled)


def test_a_result_brings_its_prompt(person: Visitor) -> None:
    """It replaces the author's text and the prompt of an earlier result, but not the user's own
    text. “Undo” restores the text before."""
    text = person.entry("2.text")
    expect(text).to_have_value("sharp, finely detailed")
    for words in ("a red boat", "a blue boat"):
        person.turn_to("image-to-image").type("2.text", words)
        shown(person)
        for key, value in SMALL.items():
            person.type(key, value)
        person.generate()
        person.use_in("Upscale")
        person.page.wait_for_function(WIDTH, arg=320)
        expect(text).to_have_value(words)
    person.page.locator("#replaced").get_by_role("button", name="Undo").click()
    expect(text).to_have_value("a red boat")
    person.type("2.text", "my own words")
    person.turn_to("image-to-image").generate()
    person.use_in("Upscale")
    person.page.wait_for_function(WIDTH, arg=320)
    expect(text).to_have_value("my own words")


def test_a_result_in_full_screen_is_used_elsewhere(person: Visitor) -> None:
    """The other workflow opens with the result, and full screen ends."""
    enlarged(person, painted(person))
    person.page.locator("#stage .media img").click()
    large = person.page.locator("#stage .viewport:modal")
    large.get_by_role("button", name="Use in…").click()
    menu = person.page.get_by_role("menu")
    expect(menu.get_by_text("This form")).to_be_visible()
    menu.get_by_role("menuitem", name="Inpaint").click()
    expect(person.page.locator(".sheet canvas")).to_have_attribute("width", "640")
    expect(person.page.get_by_role("button", name="Exit full screen")).to_have_count(0)


def test_two_runs_become_a_chain(person: Visitor) -> None:
    """The chain needs a title. Its form has the user's own photo, and says which step's result the
    second step gets."""
    enlarged(person, painted(person))
    before = person.page.get_by_role("region", name="Made from")
    before.get_by_role("button", name="Create chain…").click()
    asked = person.page.get_by_role("dialog", name="Create chain")
    expect(asked.get_by_label("Chain title")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(asked.locator(".field-error")).to_have_text("A chain needs a title.")
    expect(asked.get_by_label("Chain title")).to_be_focused()
    person.page.keyboard.type(TITLE)
    expect(asked.locator(".field-error")).to_be_hidden()
    person.page.keyboard.press("Enter")
    expect(asked).to_be_hidden()
    expect(person.page.locator("#heading h1")).to_have_text(TITLE)
    expect(person.page.get_by_text("Uses the result of “Image to image”.")).to_be_visible()
    of_step = "#field-image-to-image-4-image"
    person.page.wait_for_function(WIDTH.replace("#field-4-image", of_step), arg=96)


def test_a_chain_that_lost_a_workflow_is_removed(person: Visitor, folder: Path) -> None:
    """The chain names the missing workflow below its title, and “Remove…” removes it. The app's
    address doesn't open it, although the user opened it last."""
    run_id = enlarged(person, painted(person))
    chain = post(person, f"runs/{run_id}/chain", title=TITLE)["name"]
    assert list(folder.glob("Boats*"))
    heading = person.page.locator("#heading h1")
    person.open(chain)
    broken = person.page.url
    removes_image_to_image(folder)
    person.page.goto(person.site.url)
    expect(heading).to_have_text("Text to image")
    person.page.goto(broken)
    expect(heading).to_have_text(TITLE)
    expect(person.page.locator("#no-form")).to_contain_text(
        "Step “image-to-image” needs the workflow “image-to-image”, which isn't here."
    )
    of_badge(person.page, "Remove…").click()
    asked = person.page.get_by_role("dialog", name=f"Remove “{TITLE}” for everyone?")
    asked.get_by_role("button", name="Remove").click()
    expect(heading).to_have_text("Text to image")
    assert not list(folder.glob("Boats*"))


def test_a_removed_workflow_makes_no_chain(person: Visitor, folder: Path) -> None:
    """The stage says why, and the app asks for no title."""
    enlarged(person, painted(person))
    removes_image_to_image(folder)
    person.forgive("/chain")  # it is refused
    person.page.get_by_role("button", name="Create chain…").click()
    refused = person.page.locator("#stage .objection")
    expect(refused).to_contain_text("“Image to image” isn't shared.")
    expect(refused.get_by_role("button", name="Try again")).to_have_count(0)
    expect(person.page.locator("dialog:modal")).to_have_count(0)


def test_a_removed_workflow_s_result_has_its_settings(person: Visitor, folder: Path) -> None:
    """They stand below the image, and the run can run again. The app doesn't offer
    settings that no form takes."""
    run_id = painted(person)
    removes_image_to_image(folder)
    person.open("upscale")  # a page reads a run only once
    person.find()
    person.page.get_by_role("combobox", name="Workflow", exact=True).select_option("All workflows")
    choose(person, run_id)
    job = person.site.run(run_id).job
    caption = person.page.locator("#stage .made-from .fact")
    expect(caption).to_have_text(
        [
            str(job.values["2.text"]),
            "320 \N{MULTIPLICATION SIGN} 256",
            "demo-landscapes",
            f"Seed {job.values['8.seed']}",
        ]
    )
    expect(caption.first).to_have_attribute("title", str(job.values["2.text"]))
    actions = person.page.locator("#stage .actions")
    expect(actions.get_by_role("button", name="Reuse settings")).to_have_count(0)
    expect(button(person, "Vary")).to_have_count(0)
    actions.get_by_role("button", name="More").click()
    expect(person.page.get_by_role("menuitem", name="Run again")).to_be_visible()


PLAYS = """() => {
    const video = document.querySelector("#field-20-image video");
    return video?.src.endsWith(".mp4") && video.checkVisibility() && video.videoWidth === 256;
}"""


def drag_newest(person: Visitor, field: Locator) -> None:
    """Drag the newest result in the history onto a field."""
    drag(person.page.locator("#history .tile").first, field)


def drag(tile: Locator, field: Locator) -> None:
    """Drag a tile onto a field. The drag starts before the page scrolls, because a browser takes
    the element below the pointer at the first move."""
    mouse = tile.page.mouse
    tile.hover()
    box = tile.bounding_box()
    assert box is not None
    mouse.down()
    mouse.move(box["x"] + 20, box["y"] + 20, steps=5)
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=5)
    mouse.up()


def test_a_result_is_dragged_onto_a_field(fast: Site, visit: Visit) -> None:
    """The user can drag a result from the stage, from the history or from “Made from”. It replaces
    the file in the field."""
    person = visit(fast).open("image-to-image", **{"8.steps": 1, "5.width": 320, "5.height": 256})
    shown(person)
    person.generate()
    field = person.field("4.image")
    person.page.locator("#stage .media img").drag_to(field)
    person.page.wait_for_function(WIDTH, arg=320)
    person.type("5.width", 384)
    assert received(fast, person.generate()).size == (320, 256)
    tiles = person.page.locator("#history .tile")
    expect(tiles).to_have_count(2)
    tiles.first.hover()
    person.page.mouse.down()
    tiles.last.hover()  # it is being dragged before the page is scrolled to the field
    field.hover()
    person.page.mouse.up()
    person.page.wait_for_function(WIDTH, arg=384)
    drag(person.page.get_by_role("region", name="Made from").locator(".tile"), field)
    person.page.wait_for_function(WIDTH, arg=320)


def test_a_result_that_does_not_fit_leaves_the_field(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """A field refuses a dragged result of another type, says why in a sentence and keeps its value.
    A field for videos takes a video and can play it."""
    nodes = {
        "20": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
        "21": {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}},
    }
    (tmp_path / "sound.json").write_text(prompt_with(**nodes, **SOUND))
    (tmp_path / "sound.toml").write_text(
        'outputs = ["24"]\n[fields."20.image"]\nlabel = "Your photo"\n'
    )
    write_video_workflow(tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("sound")
        shown(person, "20.image")
        person.press()
        card = person.page.locator("#stage .media .card")
        expect(card).to_be_visible()
        field = person.field("20.image")
        before = field.locator("img").get_attribute("src")
        card.locator(".note").drag_to(field)
        expect(field.locator(".field-error")).to_contain_text("Choose an image file")
        assert field.locator("img").get_attribute("src") == before
        run = person.ended()
        person.turn_to("video")
        person.turn_to("sound")
        shown(person, "20.image")
        drag_newest(person, field)
        expect(field.locator(".field-error")).to_contain_text("Choose an image file")
        assert field.locator("img").get_attribute("src") == before
        person.turn_to("video").press()
        person.done(after=run)
        drag_newest(person, field)
        person.page.wait_for_function(PLAYS)
        person.leave()


def test_a_text_goes_into_a_field_or_another_workflow(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """“Use in…” beside a text puts the text into a text field of the form, where Ctrl+Z undoes it.
    It can also open another workflow with the text. There, ↑ restores the text that the user typed
    before."""
    words = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a {boat} at night"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    loads = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    for name, prompt in (("words", words), ("loads", loads)):
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    copy_workflow("text-to-image", tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open()
        person.type("2.text", "typed before")
        person.turn_to("words").press()
        person.phase("done")
        opens = person.page.locator("#stage .actions").get_by_role("button", name="Use in…")
        choices = person.page.get_by_role("menuitem")
        person.type("1.value", "something else")
        opens.click()
        expect(choices).to_have_text(["Source", "Text to image"])
        choices.first.click()
        expect(person.entry("1.value")).to_have_value("a {boat} at night")
        expect(person.entry("1.value")).to_be_focused()
        person.page.keyboard.press("Control+z")
        expect(person.entry("1.value")).to_have_value("something else")
        opens.click()
        choices.filter(has_text="Text to image").click()
        box = person.entry("2.text")
        expect(box).to_have_value(r"a \{boat\} at night")  # nothing is drawn of it
        box.focus()
        box.press("Home")
        box.press("ArrowUp")
        expect(box).to_have_value("typed before")
        person.leave()


def test_a_result_made_from_a_text_links_to_its_run(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """After “Use in…” with a text, the new run links to the text's run and back, as it would for an
    image. The link survives a reload, but only as long as the text is unchanged."""
    words = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a {boat}, at night"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (tmp_path / "words.json").write_text(json.dumps(words))
    copy_workflow("text-to-image", tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("words")
        person.press()
        first = person.ended()
        text = person.page.locator("#stage .media .result-text")
        person.use_in("Text to image")
        box = person.entry("2.text")
        expect(box).to_have_value(r"a \{boat\}, at night")
        person.page.reload()
        expect(box).to_have_value(r"a \{boat\}, at night")
        person.press()
        second = person.done(after=first)
        before = person.page.get_by_role("region", name="Made from")
        expect(before.locator(".tile")).to_have_count(1)
        before.locator(".tile").click()
        expect(text).to_have_text("a {boat}, at night")
        expect(person.page.get_by_role("region", name="Used for").locator(".tile")).to_have_count(1)
        person.type("2.text", "a boat, at night")
        person.press()
        person.done(after=second)
        expect(before).to_have_count(0)
        person.leave()


def write_video_workflow(tmp_path: Path) -> None:
    """Write a workflow that makes a video and has a field for a video."""
    prompt = json.loads((WORKFLOWS / "animation.json").read_text())
    del prompt["9"]  # the animated image
    prompt["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    prompt["4"]["inputs"] |= {"width": 256, "height": 256}
    prompt["5"]["inputs"]["steps"] = prompt["7"]["inputs"]["steps"] = 1
    prompt["6"]["inputs"]["amount"] = 3
    prompt["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    prompt["21"] = {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}}
    (tmp_path / "video.json").write_text(json.dumps(prompt))
    (tmp_path / "video.toml").write_text(
        'outputs = ["11"]\n[fields."20.image"]\nlabel = "Your clip"\nwidget = "video"\n'
    )
