"""Results on their way into forms: chosen from a menu, or dragged onto a field."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.form.test_images import received, shown
from tests.browser.stage.test_results import SOUND, prompt_with
from tests.browser.stage.test_use_in import WIDTH, Visit
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visitor

PLAYS = """() => {
    const video = document.querySelector("#field-20-image video");
    return video?.src.endsWith(".mp4") && video.checkVisibility() && video.videoWidth === 256;
}"""


def drag_newest(person: Visitor, field: Locator) -> None:
    """Drag the newest of the history onto a field."""
    drag(person.page.locator("#history .tile").first, field)


def drag(tile: Locator, field: Locator) -> None:
    """Drag a tile onto a field. The drag begins before the page is scrolled: a browser takes what is
    below the pointer when that begins to move."""
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
    """From the stage, from the history or from what a result was made from, it takes the place of the
    file there."""
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
    """What is dragged onto a field for something else is refused there, in a sentence, and what the
    field has stays. A video is taken by a field for videos, where it can be played."""
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
        card.locator(".name").drag_to(field)
        expect(field.locator(".field-error")).to_contain_text(
            "This field takes an image. This result is audio."
        )
        assert field.locator("img").get_attribute("src") == before
        run = person.ended()
        person.turn_to("video")
        person.turn_to("sound")
        shown(person, "20.image")
        drag_newest(person, field)
        expect(field.locator(".field-error")).to_contain_text("This field takes an image.")
        assert field.locator("img").get_attribute("src") == before
        person.turn_to("video").press()
        person.done(after=run)
        drag_newest(person, field)
        person.page.wait_for_function(PLAYS)
        person.leave()


def test_a_text_goes_into_a_field_or_another_workflow(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """“Use in…” beside a text puts it into a text field of the form, where Ctrl+Z takes it back, or
    opens another workflow with it; what was typed there before comes back by ↑."""
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
    for ending in ("json", "toml"):
        shutil.copy(WORKFLOWS / f"text-to-image.{ending}", tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open()
        person.type("2.text", "typed before")
        person.turn_to("words").press()
        person.phase("done")
        opens = person.page.locator("#stage .media .text").get_by_role("button", name="Use in…")
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


def test_what_is_made_with_a_text_leads_back_to_its_run(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """“Use in…” of a text, also after a reload, as long as the text stays as it was; then it leads
    there from the run, as from one with an image, and back again."""
    words = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a {boat}, at night"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (tmp_path / "words.json").write_text(json.dumps(words))
    for ending in ("json", "toml"):
        shutil.copy(WORKFLOWS / f"text-to-image.{ending}", tmp_path)
    with running_app(fast.demo.url, workflows=tmp_path) as app:
        person = visit(Site(app.url, fast.demo, app)).open("words")
        person.press()
        first = person.ended()
        text = person.page.locator("#stage .media .text")
        text.get_by_role("button", name="Use in…").click()
        person.page.get_by_role("menuitem", name="Text to image").click()
        box = person.entry("2.text")
        expect(box).to_have_value(r"a \{boat\}, at night")
        person.page.reload()
        expect(box).to_have_value(r"a \{boat\}, at night")
        person.press()
        second = person.done(after=first)
        before = person.page.get_by_role("region", name="Made from")
        expect(before.locator(".tile")).to_have_count(1)
        before.locator(".tile").click()
        expect(text.get_by_role("textbox")).to_have_value("a {boat}, at night")
        expect(person.page.get_by_role("region", name="Used for").locator(".tile")).to_have_count(1)
        person.type("2.text", "a boat, at night")
        person.press()
        person.done(after=second)
        expect(before).to_have_count(0)
        person.leave()


def write_video_workflow(tmp_path: Path) -> None:
    """One that makes a video, with a field for one."""
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
