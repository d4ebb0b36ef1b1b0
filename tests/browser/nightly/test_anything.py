"""Workflows with unknown nodes on the page of an app whose stand-in runs anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from comfy.library.permissions import Permissions
from comfy.workflow.model import read_workflow
from tests.browser.form.nightly.test_masks import PAINTED, sent_mask
from tests.support.brought import give, own_prompt
from tests.support.serving import WORKFLOWS, running_demo_app
from tests.support.visitor import Site, Visit
from tests.ui.test_anything import TEXT, brought


@pytest.fixture
def anything(nothing_left_behind: None) -> Iterator[Site]:
    """Run a site for users that it doesn't trust."""
    permissions = Permissions(open=lambda owner: True)
    with running_demo_app(step_seconds=0, anything=True, permissions=permissions) as (demo, app):
        yield Site(app.url, demo, app)


def test_a_dropped_workflow_of_unknown_nodes_moves(anything: Site, visit: Visit) -> None:
    """Two clicks lead to a result. Another visitor's form of the same node class has nothing of
    it."""
    ann, bob = visit(anything), visit(anything)
    for person, text in ((ann, TEXT), (bob, "a boat of Bob")):
        person.open()
        graph = json.dumps(brought()).replace(TEXT, text)
        give(person.page, graph.encode(), "mystery.json")
        expect(person.page.locator("#heading h1")).to_have_text("Mystery")
        expect(person.page.locator("#notes")).to_contain_text("one kind of guessed node")
        expect(person.page.locator("#missing")).to_have_count(0)
        expect(person.entry("1.text")).to_have_value(text)
        person.press()
        person.done()
    assert TEXT not in bob.page.content()


def test_an_example_image_of_an_inpainting_has_a_mask(anything: Site, visit: Visit) -> None:
    """One press leads to a result with the prompt's things in the mask."""
    person = visit(anything).open()
    prompt = json.dumps(read_workflow(WORKFLOWS / "inpaint.json").prompt)
    give(person.page, prompt.replace("example.png", "a lake.jpg").encode(), "holiday.json")
    expect(person.page.locator("#heading h1")).to_have_text("Holiday")
    person.page.wait_for_function(f"() => ({PAINTED})() > 0")

    mask = sent_mask(anything, person.generate())

    assert mask.getpixel((mask.width // 2, mask.height // 2)) == 255
    assert mask.getpixel((5, 5)) == 0


def test_a_control_image_is_no_state_before(anything: Site, visit: Visit) -> None:
    """It is on the stage, dimmed, and the result follows only its shapes. A long prompt keeps it in
    sight."""
    prompt = own_prompt("a fox in the snow, " * 60)
    prompt["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    control = {"conditioning": ["2", 0], "control_net": ["22", 0], "image": ["20", 0]}
    prompt["21"] = {"class_type": "ControlNetApply", "inputs": control | {"strength": 1.0}}
    name = {"control_net_name": "depth.safetensors"}
    prompt["22"] = {"class_type": "ControlNetLoader", "inputs": name}
    prompt["5"]["inputs"]["positive"] = ["21", 0]
    person = visit(anything).open()
    give(person.page, json.dumps(prompt).encode(), "brought.json")
    expect(person.page.locator("#stage .given")).to_have_text(
        "Your result will appear here.Text, Image → Image, 512 × 512"
    )
    field = person.field("20.image").bounding_box()
    button = person.page.locator("#generate").bounding_box()
    assert field is not None
    assert button is not None
    assert field["y"] + field["height"] <= button["y"]
