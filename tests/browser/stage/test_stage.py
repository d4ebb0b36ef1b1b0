"""The stage: everything stays where it is at every size, full screen covers the window, buttons are
about what is seen."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from comfy.demo import DemoServer
from comfy.demo.nodes.registry import NODES
from tests.browser.nightly.walk.states import SIZES, at_every_size
from tests.support.samples.models import save_model
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
# What is seen of the stage's parts, from top to bottom.
PARTS = (
    "#stage .box",
    "#stage .under",
    "#stage .actions",
    "#stage .details",
    "#queue .queue",
    "#history .history",
)


def boxes(page: Page, *selectors: str) -> list[dict[str, float]]:
    """Where these are, as seen from the stage: all at one moment, however the page is scrolled
    meanwhile."""
    found: list[dict[str, float]] = page.evaluate(
        """selectors => {
            const stage = document.querySelector('#stage').getBoundingClientRect();
            return selectors.map(selector => {
                const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
                return { x: x - stage.x, y: y - stage.y, width, height };
            });
        }""",
        selectors,
    )
    return found


def inside(inner: dict[str, float], outer: dict[str, float]) -> bool:
    return (
        inner["x"] >= outer["x"] - 1
        and inner["y"] >= outer["y"] - 1
        and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
        and inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1
    )


def in_order(page: Page) -> None:
    """Nothing is wider than the window, and no part of the stage covers another."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    seen = [one for one in boxes(page, *PARTS) if one["height"]]
    assert len(seen) >= 2
    for above, below in itertools.pairwise(seen):
        assert above["y"] + above["height"] <= below["y"] + 1, (above, below)


def media_stays_inside(page: Page) -> None:
    """What is shown is within the viewport, and that within its box."""
    place, viewport, shown = boxes(page, "#stage .box", "#stage .viewport", "#stage .media > *")
    assert inside(viewport, place)
    assert inside(shown, viewport)
    in_order(page)


REST = {
    "sound": {
        "1": {
            "class_type": "EmptyAudio",
            "inputs": {"duration": 0.5, "sample_rate": 8000, "channels": 1},
        },
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "sound"}},
    },
    "words": {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "forty-two"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    },
    "model": {"1": {"class_type": "SaveModel", "inputs": {"text": "a boat"}}},
}


# Until a module has been loaded and the page has nothing else to do.
USED = "url => import(url).then(() => new Promise(requestIdleCallback))"


def test_sound_text_and_models_stand_on_the_stage(
    visit: Visit, tmp_path: Path, nothing_left_behind: None
) -> None:
    """What is no image has its place on the stage too, with one download, and that a visible one,
    where it is a file."""
    for name, prompt in REST.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(prompt))
    with (
        DemoServer(step_seconds=0, nodes=NODES | {"SaveModel": save_model(b"glTF")}) as demo,  # type: ignore[operator]
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        person, run = visit(Site(app.url, demo, app)), ""
        held: list[Route] = []  # on a slow network what is used for a model's light comes late
        person.page.route("**/rgbdDecode*", lambda route: held.append(route))
        for name, shown, links in (
            ("sound", "audio[controlslist=nodownload]", 1),
            ("words", "textarea", 0),
            ("model", ".card .note", 1),
        ):
            (person.turn_to if run else person.open)(name).press()
            run = person.ended(after=run)
            expect(person.page.locator(f"#stage .media {shown}")).to_be_visible()
            for _ in at_every_size(person.page, (SIZES["laptop"], SIZES["phone"])):
                expect(person.page.get_by_role("link", name="Download")).to_have_count(links)
                media_stays_inside(person.page)
        for route in held:
            route.continue_()
        for route in held:
            person.page.evaluate(USED, route.request.url)
        person.leave()
