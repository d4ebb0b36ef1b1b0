"""The stage before the first run: an example, ideas to try, and the reason if nothing can run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

from comfy.library.permissions import Permissions
from tests.browser.form.nightly.test_masks import PAINTED, sent_mask
from tests.browser.form.test_images import coloured_image, received
from tests.browser.opening.nightly.test_choosing import lacking
from tests.support.brought import give, own_prompt
from tests.support.history_tiles import ONE
from tests.support.samples.media import MEDIA
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor

# Height of everything above the history.
HEIGHT = "document.querySelector('#stage .stage').offsetHeight"


def whole_image(site: Site, run: str) -> re.Pattern[str]:
    """Return the address of a run's result itself, not of its small thumbnail."""
    return re.compile(rf"{site.url}/files/{run}/0/.+\.png$")


def test_an_example_and_ideas_to_try(fast: Site, visit: Visit) -> None:
    """The stage shows the author's cover. An idea goes into the prompt without starting a run, and
    Ctrl+Z undoes it. Ctrl+Enter on an idea moves the focus to Generate. The user's results then replace the cover and the ideas, in another tab, too.
    There, the history below doesn't move when the user makes more. Nothing suggests generating if
    the workflow can't run."""
    person = visit(fast).open(**ONE)
    nothing_invites_to_make_what_cannot_run(person)
    empty = person.page.locator("#stage .empty")
    expect(empty.locator(".example > img")).to_have_js_property("naturalWidth", value=512)
    shown, box = (one.bounding_box() for one in (empty.locator(".example"), empty))
    assert shown
    assert box
    assert shown["height"] > 0.9 * box["height"], "the picture takes the stage's height"
    ideas = person.page.get_by_role("group", name="Ideas to try").get_by_role("button")
    expect(ideas).to_have_count(3)
    are_below_the_picture(person)
    before = person.entry("2.text").input_value()
    idea = ideas.nth(1).inner_text()
    ideas.nth(1).click()
    expect(person.entry("2.text")).to_have_value(idea)
    expect(person.entry("2.text")).to_be_focused()
    person.page.keyboard.press("Control+z")
    expect(person.entry("2.text")).to_have_value(before)
    ideas.nth(1).click()
    assert fast.unfinished() == []
    ideas.nth(1).focus()
    person.press_keys()
    run = person.done()
    expect(person.page.locator("#generate")).to_be_focused()
    expect(empty).not_to_be_visible()
    assert fast.prompt_of(run)["2"]["inputs"]["text"] == idea
    later = person.another_tab()
    own = later.page.locator("#stage .media > img")
    expect(own).to_have_attribute("src", whole_image(fast, run))
    actions = later.page.locator("#stage .actions")
    expect(actions.get_by_role("link", name="Download", exact=True)).to_be_visible()
    before = later.page.evaluate(HEIGHT)
    later.generate()
    assert later.page.evaluate(HEIGHT) == before


def are_below_the_picture(person: Visitor) -> None:
    """Check that each idea has its whole text, below the picture and within the stage and the
    window."""
    page = person.page
    before = page.viewport_size
    assert before
    for width, height in ((1440, 900), (1366, 650)):
        page.set_viewport_size({"width": width, "height": height})
        picture = page.locator("#stage .example").bounding_box()
        stage = page.locator("#stage .stage").bounding_box()
        assert picture
        assert stage
        for idea in page.locator("#stage .idea").all():
            text = idea.locator("span")
            assert text.evaluate("text => text.scrollWidth <= text.clientWidth")
            assert text.evaluate("text => text.scrollHeight <= text.clientHeight + 1")
            box = idea.bounding_box()
            assert box
            assert stage["x"] <= box["x"]
            assert box["x"] + box["width"] <= stage["x"] + stage["width"] + 1
            assert picture["y"] + picture["height"] <= box["y"]
            assert box["y"] + box["height"] <= height
    page.set_viewport_size(before)


def nothing_invites_to_make_what_cannot_run(person: Visitor) -> None:
    """Check that the stage says why the workflow can't run, and opens the list of missing parts.
    Its card is the first below the title. It suggests none of the demo server's models, although one of
    them is there to fail. A workflow that can run and has no example says only once where the
    result will appear."""
    missing = lacking()
    missing["1"]["inputs"]["ckpt_name"] = "epic-broken-demo.safetensors"
    give(person.page, json.dumps(missing).encode(), "lacking.json")
    headline = person.page.locator("#stage .headline")
    expect(person.page.locator("#why-off")).to_be_hidden()
    expect(headline).to_be_empty()
    empty = person.page.locator("#stage .empty")
    expect(empty).to_be_visible()
    expect(empty.locator(".state-card strong")).to_have_text(
        "Can't run here: 1 node and 2 models are missing."
    )
    expect(person.page.get_by_text("Ideas to try")).not_to_be_visible()
    card = person.page.locator("#missing")
    expect(person.page.locator(".notice").first).to_have_id("missing")
    empty.get_by_role("button", name="See what's missing").click()
    expect(card).to_contain_text("epic-broken-demo.safetensors")
    expect(card).not_to_contain_text("similar here: demo")
    person.page.keyboard.press("Escape")
    person.turn_to("steps/describe-image")
    expect(empty.locator(".given strong")).to_have_text(
        "Your result will appear here.Text, Image → Text"
    )
    expect(empty.locator("figcaption")).to_have_count(0)  # a text isn't a later state of it
    expect(person.page.locator("#stage")).to_contain_text(
        "Drop a workflow file anywhere to open it."
    )
    expect(headline).to_be_empty()
    person.turn_to("text-to-image")
    expect(empty.locator(".state-card")).to_have_count(0)
    expect(headline).to_be_empty()


