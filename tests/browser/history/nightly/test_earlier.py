"""Earlier results: the user can find, search, view, reuse and repeat them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from tests.browser.history.test_earlier import Visit
from tests.support.history_tiles import (
    ONE,
    choose,
    choose_from_all,
    image_of,
    make,
    owner_of,
    tile,
    tiles,
)
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import eventually

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def values_of_another_workflow(person: Visitor, fast: Site) -> None:
    """Check that selecting another workflow shows only its own results, and that the user can list
    all. A result of another workflow names that workflow. Repeating it runs that workflow again,
    and reusing its settings opens that workflow's form."""
    person.choose("Image to image")
    expect(person.page.locator("#heading h1")).to_have_text("Image to image")
    expect(tiles(person)).to_have_count(0)
    expect(person.page.get_by_text("No results with this workflow yet.")).to_be_visible()
    person.page.get_by_role("button", name="Show results of all workflows").click()
    which = person.page.get_by_role("combobox", name="Workflow", exact=True)
    expect(which).to_have_value("all")
    expect(which).to_be_focused()
    expect(tiles(person)).to_have_count(3)
    newest = str(tiles(person).first.get_attribute("data-run"))
    which.select_option("This workflow")
    expect(tiles(person)).to_have_count(0)
    expect(person.page.locator("#stage .empty figcaption")).to_have_text("Example")
    choose_from_all(person, newest)
    other = person.page.locator("#stage .times")
    expect(other).to_have_text("Workflow: Text to image")
    first = person.page.locator("#stage .stage").get_attribute("data-run")
    person.more("Run again")
    again = person.done(after=first or "")
    assert fast.prompt_of(again) == fast.prompt_of(first or "")
    expect(person.page.locator("#heading h1")).to_have_text("Image to image")
    expect(other).to_have_text("Workflow: Text to image")
    person.act("Reuse settings")
    expect(person.page.locator("#heading h1")).to_have_text("Text to image")
    expect(person.entry("2.text")).to_have_value("a tall lighthouse")
    expect(other).to_be_empty()
    expect(tiles(person)).to_have_count(4)


def are_searched(person: Visitor, tower: str, boat: str) -> None:
    """Check that the search box finds each of the two results."""
    person.find()
    box = person.page.get_by_role("searchbox", name="Search", exact=True)
    box.fill("LIGHTHOUSE tall")
    expect(tiles(person)).to_have_count(1)
    expect(tile(person, tower)).to_be_visible()
    box.fill("<b>")
    expect(tile(person, boat)).to_be_visible()
    expect(tiles(person)).to_have_count(1)
    box.fill("submarine")
    expect(person.page.get_by_text("No results.")).to_be_visible()
    expect(tiles(person)).to_have_count(0)
    box.fill("")
    expect(tiles(person)).to_have_count(2)


def test_a_press_while_a_search_answers_counts(fast: Site, visit: Visit) -> None:
    """The tiles stay until the pointer is up."""
    person = visit(fast).open(**ONE)
    boat = make(person, "a boat")
    make(person, "a lighthouse")
    person.find()
    tile(person, boat).hover()
    person.page.mouse.down()
    with person.page.expect_response(lambda answer: "lighthouse" in answer.url):
        person.page.get_by_role("searchbox", name="Search", exact=True).fill("lighthouse")
    person.page.evaluate(TWO_FRAMES)
    person.page.mouse.up()
    expect(image_of(person, boat).first).to_be_visible()
    expect(tiles(person)).to_have_count(1)


SMALL = {"8.steps": 1, "5.width": 256, "5.height": 256}  # of image to image, soon done


def photo(tmp_path: Path, colour: str) -> Path:
    file = tmp_path / f"{colour}.png"
    Image.new("RGB", (64, 64), colour).save(file)
    return file


def test_the_history_fits_on_a_phone(fast: Site, visit: Visit) -> None:
    """Nothing is wider than the screen, which shows two or three results per row."""
    person = visit(
        fast, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ).open(**ONE)
    first = make(person, "a lighthouse")
    history = fast.services.runs.history
    record = history.get(first, owner_of(fast, first))
    assert record is not None
    for name in ("a boat", "a tree", "a castle", "a hill"):
        history.end(replace(record, id=name))
    person.page.reload()
    expect(tiles(person)).to_have_count(5)
    tops = tiles(person).evaluate_all(
        "all => all.map((one) => Math.round(one.getBoundingClientRect().top))"
    )
    assert sorted(map(tops.count, set(tops))) == [1, 2, 2]
    person.find()
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
        person.act("Reuse settings")
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


