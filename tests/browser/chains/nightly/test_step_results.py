"""The results of one step, listed below the steps."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from comfyui_standin import DemoServer
from tests.browser.fixtures import SOON
from tests.support.samples.forms import WORKFLOWS
from tests.support.serving import running_app
from tests.support.visitor import WAIT, Site, Visit

LEFT = "(tile) => tile.getBoundingClientRect().left"
TO_THE_END = """([place, many]) => {
    place.scrollLeft = place.scrollWidth;
    return place.scrollLeft > 0 && place.querySelectorAll(".tile").length === many;
}"""
MANY = 14  # more than there is room for at once
CHAIN = f"""
title = "Boats"
[[steps]]
name = "make"
title = "Make"
workflow = "text-to-image"
[steps.values]
Steps = 2
Width = 256
Height = 256
[steps.repeat]
Seed = {[*range(MANY)]}
"""


def test_results_of_a_step_appear_in_run_order(
    visit: Visit, tmp_path: Path, nothing_left_behind: None
) -> None:
    """The result of a slow server's run appears before results that finished earlier. Each result
    appears once, and the result that the user is viewing doesn't move."""
    for ending in ("json", "toml"):
        file = f"text-to-image.{ending}"
        (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    (tmp_path / "boats.chain.toml").write_text(CHAIN)
    with (
        DemoServer(step_seconds=0.02, painted=64) as one,
        DemoServer(step_seconds=0.02, painted=64) as other,
        running_app(one.url, other.url, workflows=tmp_path, timing=SOON) as app,
        one.hold("progress") as at_one,
        other.hold("progress") as at_other,
    ):
        person = visit(Site(app.url, one, app)).open("boats.chain")
        person.press()
        assert at_one.reached.wait(WAIT / 1000)
        assert at_other.reached.wait(WAIT / 1000)
        known = app.services.runs.known()
        (first,) = (one for one in known if one.record.job.values["5.seed"] == 0)
        holds = [at_one, at_other]
        late = holds.pop([one.url, other.url].index(first.record.server))
        holds[0].release()
        results = person.page.get_by_role("group", name="Results of “Make”")
        tiles = results.locator(".tile")
        step = person.page.locator("#stage .chain .steps li")
        expect(step.locator(".state")).to_have_text(f"{MANY - 1} of {MANY} done", timeout=WAIT)
        person.page.wait_for_function(TO_THE_END, arg=[results.element_handle(), MANY - 1])
        tiles.last.click()
        expect(tiles.last).to_have_attribute("aria-pressed", "true")
        left = tiles.last.evaluate(LEFT)
        late.release()
        expect(tiles).to_have_count(MANY)
        expect(tiles.first).to_have_attribute("data-run", first.id)
        assert tiles.last.evaluate(LEFT) == left
        (chain,) = app.services.chains.recent(first.record.owner)
        told = [tile.get_attribute("data-run") for tile in tiles.all()]
        assert told == list(chain.steps[0].ended)