def test_the_stage_belongs_to_the_workflow_on_the_page(fast: Site, visit: Visit) -> None:
    """A result stays off the stage of another workflow, however the user gets there, and is back
    with its own. No result is beside the sentence that a workflow doesn't exist."""
    person = visit(fast).open(**ONE)
    run = person.generate()
    media = person.page.locator("#stage .media img")
    example = person.page.locator("#stage .empty figcaption")
    person.page.goto(f"{fast.url}/?workflow=upscale")
    expect(example).to_have_text("Example")
    expect(person.page.get_by_role("group", name="Ideas to try")).to_be_visible()
    expect(media).to_have_count(0)
    person.choose("Text to image")
    expect(person.page.locator(f'#stage .stage[data-run="{run}"]')).to_be_visible()
    expect(media).to_be_visible()
    person.page.goto(f"{fast.url}/?workflow=nothing")
    expect(person.page.locator("#no-form")).to_be_visible()
    expect(person.page.locator("#stage .empty")).to_contain_text("Choose a workflow first.")
    expect(media).to_have_count(0)
    person.forgive("status of 4")


def test_the_example_comes_first_on_a_phone(fast: Site, visit: Visit) -> None:
    """In the first view on a phone, the example is above the form. Later the form stands alone, and
    the latest result and the history have the other tab."""
    person = visit(fast, viewport={"width": 390, "height": 844}).open()
    parts = ("#stage .example", "#heading h1", "#actions", "#history")
    example, title, generate, history = (person.page.locator(one) for one in parts)
    expect(example).to_be_in_viewport(ratio=1)
    expect(title).to_be_in_viewport(ratio=1)
    expect(generate).to_be_in_viewport(ratio=1)
    person.type("5.steps", 1)
    person.generate()
    person.page.evaluate("localStorage.clear(); sessionStorage.clear()")
    person.open()
    expect(example).to_be_hidden()
    expect(history).to_be_hidden()
    person.turn_tab("Result")
    expect(person.page.locator("#stage .media > img")).to_be_in_viewport(ratio=1)
    expect(
        person.page.locator("#stage .actions").get_by_role("link", name="Download")
    ).to_be_in_viewport(ratio=1)
    expect(history).to_be_visible()
    expect(title).to_be_hidden()


IDEAS = """
ideas = [{ "Positive prompt.text" = "a boat", "Sampler.steps" = 1, "Model.ckpt_name" = "demo-watercolour.safetensors" }]
"""
# When the page is left, so that it keeps nothing afterwards.
FORGET = "addEventListener('pagehide', () => { localStorage.clear(); sessionStorage.clear(); })"


