"""The form's fields: valid input, errors on the field, and how the form keeps values."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Response, expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import NodeClass, NodeInfo, node_info, spec
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage
from tests.browser.form.nightly.test_held import PHOTO
from tests.browser.form.nightly.test_seeds import LARGEST
from tests.browser.form.test_fields import Visit
from tests.browser.form.test_reset import resets
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually


def are_refused(person: Visitor) -> None:
    """Check that the field refuses invalid widths and accepts a valid width."""
    note = person.field("4.width").locator(".field-error")
    person.unfold_field("4.width")
    for typed, said in (("99999", "Maximum 1024."), ("7", "Minimum 256.")):
        person.entry("4.width").fill(typed)
        person.entry("2.text").focus()
        expect(note).to_have_text(said)
        expect(person.entry("2.text")).to_be_focused()
        expect(person.page.locator("#spoken")).to_have_text(f"Width: {said}")
        person.press()
        expect(person.entry("4.width")).to_be_focused()
        expect(note).to_have_text(said)
    person.entry("4.width").fill("")
    person.entry("2.text").focus()
    expect(person.entry("4.width")).to_have_value("512")  # the author's
    expect(note).to_have_count(0)


def is_in_view(person: Visitor) -> None:
    """Check that Generate doesn't cover the error of the number just above it when the user leaves
    by Tab. The error stays however fast the user typed."""
    person.page.set_viewport_size({"width": 1366, "height": 650})
    height, bar = person.entry("4.height"), person.page.locator("#actions")
    below = """([one, bar]) => scrollBy({ behavior: "instant",
        top: one.getBoundingClientRect().bottom + 24 - bar.getBoundingClientRect().top })"""
    person.page.evaluate(below, [height.element_handle(), bar.element_handle()])
    height.press("Control+A")
    person.page.keyboard.type("99999")
    height.press("Tab")
    kept = "JSON.stringify({ ...sessionStorage }).includes('99999')"
    eventually(lambda: person.page.evaluate(kept), "the form has told what was typed")
    note = person.field("4.height").locator(".field-error")
    expect(note).to_have_text("Maximum 1024.")
    lower, upper = note.bounding_box(), bar.bounding_box()
    assert lower
    assert upper
    assert lower["y"] + lower["height"] + 8 <= upper["y"]
    height.fill("512")


def are_changed(person: Visitor) -> None:
    """Check that the form adjusts values that don't fit and says so, then press Generate."""
    notes = person.page.locator(".field-note")
    person.type("4.width", "513")
    expect(person.entry("4.width")).to_have_value("512")
    expect(person.field("4.width").locator(".field-note")).to_have_text(
        "Changed from 513 to 512 to match the step size of 8."
    )
    person.type("4.width", "520")
    expect(notes).to_have_count(0)
    person.type("5.steps", "0")
    expect(person.entry("5.steps")).to_have_value("1")
    expect(notes).to_have_text("Changed from 0 to 1. Minimum 1.")
    person.type("4.width", "770")
    expect(notes).to_have_count(2)
    person.for_form("Reset")
    expect(notes).to_have_count(0)
    person.type("5.steps", "0")
    expect(notes).to_have_text("Changed from 0 to 1. Minimum 1.")
    person.entry("4.height").fill("301")
    person.page.keyboard.press("Control+Enter")


class Models:
    """A stand-in whose model list changes while it runs, and the app in front of it."""

    def __init__(self) -> None:
        self.names = ["first.safetensors", "second.safetensors"]
        self.site: Site

    def describe(self, storage: Storage) -> NodeInfo:
        """Return the loader's current catalog entry."""
        loader = "CheckpointLoaderSimple"
        return node_info(
            loader,
            "Load",
            "",
            required={"ckpt_name": spec(list(self.names))},
            outputs=["MODEL", "CLIP", "VAE"],
        )


@pytest.fixture
def models(nothing_left_behind: None) -> Iterator[Models]:
    """Run a stand-in with a changing model list, see Models."""
    made = Models()
    node = NodeClass(made.describe, NODES["CheckpointLoaderSimple"].run)
    with (
        DemoServer(step_seconds=0, nodes={**NODES, "CheckpointLoaderSimple": node}) as demo,
        running_app(demo.url) as app,
    ):
        made.site = Site(app.url, demo, app)
        yield made