def test_finding_10_a_reload_loses_nothing(fast: Site, visit: Visit) -> None:
    """A new user sees no empty history. After a reload, and in another tab of the same browser, the
    results are there. The browser keeps the cookie of its user and gets no second one. A result deleted in a
    tab also disappears in the other tab. Opening a page costs a single request and its small images
    for the history, and nothing afterwards. A run with several results is a single tile that shows
    their number. When the user selects it, the stage shows all of them."""
    person = visit(fast).recording().open(**ONE, **{"4.batch_size": 3})
    expect(person.page.locator("#history")).to_be_attached()
    expect(person.page.get_by_role("heading", name="History")).to_be_hidden()
    run_id = make(person, "three boats")
    expect(tile(person, run_id)).to_contain_text("3")
    person.page.reload()
    person.ready()
    expect(tiles(person)).to_have_count(1)
    person.page.wait_for_load_state("networkidle")
    asked = [one for one in person.requests if "/api/v1/runs?" in one]
    eventually(lambda: fast.idle(), "nothing goes on")
    assert len(asked) == 3  # opened, after the run, opened again
    choose(person, run_id)
    expect(person.page.locator("#stage .grid .thumbnail")).to_have_count(3)
    person.page.locator("#stage .grid .thumbnail").nth(2).click()
    expect(person.page.locator(f'#stage .media img[src*="{run_id}/2/"]')).to_be_visible()
    other = person.another_tab()
    for tab in (person, other):
        expect(tiles(tab)).to_have_count(1)
        expect(tile(tab, run_id)).to_be_visible()
        assert tab.page.request.get(f"{fast.url}/api/v1/runs/{run_id}?with_page=true").ok
    names = {one["name"] for one in person.page.context.cookies()}
    assert len(names - {"comfyforms-last"}) == 1
    person.more("Delete all 3")
    expect(tiles(other)).to_have_count(0)
    other.page.close()


def test_reuse_settings(fast: Site, visit: Visit, tmp_path: Path) -> None:
    """Reusing settings overwrites later input in every field, including large seeds, advanced
    fields and images. An open section stays open."""
    person = visit(fast).open("image-to-image", **SMALL)
    expect(person.field("4.image").locator("img")).to_be_visible()
    person.page.locator("#field-4-image input[type=file]").set_input_files(photo(tmp_path, "red"))
    expect(person.field("4.image").locator("img[src*='red.png']")).to_be_visible()
    person.unfold()
    person.type("8.cfg", 3.5)
    person.keep_seed(2**63 + 11, "8.seed")
    first = make(person, "a red square")
    person.page.locator("#field-4-image input[type=file]").set_input_files(photo(tmp_path, "blue"))
    person.type("8.cfg", 9)
    person.keep_seed(1, "8.seed")
    make(person, "a blue square")
    choose(person, first)
    person.act("Reuse settings")
    expect(person.entry("2.text")).to_have_value("a red square")
    expect(person.entry("8.seed")).to_have_value(str(2**63 + 11))
    expect(person.entry("8.cfg")).to_have_value("3.5")
    expect(person.entry("8.cfg")).to_be_visible()
    expect(person.entry("8.steps")).to_have_value("1")
    shown = person.field("4.image").locator("img[src*='red.png']")
    expect(shown).to_be_visible()
    again = person.generate()
    owner = owner_of(fast, again)
    told, before = (fast.services.runs.record(run, owner).job for run in (again, first))
    assert told.inputs == before.inputs
    assert {k: v for k, v in told.values.items() if k != "4.image"} == {
        k: v for k, v in before.values.items() if k != "4.image"
    }


def test_results_are_listed_newest_first(fast: Site, visit: Visit) -> None:
    """Each result has a small image. The history marks the shown result, and a click shows another.
    A search keeps the results with these words, reports when nothing matches, and shows all when
    cleared. If the user presses Generate while the form is being filled in, the run uses the new
    values. Each workflow has its own results."""
    person = visit(fast).open(**ONE)
    first = make(person, "a tall lighthouse")
    second = make(person, "a boat & <b>")
    assert tiles(person).evaluate_all("all => all.map((one) => one.dataset.run)") == [second, first]
    expect(tile(person, second)).to_have_attribute("aria-pressed", "true")
    width = (
        tile(person, first)
        .locator("img")
        .evaluate("image => image.decode().then(() => image.naturalWidth)")
    )
    assert width == 320
    choose(person, first)
    expect(tile(person, first)).to_have_attribute("aria-pressed", "true")
    expect(tile(person, second)).to_have_attribute("aria-pressed", "false")
    expect(person.page.locator("#stage .headline")).to_contain_text("Done")
    person.page.locator("#stage .details summary").first.click()
    expect(
        person.page.locator("#stage .details tr").filter(
            has=person.page.get_by_text("Prompt", exact=True)
        )
    ).to_contain_text("a tall lighthouse")
    with person.page.expect_download() as info:
        person.page.get_by_role("link", name="Download", exact=True).click()
    kept = fast.services.runs.record(first, owner_of(fast, first)).state.files[0]
    assert len(info.value.path().read_bytes()) == kept.size
    are_searched(person, first, second)
    person.type("2.text", "typed since then")
    person.act("Reuse settings")
    person.press_keys()
    again = person.done(after=first)
    assert fast.prompt_of(again) == fast.prompt_of(first)
    values_of_another_workflow(person, fast)
