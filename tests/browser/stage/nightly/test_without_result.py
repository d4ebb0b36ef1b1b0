"""Runs without a result: their sentences, and the buttons they lack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.browser.fixtures import DESKTOP
from tests.browser.nightly.walk.conftest import NOTHING, kinds, shipped
from tests.support.serving import PAINTED, running_app
from tests.support.visitor import Site, Visit

# Gaps between the text, the buttons, the caption and the details.
GAPS = """() => {
    const [said, buttons, caption, details] = [".status", ".actions", ".made-from", ".details"]
        .map((one) => document.querySelector(`#stage ${one}`).getBoundingClientRect());
    const gaps = [buttons.top - said.bottom, details.top - caption.bottom];
    return [...gaps, caption.top - buttons.bottom];
}"""
NO_RESULT = "there's no result to show here. It may be saved on the ComfyUI server."


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Yield a site with a workflow that shows nothing and a workflow that shows an image."""
    for name, prompt in (("none", kinds()["none"]), ("image", shipped("text-to-image"))):
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    nodes = {**NODES, "SaveNothing": NOTHING}
    with (
        DemoServer(step_seconds=0.3, painted=PAINTED, nodes=nodes) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield Site(app.url, demo, app)


def test_runs_without_results_cannot_become_favorites(site: Site, visit: Visit) -> None:
    """A finished run without a result says where its result may be. Neither this run nor a stopped
    run can become a favorite, whether below the stage, with F, in the history or in a selection. A
    run with a result can. On a phone, the page keeps no room for a missing result."""
    person = visit(site).open("none")
    page = person.page
    actions = page.locator("#stage .actions")
    person.press()
    person.phase("done")
    expect(page.locator("#stage .headline")).to_contain_text(NO_RESULT)
    expect(actions.get_by_role("button")).to_have_text(["Run again", "Reuse settings", ""])
    person.turn_to("image")
    person.press()
    person.frames(1)
    page.locator("#stop").click()
    person.phase("stopped")
    expect(actions.get_by_role("button")).to_have_text(["Run again", "Reuse settings", ""])
    page.set_viewport_size({"width": 390, "height": 844})
    assert max(page.evaluate(GAPS)) <= 24
    page.set_viewport_size(DESKTOP)
    page.locator("#heading").click()
    page.keyboard.press("f")
    site.demo.speed.step = 0
    done = person.generate()
    expect(actions.get_by_role("button", name="Favorite")).to_be_visible()
    person.find()
    page.get_by_role("combobox", name="Workflow", exact=True).select_option("all")
    page.get_by_role("button", name="Show stopped and failed").click()
    expect(page.locator("#history .tile")).to_have_count(3)
    expect(page.locator("#history .star")).to_have_count(1)
    expect(page.locator(f'#history li[data-run="{done}"] .star')).to_have_count(1)
    page.get_by_role("button", name="Select", exact=True).click()
    bar = page.get_by_role("group", name="Selected results")
    for at in (1, 2):
        page.locator("#history .tile").nth(at).click()
    expect(bar.get_by_role("button", name="Favorite")).to_be_disabled()
    page.locator("#history .tile").first.click()
    bar.get_by_role("button", name="Favorite").click()
    expect(page.locator("#history li.favourite")).to_have_count(1)
    expect(bar.get_by_role("button", name="Favorite", pressed=True)).to_be_enabled()
    person.leave()


def test_a_failed_run_is_a_sentence_with_its_button(fast: Site, visit: Visit) -> None:
    """It takes at most two fifths of the window, without a placeholder for an image. The button
    leads to the wrong field, and disappears with the form."""
    person = visit(fast).open(**{"1.ckpt_name": "demo-broken.safetensors"})
    page = person.page
    person.press()
    person.phase("failed")
    status = page.locator("#stage .status")
    expect(status.locator(".headline")).to_contain_text("damaged or isn't a model")
    expect(page.locator("#stage .viewport")).to_be_hidden()
    box = page.locator("#stage .under").bounding_box()
    assert box
    assert box["height"] <= DESKTOP["height"] * 0.4
    page.locator("#heading h1").click()
    status.get_by_role("button", name="Choose another model").click()
    expect(person.field("1.ckpt_name").locator("input")).to_be_focused()
    person.turn_to("upscale")
    expect(page.get_by_role("button", name="Choose another model")).to_have_count(0)
    expect(page.locator("#stage .viewport")).to_be_visible()


def test_a_failed_run_can_be_dismissed(fast: Site, visit: Visit) -> None:
    """The empty stage comes back, and a reload doesn't bring the error back."""
    person = visit(fast).open(**{"1.ckpt_name": "demo-broken.safetensors"})
    page = person.page
    person.press()
    person.phase("failed")
    page.locator("#stage .status").get_by_role("button", name="Dismiss").click()
    expect(page.locator("#stage .empty")).to_be_visible()
    page.reload()
    expect(page.locator("#generate")).to_be_enabled()
    expect(page.locator("#stage .empty")).to_be_visible()
    expect(page.locator("#stage .status")).not_to_contain_text("damaged")
