"""Results on their way into forms: chosen from a menu, or dragged onto a field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.form.test_pictures import received, shown
from tests.browser.stage.test_results import SOUND, prompt_with
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
WIDTH = "width => document.querySelector('#field-4-image img')?.naturalWidth === width"


def test_a_result_goes_to_another_workflow_in_two_clicks(fast: Site, visit: Visit) -> None:
    """“Use in…” lists the workflows that take such a result; one opens with it in its field, and
    with what was typed there before."""
    person = visit(fast).open("upscale")
    shown(person)
    person.unfold()
    person.type("9.filename_prefix", "large")
    person.open(**{"5.steps": 1, "4.width": 320, "4.height": 256})
    person.generate()
    menu = person.page.get_by_role("menu")
    person.page.locator("#stage .actions").get_by_role("button", name="Use in…").click()
    expect(menu.get_by_role("menuitem")).to_have_text(["Image to image", "Inpaint", "Upscale"])
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    person.page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    person.use_in("Upscale")
    person.page.wait_for_function(WIDTH, arg=320)
    assert "workflow=upscale" in person.page.url
    expect(person.entry("9.filename_prefix")).to_have_value("large")
    assert received(fast, person.generate()).size == (320, 256)
    person.page.locator("#stage .media img").click()
    person.page.locator("#stage .viewport .use").click()
    expect(menu.get_by_text("This form")).to_be_visible()
    menu.get_by_role("menuitem", name="Inpaint").click()
    expect(person.page.locator(".sheet canvas")).to_have_attribute("width", "640")


def test_a_result_is_dragged_onto_a_field(fast: Site, visit: Visit) -> None:
    """From the stage, or from the history, it takes the place of the file there."""
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
    tiles.first.drag_to(field)
    person.page.wait_for_function(WIDTH, arg=384)


def test_a_result_that_does_not_fit_leaves_the_field(
    fast: Site, visit: Visit, tmp_path: Path
) -> None:
    """What is dragged onto a field for something else is refused there, in a sentence, and what the
    field has stays."""
    nodes = {
        "20": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
        "21": {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}},
    }
    (tmp_path / "sound.json").write_text(prompt_with(**nodes, **SOUND))
    (tmp_path / "sound.toml").write_text(
        'outputs = ["24"]\n[fields."20.image"]\nlabel = "Your photo"\n'
    )
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
        person.page.close()