def test_an_idea_for_several_fields(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """An idea also sets fields that the user can't type into. Text that the user typed elsewhere
    stays. Without a cover, the stage shows the user's own newest image."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    toml = folder / "text-to-image.toml"
    head, _, fields = toml.read_text().partition("\n\n")
    toml.write_text(f"title = 'Text to image'{IDEAS}{fields}")
    assert "cover" in head
    may_open = Permissions(open=lambda _: False)
    with running_app(fast.demo.url, workflows=folder, permissions=may_open) as app:
        person = visit(Site(app.url, fast.demo, app)).open()
        empty = person.page.locator("#stage .empty")
        person.type("3.text", "typed before")
        person.page.get_by_role("button", name="a boat").click()
        expect(person.entry("2.text")).to_have_value("a boat")
        expect(person.entry("3.text")).to_have_value("typed before")
        expect(empty.locator(".picture img")).to_have_count(0)
        run = person.generate()
        sent = person.site.prompt_of(run)
        assert sent["1"]["inputs"]["ckpt_name"] == "demo-watercolour.safetensors"
        assert sent["5"]["inputs"]["steps"] == 1
        assert sent["3"]["inputs"]["text"] == "typed before"
        person.page.evaluate(FORGET)
        person.open()
        own = person.page.locator("#stage .media > img")
        expect(own).to_have_attribute("src", whole_image(person.site, run))
        expect(person.page.locator("#stage")).not_to_contain_text("Drop a workflow file")
        person.leave()


def test_an_idea_with_a_mask(fast: Site, visit: Visit) -> None:
    """An inpainting idea brings an image with a mask, and only the masked part changes. It leaves
    the user's own image unchanged."""
    person = visit(fast).open("inpaint", **{"7.steps": 1})
    ideas = person.page.get_by_role("group", name="Ideas to try").get_by_role("button")
    ideas.first.click()
    expect(person.entry("2.text")).to_have_value(ideas.first.inner_text())
    person.page.wait_for_function(f"({PAINTED})() > 50000")
    first = sent_mask(fast, person.generate())
    assert (first.getpixel((256, 400)), first.getpixel((256, 100))) == (255, 0)
    expect(person.page.get_by_role("button", name="Compare")).to_be_visible()
    person.more("Delete")
    painted = person.page.evaluate(PAINTED)
    ideas.nth(1).click()
    person.page.wait_for_function(
        f"![0, {painted}].includes(({PAINTED})())"
    )  # the next one is there
    mine = {"name": "mine.png", "mimeType": "image/png", "buffer": coloured_image()}
    person.field("4.image").locator("input[type=file]").set_input_files(mine)  # type: ignore[arg-type]
    person.page.wait_for_function(f"({PAINTED})() === 0")
    ideas.nth(2).click()
    expect(person.entry("2.text")).to_have_value(ideas.nth(2).inner_text())
    person.press()
    person.page.get_by_role("button", name="Run anyway").click()
    assert received(fast, person.done()).size == (96, 64)


def test_ideas_on_a_phone(fast: Site, visit: Visit) -> None:
    """If form and stage share one column, the ideas are below the prompt and large enough for a
    finger. Nothing mentions dropping files."""
    phone = {"width": 390, "height": 844}
    person = visit(fast, viewport=phone, has_touch=True, is_mobile=True).open()
    ideas = person.field("2.text").get_by_role("button")
    expect(ideas).to_have_count(3)
    expect(person.page.get_by_text("Drop a workflow file")).to_be_hidden()
    box = ideas.first.bounding_box()
    assert box is not None
    assert box["height"] >= 40
    ideas.first.tap()
    expect(person.entry("2.text")).to_have_value(ideas.first.inner_text())
    person.turn_to("upscale")
    expect(person.field("2.text").get_by_role("button")).to_have_count(3)


def test_the_input_image_stands_where_the_result_will_be(fast: Site, visit: Visit) -> None:
    """Without an example, the form's image is on the stage, dimmed. Without an image, the stage
    says what the workflow makes. The author's prompt is an idea while the box has another text. An
    image for a mask isn't seen in the result."""
    person = visit(fast).open("upscale")
    give(person.page, json.dumps(own_prompt("a red kite")).encode(), "brought.json")
    card = person.page.locator("#stage .state-card")
    expect(card).to_contain_text("Text → Image, 512 × 512")
    expect(card.get_by_role("button")).to_have_count(0)  # only shipped workflows offer templates
    ideas = person.page.get_by_role("group", name="Ideas to try")
    idea = ideas.get_by_role("button", name="a red kite")
    expect(ideas.get_by_role("button")).to_have_count(3)
    expect(idea).to_have_count(0)
    person.entry("2.text").fill("a fox")
    idea.click()
    expect(person.entry("2.text")).to_have_value("a red kite")
    expect(idea).to_have_count(0)
    prompt = own_prompt("a blue kite")
    prompt["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    prompt["21"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["20", 0], "vae": ["1", 2]}}
    prompt["22"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    inputs = {"samples": ["21", 0], "mask": ["22", 1]}
    prompt["23"] = {"class_type": "SetLatentNoiseMask", "inputs": inputs}
    prompt["5"]["inputs"]["latent_image"] = ["23", 0]
    give(person.page, json.dumps(prompt).encode(), "brought too.json")
    sea = {"name": "sea.png", "mimeType": "image/png", "buffer": coloured_image()}
    mask, image = (person.field(key) for key in ("22.image", "20.image"))
    mask.locator("input[type=file]").first.set_input_files(sea)
    expect(mask.locator("[data-image]")).to_be_visible()
    given = person.page.locator("#stage .given")
    expect(given).to_have_count(0)
    image.locator("input[type=file]").set_input_files(sea)
    expect(given).to_contain_text("BeforeYour result will appear here.")
    expect(given.locator("img")).to_have_js_property("complete", value=True)


def test_a_videos_first_picture_stands_where_the_result_will_be(fast: Site, visit: Visit) -> None:
    """Only a video that the browser can play has one."""
    prompt = {
        "20": {"class_type": "LoadVideo", "inputs": {"file": "none.mp4"}},
        "21": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["20", 0], "filename_prefix": "a", "format": "auto"},
        },
    }
    person = visit(fast).open()
    give(person.page, json.dumps(prompt).encode(), "brought.json")
    box = person.field("20.file").locator("input[type=file]").first
    box.set_input_files(MEDIA / "live.webm")
    given = person.page.locator("#stage .given")
    expect(given).to_contain_text("BeforeYour result will appear here.")
    expect(given.locator("video")).to_have_js_property("readyState", 4)
    person.field("20.file").get_by_label("Clear").click()
    expect(given).to_have_count(0)