def test_a_list_that_the_server_changes(models: Models, visit: Visit) -> None:
    """The field, even in a folded section, shows an error that only the server can detect, such as
    a deleted model. “Reload models” offers models added later."""
    person = visit(models.site).open(**{"5.steps": 1, "1.ckpt_name": "second.safetensors"})
    expect(person.field("1.ckpt_name")).not_to_be_visible()
    models.names.remove("second.safetensors")
    person.press()
    expect(person.field("1.ckpt_name").locator(".field-error")).to_be_visible()
    assert "Choose another" in person.errors()["field-1-ckpt-name"]
    expect(person.page.locator("#stage .headline")).not_to_be_empty()
    expect(person.page.locator("#stop")).to_be_disabled()
    can_be_refreshed(person, models)
    person.leave()


def can_be_refreshed(person: Visitor, models: Models) -> None:
    """Check that “Reload models” offers a model added on the server meanwhile, and keeps the user's
    input."""
    person.type("2.text", "typed before")
    models.names.append("third.safetensors")
    answers: list[str] = []

    def drawn(response: Response) -> bool:
        answers.extend([response.url] * (response.request.method == "POST"))
        return len(answers) == 2

    with person.page.expect_response(drawn):
        person.for_form("Reload models")
    person.page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    person.unfold()
    person.entry("1.ckpt_name").click()
    person.page.get_by_role("option", name="third", exact=True).click()
    run_id = person.generate()
    prompt = models.site.prompt_of(run_id)
    assert prompt["1"]["inputs"]["ckpt_name"] == "third.safetensors"
    assert prompt["2"]["inputs"]["text"] == "typed before"


def test_a_wrong_value_in_a_link_does_no_harm(fast: Site, visit: Visit) -> None:
    """The form brings numbers into their limits and replaces other invalid values with the
    author's. It reports each of these changes and ignores a key that names no field."""
    person = visit(fast).open(
        **{
            "5.steps": "many",
            "9.none": "x",
            "4.width": "512.5",
            "4.height": 99999,
            "4.batch_size": 0,
        }
    )
    expect(person.entry("5.steps")).to_have_value("24")
    expect(person.entry("4.width")).to_have_value("512")
    expect(person.entry("4.height")).to_have_value("1024")
    expect(person.entry("4.batch_size")).to_have_value("1")
    expect(person.page.get_by_role("note").locator("p")).to_have_text(
        [
            "Width: “512.5” in this link isn't allowed and was replaced.",
            "Height: “99999” in this link isn't allowed and was replaced.",
            "Images: “0” in this link isn't allowed and was replaced.",
            "Steps: “many” in this link isn't allowed and was replaced.",
        ]
    )


def test_a_choice_from_a_list(fast: Site, visit: Visit) -> None:
    """Typing filters a list, and the app sends the selected value as the server spells it. Any
    changed field has a button beside its label that names and restores the author's value, and
    Advanced counts its changed fields. Reset restores all fields, including those under
    Advanced."""
    person = visit(fast).open(**{"2.text": "a cat", "5.steps": 3, "5.seed": 9, "5.cfg": 2})
    person.unfold()
    expect(person.entry("5.cfg")).to_have_value("2")
    person.entry("5.sampler_name").fill("heun")
    person.page.get_by_role("option", name="heun", exact=True).click()
    assert fast.prompt_of(person.generate())["5"]["inputs"]["sampler_name"] == "heun"
    each_is_reset(person)
    person.for_form("Reset")
    expect(person.entry("2.text")).to_have_value(
        "a small harbor town at first light, fishing boats, calm sea, soft colors"
    )
    expect(person.entry("5.steps")).to_have_value("24")
    expect(person.entry("5.cfg")).to_have_value("7")
    expect(person.page.locator(".seed-mode input[value=random]")).to_be_checked()
    expect(resets(person)).to_have_count(0)
    brings_its_own_fields(person)


def each_is_reset(person: Visitor) -> None:
    """Check that the buttons of a number and of a choice reset only their own field."""
    steps = person.page.get_by_role("button", name="Reset: Steps")
    expect(steps).to_have_attribute("title", "Author's value: 24")
    before = resets(person).count()
    advanced = person.page.get_by_role("button", name="Advanced (9)")
    expect(advanced).to_have_accessible_name("Advanced (9) · 3 changed")
    steps.click()
    expect(person.entry("5.steps")).to_have_value("24")
    person.page.get_by_role("button", name="Reset: Sampler").click()
    expect(person.entry("5.sampler_name")).to_have_value("dpmpp_2m")
    expect(resets(person)).to_have_count(before - 2)
    expect(advanced).to_have_accessible_name("Advanced (9) · 1 changed")
    expect(person.entry("2.text")).to_have_value("a cat")
    expect(person.entry("5.cfg")).to_have_value("2")


