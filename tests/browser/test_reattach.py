"""A page finds its person's runs: in a second tab, after a sleep, after a restart of the app; and
nobody else's."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfy.demo import DemoServer
from tests.browser.conftest import STEP
from tests.browser.form.test_images import coloured_image, has_width, received
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site, Visitor
from ui.settings.web_settings import WebSettings

Visit = Callable[..., Visitor]
NO_COLOUR = "rgba(0, 0, 0, 0)"
# What the browser writes into its console while an app is away.
AWAY = ("WebSocket connection to", "Failed to load resource: net::ERR_")


@pytest.fixture
def demo(nothing_left_behind: None) -> Iterator[DemoServer]:
    """A server that takes some time."""
    with DemoServer(step_seconds=STEP) as server:
        yield server


@contextlib.contextmanager
def app_at(demo: DemoServer, data: Path, port: int = 0) -> Iterator[tuple[Site, RunningApp, int]]:
    """The app on this data: the site, the app and its port."""
    settings = WebSettings(port=port)
    with running_app(demo.url, data=data, settings=settings, demo=False) as app:
        yield Site(app.url, demo, app), app, int(app.url.rpartition(":")[2])


def three(person: Visitor) -> None:
    """Start a run and two that wait, each with another text."""
    person.press()
    person.frames(1)
    for number, text in enumerate(("second of all", "third of all"), 1):
        person.type("2.text", text)
        person.press()
        expect(person.waiting()).to_have_count(number)
    person.site.demo.speed.step = 0.6


def test_a_reload_finds_all_runs(slow: Site, visit: Visit) -> None:
    """After a reload the page shows the run with its progress, its frames and Stop, and those that
    wait, in their order; in the end the results are there. The browser warns of no socket that was
    let go before it was there: neither where runs are started one after the other, nor where the
    page is reloaded."""
    person = visit(slow).open(**{"5.steps": 60})
    said: list[str] = []
    person.page.on("console", lambda message: said.append(message.text))
    three(person)
    (running,), _ = slow.demo.queue.snapshot()
    person.page.reload()
    person.ready()
    person.frames(1)
    expect(person.page.locator("#stop")).to_be_enabled()
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")
    expect(person.waiting()).to_have_count(2)
    expect(person.waiting().nth(0)).to_contain_text("second of all")
    expect(person.waiting().nth(1)).to_contain_text("third of all")
    expect(person.waiting().nth(1)).to_contain_text("2 ahead")
    slow.demo.speed.step = 0
    expect(person.waiting()).to_have_count(0)
    person.done()
    expect(person.page.locator("#history .tile")).to_have_count(3)
    expect(person.page.locator(f'#history .tile[data-run="{running.prompt_id}"]')).to_be_visible()
    assert not [one for one in said if "WebSocket" in one]


def first_owner(site: Site) -> str:
    """The person whose runs go on."""
    (owner,) = {run.owner for run in site.unfinished()}
    return owner


def test_the_app_is_restarted_under_an_open_page(
    demo: DemoServer, visit: Visit, tmp_path: Path
) -> None:
    """The page says so, and no longer that the server is there; it keeps what was typed and an image
    that was put in, comes back by itself, tells what became of the run, and runs it again."""
    (tmp_path / "a.png").write_bytes(coloured_image())
    data = tmp_path / "data"
    with app_at(demo, data) as (site, _, port):
        person = visit(site).open("image-to-image", **{"8.steps": 60, "8.seed": 7})
        choose_file(person, tmp_path / "a.png")
        dot = person.page.locator("#server .dot")
        expect(dot).not_to_have_css("background-color", NO_COLOUR)
        person.press()
        person.frames(1)
        person.type("3.text", "typed before the restart")
        (run,) = site.services.runs.line_of(first_owner(site))
    expect(person.page.locator("#away")).to_have_text("ComfyForms is restarting. Reconnecting…")
    expect(dot).to_have_css("background-color", NO_COLOUR)
    expect(person.page.locator("#generate")).to_be_disabled()
    person.phase("stopped")
    with app_at(demo, data, port) as (site, _, _):
        expect(person.page.locator("#away")).to_be_empty()
        person.phase("stopped")
        expect(dot).not_to_have_css("background-color", NO_COLOUR)
        expect(person.page.locator("#stage .headline")).to_contain_text("shut down")
        expect(person.entry("3.text")).to_have_value("typed before the restart")
        has_width(person, 96)
        expect(person.page.locator("#generate")).to_be_enabled()
        person.page.get_by_role("button", name="Run again").click()
        person.frames(1)
        (again,) = site.services.runs.line_of(first_owner(site))
        assert again.job.prompt == run.job.prompt
        person.page.locator("#stop").click()
        person.phase("stopped")
        demo.speed.step = 0
        files_in_the_form_outlive_the_app(person, tmp_path / "a.png", data)
        person.forgive(*AWAY)
        person.leave()


def files_in_the_form_outlive_the_app(person: Visitor, file: Path, data: Path) -> None:
    """An image that was put into a form is there after a reload, too, and is sent. Where it has been
    removed since, its field says so until there is another one."""
    person.page.reload()
    person.ready()
    has_width(person, 96)
    assert received(person.site, person.generate()).size == (96, 64)
    shutil.rmtree(data / "uploads")
    person.page.reload()
    person.ready()
    error = person.field("4.image").locator(".field-error")
    expect(error).to_have_text("This file is no longer here. Add it again.")
    choose_file(person, file)
    expect(error).to_have_count(0)


def choose_file(person: Visitor, file: Path) -> None:
    """Put another image into the field, and wait until it is there."""
    person.field("4.image").locator("input[type=file]").set_input_files(file)
    has_width(person, 96)
