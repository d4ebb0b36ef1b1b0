"""Earlier results: the user can find, search, view, reuse and repeat them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from comfy.demo import DemoServer
from tests.browser.history.test_earlier import Visit
from tests.support.history_tiles import (
    ONE,
    choose,
    make,
    owner_of,
    tile,
    tiles,
)
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site


def test_the_history_fits_on_a_phone(fast: Site, visit: Visit) -> None:
    """Nothing is wider than the screen. The history is a single row, so the form stays near."""
    person = visit(
        fast, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ).open(**ONE)
    first = make(person, "a lighthouse")
    history = fast.services.runs.history
    assert history is not None
    record = history.get(first, owner_of(fast, first))
    assert record is not None
    for name in ("a boat", "a tree", "a castle", "a hill"):
        history.end(replace(record, id=name))
    person.page.reload()
    person.ready()
    expect(tiles(person)).to_have_count(5)
    tops = tiles(person).evaluate_all(
        "all => all.map((one) => Math.round(one.getBoundingClientRect().top))"
    )
    assert len(set(tops)) == 1
    rows, sides = person.page.locator("#history header > :visible").evaluate_all(
        """all => { const boxes = all.map((one) => one.getBoundingClientRect());
            const controls = boxes.slice(1);
            return [new Set(controls.map(({ top }) => Math.round(top))).size,
                    Math.min(...controls.map(({ height }) => height))] }"""
    )
    assert (rows, sides >= 40) == (2, True)
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    choose(person, first)
    expect(person.page.locator("#stage .viewport")).to_be_in_viewport()


def test_results_survive_a_restart_of_the_app_and_comfyui(
    visit: Visit, tmp_path: Path, nothing_left_behind: None
) -> None:
    """After the app and ComfyUI restart, the same browser finds its results. The page shows their
    images and values and can run them again."""
    with DemoServer(step_seconds=0.004) as demo, running_app(demo.url, data=tmp_path) as app:
        person = visit(site(app, demo)).open(**ONE)
        run_id = make(person, "a lighthouse")
        cookies = person.page.context.cookies()
        person.leave()
    with DemoServer(step_seconds=0.004) as demo, running_app(demo.url, data=tmp_path) as app:
        person = visit(site(app, demo))
        person.page.context.add_cookies(
            [{**cookie, "url": app.url} for cookie in map(bare, cookies)]
        )
        person.open()
        choose(person, run_id)
        expect(tile(person, run_id)).to_have_attribute("title", re.compile("a lighthouse"))
        person.more("Reuse settings")
        expect(person.entry("2.text")).to_have_value("a lighthouse")
        person.more("Run again")
        person.done(after=run_id)
        expect(tiles(person)).to_have_count(2)
        person.leave()


def site(app: RunningApp, demo: DemoServer) -> Site:
    return Site(app.url, demo, app)


def bare(cookie: dict[str, Any]) -> dict[str, Any]:
    """Return a cookie's name and value, to set it again for another port."""
    return {name: cookie[name] for name in ("name", "value")}
