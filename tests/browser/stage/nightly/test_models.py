"""3D models on the stage, in a browser that can render them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Route, expect

from comfyui_standin import DemoServer
from comfyui_standin.nodes.registry import NODES
from tests.browser.stage.nightly.test_stage import media_stays_inside
from tests.support.samples.models import save_model, tetrahedron
from tests.support.serving import running_app
from tests.support.visitor import WAIT, Site, Visit, Visitor
from tests.support.waiting import eventually
from ui.gradio.internals import model_viewer

GLB = re.compile(r"\.glb")
MODEL = "#stage .media .model canvas"
# Each phase of the stage, and whether what it shows is of before.
WATCH = """() => {
    const [stage, media] = ["#stage .stage", "#stage .media"].map((one) => document.querySelector(one));
    window.seen = [];
    const look = () => window.seen.push(
        [stage.dataset.phase, media.classList.contains("former") ? "former" : ""].join(" ").trim());
    new MutationObserver(look).observe(stage, { attributes: true, subtree: true });
}"""


@pytest.fixture
def site(tmp_path: Path, nothing_left_behind: None) -> Iterator[Site]:
    """Yield a site whose workflows make one tetrahedron, and two that differ."""
    model = {"class_type": "SaveModel", "inputs": {"text": "a boat"}}
    (tmp_path / "model.json").write_text(json.dumps({"1": model}))
    (tmp_path / "two.json").write_text(
        json.dumps({"1": model, "2": model | {"class_type": "SaveOther"}})
    )
    nodes = {
        "SaveModel": save_model(tetrahedron()),
        "SaveOther": save_model(tetrahedron(0.9), "ship.glb"),
    }
    with (
        DemoServer(step_seconds=0, nodes=NODES | nodes) as demo,  # type: ignore[operator]
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield Site(app.url, demo, app)


def seen(person: Visitor) -> Image.Image:
    return Image.open(io.BytesIO(person.page.locator(MODEL).screenshot())).convert("RGB")


def reds(image: Image.Image) -> int:
    red, green, _ = image.split()
    return int(
        ImageChops.subtract(red, green).point(lambda value: value > 60 and 255).histogram()[255]
    )


def test_a_models_viewer_is_loaded_ahead(site: Site, visit: Visit) -> None:
    """The browser loads the viewer during the run that makes the model. The stage says that the
    model is loading. While it still shows the earlier model, it never says that the new run is
    done."""
    person = visit(site).open("model")
    page = person.page
    models: list[Route] = []
    page.route(GLB, lambda route: models.append(route))
    with site.demo.hold("executed") as held:
        with page.expect_request(lambda asked: asked.url.endswith(model_viewer())):
            person.press()
        with page.expect_request(GLB):
            held.release()
    mark = page.locator("#stage .mark.coming")
    expect(mark).to_have_text("Loading the result…")
    expect(mark).to_be_visible()
    for route in models:
        route.continue_()
    page.unroute(GLB)
    expect(page.locator(MODEL)).to_be_visible()
    page.evaluate(WATCH)
    person.press()
    page.wait_for_function("window.seen.includes('done')")
    assert "done former" not in page.evaluate("window.seen")
    expect(page.locator(MODEL)).to_be_visible()
    person.leave()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_model_is_seen_and_turns(site: Site, visit: Visit, motion: str) -> None:
    """The model is visible and turns by itself unless the user's system asks for reduced motion.
    The user can turn it with the mouse, also in full screen, and download it with the same button
    as other results. The user can compare two models like images."""
    person = visit(site, viewport={"width": 500, "height": 420}, reduced_motion=motion)
    person.open("model").press()
    person.phase("done")
    expect(person.page.locator(MODEL)).to_be_visible(timeout=WAIT)
    eventually(lambda: reds(seen(person)) > 1000, "the model is painted")
    expect(person.page.locator("#stage .model .mark")).to_have_text("Demo")
    expect(person.page.locator("#history .tile img")).to_have_count(1)
    media_stays_inside(person.page)
    first = seen(person)
    if motion == "no-preference":
        eventually(lambda: seen(person).tobytes() != first.tobytes(), "the model turns")
    else:
        assert seen(person).tobytes() == first.tobytes()
        person.page.get_by_role("button", name="Full screen").click()
        expect(person.page.locator("#stage .zoom")).to_be_hidden()
        first = seen(person)
        box = person.page.locator(MODEL).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        person.page.mouse.move(x, y)
        person.page.mouse.down()
        person.page.mouse.move(x + 120, y, steps=4)
        person.page.mouse.up()
        eventually(lambda: seen(person).tobytes() != first.tobytes(), "the model is turned")
        person.page.keyboard.press("Escape")
    assert person.page.locator("#stage .actions > *").first.text_content() == "Download"
    if motion == "reduce":
        person.press()
        expect(person.page.locator("#history .tile")).to_have_count(2)
        for at in range(2):
            person.page.locator("#history .tile").nth(at).click(modifiers=["Control"])
        person.page.get_by_role("button", name="Compare").click()
        expect(person.page.locator(".side-by-side figure .model canvas")).to_have_count(2)
        for canvas in person.page.locator(".side-by-side canvas").all():
            expect(canvas).to_be_visible()
            image = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
            assert reds(image) > 1000
    person.leave()


def test_several_models_are_pictures_and_one_turns_when_opened(site: Site, visit: Visit) -> None:
    """Each model is drawn once: a list then has its picture from the browser's cache."""
    person = visit(site).open("two")
    person.press()
    person.phase("done")
    pictures = person.page.locator("#stage .grid .thumbnail > img")
    expect(pictures).to_have_count(2, timeout=WAIT)
    for picture in pictures.all():
        image = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
        assert reds(image) > 1000
    expect(person.page.locator("body > canvas")).to_have_count(0)
    expect(person.page.locator("#history .tile img")).to_have_count(1)
    person.page.locator("#stage .grid .thumbnail").first.click()
    expect(person.page.locator(MODEL)).to_be_visible(timeout=WAIT)
    person.leave()


def edge_reds(image: Image.Image) -> int:
    """Return how many pixels at the image's edges are red."""
    middle = Image.new("L", (image.width - 4, image.height - 4), 0)
    frame = Image.new("L", image.size, 255)
    frame.paste(middle, (2, 2))
    return reds(Image.composite(image, Image.new("RGB", image.size, "white"), frame))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (360, 480)])
def test_a_model_fits_at_first(site: Site, visit: Visit, width: int, height: int) -> None:
    """The whole model is visible at every size, also in full screen. A hint says how to turn it
    until the user has done so once."""
    person = visit(site, viewport={"width": width, "height": height}, reduced_motion="reduce")
    person.open("model").press()
    person.phase("done")
    expect(person.page.locator(MODEL)).to_be_visible(timeout=WAIT)
    hint = person.page.get_by_text("Drag to turn")
    expect(hint).to_be_visible()
    eventually(lambda: reds(seen(person)) > 1000, "the model is painted")
    eventually(lambda: edge_reds(seen(person)) == 0, "nothing is cut off")
    person.page.get_by_role("button", name="Full screen").click()
    eventually(lambda: reds(seen(person)) > 1000, "the model is painted in full screen")
    eventually(lambda: edge_reds(seen(person)) == 0, "nothing is cut off in full screen")
    person.page.locator(MODEL).press("ArrowLeft")
    expect(hint).to_have_count(0)
    person.page.keyboard.press("Escape")
    person.page.reload()
    expect(person.page.locator(MODEL)).to_be_visible(timeout=WAIT)
    expect(hint).to_have_count(0)
    person.leave()