def brings_its_own_fields(person: Visitor) -> None:
    """Check that selecting another option of a dynamic combo shows the option's inputs and keeps
    the user's input."""
    person.turn_to("animation")
    person.type("2.text", "typed before")
    expect(person.field("11.format.codec")).to_have_count(0)
    person.unfold()
    person.entry("11.format").click()
    person.page.get_by_role("option", name="mp4").click()
    expect(person.field("11.format.codec")).to_be_visible()
    expect(person.entry("2.text")).to_have_value("typed before")


def test_numbers(fast: Site, visit: Visit) -> None:
    """When the user leaves a field, it reports a number that the app would refuse, before any
    press. A press shows the same sentence. Each kind of error has its own sentence, and a valid
    number has no error. A user who continues typing keeps the focus. A number rounded to a step or
    limited by a slider shows the value to be sent, with a note. The note stays until the user edits
    or resets the value."""
    person = visit(fast).open()
    are_refused(person)
    is_in_view(person)
    are_changed(person)
    sent = fast.prompt_of(person.done())
    assert (sent["5"]["inputs"]["steps"], sent["4"]["inputs"]["height"]) == (1, 304)
    expect(person.entry("4.height")).to_have_value("304")


def test_a_link_carries_values(fast: Site, visit: Visit) -> None:
    """“Copy link” copies an address that shows another user the same filled-in form. That user can
    share it in turn."""
    person = visit(fast, permissions=["clipboard-read", "clipboard-write"]).open()
    person.type("2.text", "a cat & a dog? 100%")
    person.keep_seed(LARGEST)
    person.for_form("Copy link to these settings")
    expect(person.page.locator("#form-menu")).to_contain_text("Link copied")
    link = str(person.page.evaluate("navigator.clipboard.readText()"))
    assert parse_qs(urlsplit(link).query)["2.text"] == ["a cat & a dog? 100%"]
    other = visit(fast, permissions=["clipboard-read", "clipboard-write"])
    other.page.goto(link)
    other.ready()
    expect(other.entry("2.text")).to_have_value("a cat & a dog? 100%")
    expect(other.entry("5.seed")).to_have_value(str(LARGEST))
    expect(other.page.locator(".seed-mode input[value=random]")).not_to_be_checked()
    for prompt in ("a cat & a dog? 100%", "a bird"):
        other.type("2.text", prompt)
        other.for_form("Copy link to these settings")
        expect(other.page.locator("#form-menu")).to_contain_text("Link copied")
        again = str(other.page.evaluate("navigator.clipboard.readText()"))
        assert parse_qs(urlsplit(again).query)["2.text"] == [prompt]
        assert parse_qs(urlsplit(again).query)["5.seed"] == [str(LARGEST)]


def test_each_error_stays_until_its_value_is_corrected(fast: Site, visit: Visit) -> None:
    """The error then disappears without a press. An error on an image to paint over disappears when
    the user chooses an image."""
    person = visit(fast).open("image-to-image")
    go_one_by_one(person)
    person.turn_to("inpaint")
    field = person.field("4.image")
    person.for_image("4.image", "Remove image")
    person.press()
    expect(field.locator(".field-error")).to_be_visible()
    field.locator("input[type=file]").first.set_input_files(PHOTO)
    expect(person.page.locator(".field-error")).to_have_count(0)


def go_one_by_one(person: Visitor) -> None:
    """Check that fixing an invalid field clears only its own error."""
    image = person.field("4.image")
    person.type("5.height", "99999")
    person.for_image("4.image", "Remove image")
    person.press()
    expect(person.page.locator(".field-error")).to_have_count(2)
    person.type("2.text", "something else")
    person.type("5.height", "99998")
    assert set(person.errors()) == {"field-4-image", "field-5-height"}
    person.type("5.height", "512")
    expect(person.field("5.height").locator(".field-error")).to_have_count(0)
    expect(person.entry("5.height")).not_to_have_attribute("aria-invalid", "true")
    assert set(person.errors()) == {"field-4-image"}
    image.locator("input[type=file]").set_input_files(PHOTO)
    expect(person.page.locator(".field-error")).to_have_count(0)


def test_the_end_of_a_run_leaves_a_new_error(slow: Site, visit: Visit) -> None:
    """A number typed wrongly while a run works keeps its error, as does the sentence at Generate."""
    slow.demo.speed.step = 0.5
    person = visit(slow).open()
    person.press()
    person.phase("running")
    person.unfold_field("4.width")
    person.entry("4.width").fill("99999")
    person.press()
    expect(person.page.locator("#of-fields")).to_have_text("Fix the highlighted fields.")
    slow.demo.speed.step = 0
    eventually(slow.idle, "the run ends")
    person.page.locator("#history .tile").wait_for()
    assert set(person.errors()) == {"field-4-width"}
