"""Drawings (SVG) from servers and users. The app shows harmless drawings and explains every
refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeResult,
    NodeRun,
    fixed,
    node_info,
    spec,
)
from comfyui_standin.nodes.registry import NODES
from tests.support.serving import WORKFLOWS, running_app
from tests.support.visitor import Site, Visit, Visitor

DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="60"><rect width="80"'
    ' height="60"/>{}</svg>'
)


def save_drawing(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Save a drawing with this content."""
    folder = run.storage.folder("output")
    assert folder is not None
    (folder / "drawing.svg").write_text(DRAWING.format(inputs["inside"]))
    return NodeResult(
        (), {"images": [{"filename": "drawing.svg", "subfolder": "", "type": "output"}]}
    )


INPUTS = {"image": spec("IMAGE"), "inside": spec("STRING")}
SAVE_DRAWING = NodeClass(
    fixed(node_info("SaveDrawing", "Save drawing", "image", required=INPUTS, output_node=True)),
    save_drawing,
)


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Yield a site with a workflow that takes an image and makes a drawing."""
    prompt = json.loads((WORKFLOWS / "image-to-image.json").read_text())
    prompt = {
        "4": prompt["4"],
        "5": {
            "class_type": "SaveDrawing",
            "inputs": {"image": ["4", 0], "inside": ""},
            "_meta": {"title": "Drawing"},
        },
    }
    (tmp_path / "draw.json").write_text(json.dumps(prompt))
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"SaveDrawing": SAVE_DRAWING}) as demo,  # type: ignore[operator]
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield Site(app.url, demo, app)


def test_a_drawing_that_is_not_shown_gives_the_reason(site: Site, visit: Visit) -> None:
    """If the app doesn't show a drawing, a sentence beside the download says why. No image field
    takes the drawing."""
    person = visit(site).open("draw", **{"5.inside": "<script>1</script>"})
    person.press()
    person.phase("done")
    expect(person.page.locator("#result-side")).to_contain_text(
        "This drawing isn't shown because it may contain"
    )
    expect(person.page.locator("#stage .actions a[download$='.svg']")).to_be_visible()
    expect(person.page.locator("#stage .media img")).to_have_count(0)
    as_an_input_is_refused_in_words(person)
    leave(person)


def as_an_input_is_refused_in_words(person: Visitor) -> None:
    """Check that “Use in…” with a result that the field doesn't take shows an error on the field,
    which keeps its image."""
    person.unfold()
    person.type("5.inside", "<circle r='20'/>")
    person.press()
    expect(person.page.locator("#stage .media img")).to_be_visible()
    expect(person.page.get_by_text("isn't shown because")).to_have_count(0)
    person.use_in("Your image")
    expect(person.field("4.image").locator(".field-error")).to_contain_text("Choose an image file")
    expect(person.field("4.image").locator("img")).to_be_visible()


def test_a_drawing_is_refused_as_an_input(fast: Site, visit: Visit) -> None:
    """Gradio uploads no drawing. The field says which files it takes."""
    person = visit(fast).open("upscale")
    box = person.field("4.image").locator("input[type=file]").first
    box.set_input_files(
        {"name": "a cat.svg", "mimeType": "image/svg+xml", "buffer": DRAWING.format("").encode()}
    )
    expect(person.field("4.image").locator('img[src^="data:image/svg"]')).to_be_attached()
    person.press()
    expect(person.page.locator(".field-error")).to_contain_text("Choose an image file")


def leave(person: Visitor) -> None:
    """Close the page, and forgive the browser's note that a drawing has no thumbnail."""
    person.forgive("404")
    person.leave()
