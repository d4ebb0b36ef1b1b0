"""A page finds its user's runs in a second tab, after the computer sleeps and after the app
restarts."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from comfyui_standin import DemoServer
from tests.browser.fixtures import STEP
from tests.browser.form.test_images import coloured_image, has_width, received
from tests.browser.nightly.test_places import CLOSE_CODE
from tests.support.app_process import free_port, started
from tests.support.brought import give, own_prompt
from tests.support.link import FaultyLink
from tests.support.serving import RunningApp, running_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually
from ui.settings.web_settings import WebSettings
from ui.web.limits import WebLimits

NO_COLOUR = "rgba(0, 0, 0, 0)"
# Messages that the browser writes to its console while the app is unreachable.
AWAY = ("WebSocket connection to", "Failed to load resource: net::ERR_")


@pytest.fixture
def demo(nothing_left_behind: None) -> Iterator[DemoServer]:
    """Yield a server whose steps take some time."""
    with DemoServer(step_seconds=STEP) as server:
        yield server


@contextlib.contextmanager
def app_at(demo: DemoServer, data: Path, port: int = 0) -> Iterator[tuple[Site, RunningApp, int]]:
    """Run the app on this data, and yield the site, the app and its port."""
    settings = WebSettings(port=port)
    with running_app(demo.url, data=data, settings=settings, demo=False) as app:
        yield Site(app.url, demo, app), app, int(app.url.rpartition(":")[2])


def three(person: Visitor) -> None:
    """Start a run and queue two more, each with a different text."""
    person.press()
    person.frames(1)
    for number, text in enumerate(("second of all", "third of all"), 1):
        person.type("2.text", text)
        person.press()
        expect(person.waiting()).to_have_count(number)
    person.site.demo.speed.step = 0.6


def test_a_reload_finds_all_runs(slow: Site, visit: Visit) -> None:
    """After a reload, the page shows the run with its progress, previews and Stop, and the waiting
    runs in order. In the end, it shows all results. The browser never warns about a socket that was
    closed before it opened, whether the user starts several runs in a row or reloads the page."""
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
    (owner,) = {run.owner for run in site.unfinished()}
    return owner


def test_the_app_is_restarted_under_an_open_page(
    demo: DemoServer, visit: Visit, tmp_path: Path
) -> None:
    """While the app is down, the page says so and no longer shows the server as reachable. It keeps
    the typed text and the chosen image, and reconnects by itself. It then says what happened to the
    run and can run it again."""
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
    """Check that an image in a form survives a reload and still reaches the server. If its file was
    removed, the field says so until the user adds another image."""
    person.page.reload()
    person.ready()
    has_width(person, 96)
    assert received(person.site, person.generate()).size == (96, 64)
    shutil.rmtree(data / "uploads")
    person.page.reload()
    person.ready()
    error = person.field("4.image").locator(".field-error")
    expect(error).to_have_text("This file no longer exists. Add it again.")
    choose_file(person, file)
    expect(error).to_have_count(0)


def choose_file(person: Visitor, file: Path) -> None:
    """Put another image into the field, and wait until it is there."""
    person.field("4.image").locator("input[type=file]").set_input_files(file)
    has_width(person, 96)


STATUS = "([path, method]) => fetch(path, { method }).then((answer) => answer.status)"


def test_a_second_tab_shows_the_same(slow: Site, visit: Visit) -> None:
    """A tab that was already open and a tab that opens later show the first tab's run with
    previews, up to its result. Stop works in every tab, and all tabs show that the run stopped. The
    waiting run then comes next in all of them."""
    first = visit(slow).open(**{"5.steps": 60})
    second = first.another_tab()
    first.press()
    second.frames(1)
    third = first.another_tab()
    third.frames(1)
    slow.demo.speed.step = 0
    run_id = first.done()
    assert second.done() == third.done() == run_id
    slow.demo.speed.step = STEP
    first.press()
    expect(first.page.locator("#stage img.live-frame")).to_be_visible()
    first.press()
    expect(third.waiting()).to_have_count(1)
    running = slow.services.runs.line_of(first_owner(slow))[0]
    third.page.locator("#stop").click()
    eventually(lambda: running.state.phase == "stopped")
    for tab in (first, third):
        expect(tab.waiting()).to_have_count(0)
        expect(tab.page.locator("#stage .headline")).to_contain_text("Sampling")
    first.page.locator("#stop").click()
    first.phase("stopped")
    third.phase("stopped")


def test_two_browsers_see_nothing_of_each_others_runs(slow: Site, visit: Visit) -> None:
    """Another browser never shows this user's previews, queue or results, neither now nor later. A
    guessed run id gives it no socket, no file and no record, and it can't stop the run."""
    mine, other = visit(slow).open(**{"5.steps": 60}), visit(slow).open()
    mine.press()
    mine.frames(1)
    mine.press()
    expect(other.page.locator("#server .waiting")).to_have_text("1 waiting")
    running, waiting = slow.services.runs.line_of(first_owner(slow))
    live = slow.url.replace("http", "ws") + f"/live/{running.id}"
    assert other.page.evaluate(CLOSE_CODE, live) == 4404
    for path, method in (
        (f"/files/{running.id}/0/x.png", "GET"),
        (f"/files/{running.id}/all.zip", "GET"),
        (f"/api/v1/runs/{running.id}/stop", "POST"),
        (f"/api/v1/runs/{waiting.id}/stop", "POST"),
        (f"/api/v1/runs/{waiting.id}/move?by=-1", "POST"),
        (f"/api/v1/runs/{running.id}/again", "POST"),
    ):
        assert other.page.evaluate(STATUS, [path, method]) == 404, path
    mine.page.get_by_role("button", name="Remove").click()
    slow.demo.speed.step = 0
    run_id = mine.done()
    source = str(mine.page.locator("#stage .media img").evaluate("image => image.src"))
    files = f"/files/{run_id}"
    for path in (
        source,
        f"/api/v1/runs/{run_id}?with_page=true",
        f"{files}/0/thumb",
        f"{files}/all.zip",
    ):
        assert other.page.evaluate(STATUS, [path, "GET"]) == 404
        assert mine.page.evaluate(STATUS, [path, "GET"]) == 200
    live = slow.url.replace("http", "ws") + f"/live/{run_id}"
    assert other.page.evaluate(CLOSE_CODE, live) == 4404
    assert mine.page.evaluate(CLOSE_CODE, live) == 1000
    assert other.page.evaluate("document.querySelector('#stage .stage').dataset.frames ?? 0") == 0
    assert run_id not in other.page.content()
    expect(other.page.locator("#stage .thumbnail, #history .tile")).to_have_count(0)
    expect(other.page.locator("#stage .empty figcaption")).to_have_text("Example")
    expect(other.page.locator("#stop")).to_be_disabled()
    expect(other.page.locator("#server .waiting")).to_be_empty()
    other.forgive("404")


def test_a_laptop_that_slept(visit: Visit, tmp_path: Path) -> None:
    """When the page wakes, it notices that its sockets died silently. It shows the run that
    finished meanwhile."""
    with (
        DemoServer(step_seconds=1, load_seconds=0) as demo,
        app_at(demo, tmp_path) as (site, app, _),
        FaultyLink(app.url) as link,
    ):
        person = visit(Site(link.url, site.demo, site.app)).open(**{"5.steps": 60})
        person.press()
        person.frames(1)
        (run,) = site.services.runs.line_of(first_owner(site))
        app.close_idle()  # what the browser keeps would be closed by the app some seconds later
        # A socket that the page gave up while it was being opened may still be counted.
        eventually(lambda: link.connections <= 3, "little but the two sockets is open")
        link.freeze()
        demo.speed.step = 0
        eventually(lambda: run.state.phase == "done", "the run is done")
        person.phase("running")
        person.page.evaluate("window.dispatchEvent(new Event('online'))")
        assert person.done() == run.id
        person.leave()


def test_an_opened_workflow_is_there_after_a_restart(visit: Visit, tmp_path: Path) -> None:
    """The form comes back by itself with the typed values. After a reload, the list has the
    workflow, and the stage shows the prompt of its run."""
    with DemoServer(step_seconds=0) as demo:
        with app_at(demo, tmp_path) as (site, _, port):
            person = visit(site).open()
            give(person.page, json.dumps(own_prompt("brought")).encode(), "my lamp.json")
            expect(person.page.locator("#heading h1")).to_have_text("My lamp")
            person.generate()
            person.type("2.text", "typed before the restart")
        with app_at(demo, tmp_path, port):
            expect(person.page.locator("#away")).to_be_empty()
            expect(person.page.locator("#opened-here")).to_be_visible()
            person.page.reload()
            person.ready()
            expect(person.entry("2.text")).to_have_value("typed before the restart")
            expect(person.page.locator("#stage .fact[data-part=prompt]")).to_have_text("brought")
            person.workflows().click()
            listed = person.page.locator("#picker").get_by_role("option", name="My lamp")
            expect(listed).to_have_count(1)
            person.page.keyboard.press("Escape")
            person.forgive(*AWAY)
            person.leave()


def test_the_app_is_killed_under_an_open_page(visit: Visit, tmp_path: Path) -> None:
    """After SIGKILL and a restart of the app, the page finds its run on the server, shows its
    previews again, and can stop it."""
    with DemoServer(step_seconds=0.3, load_seconds=0) as demo:
        port = str(free_port())
        options = ("--server", demo.url, "--data", str(tmp_path), "--port", port)
        with started(*options) as one:
            person = visit(Site(one.url, demo, None))  # type: ignore[arg-type]
            person.page.goto(f"{one.url}/?workflow=text-to-image&5.steps=60")
            person.ready()
            person.press()
            person.frames(1)
            one.kill()
        expect(person.page.locator("#away")).to_have_text("Can't reach ComfyForms. Retrying…")
        expect(person.page.locator("#stage .headline")).to_have_text("Waiting for updates…")
        expect(person.page.locator("#stop")).to_be_disabled()
        with started(*options):
            expect(person.page.locator("#away")).to_be_empty()
            person.frames(1)
            expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")
            person.page.locator("#stop").click()
            person.phase("stopped")
            eventually(lambda: demo.queue.remaining() == 0, "it is stopped at the server")
            assert demo.requests["POST /prompt"] == 1
            person.forgive(*AWAY)
            person.leave()


def test_too_many_pages(demo: DemoServer, visit: Visit) -> None:
    """A page beyond the limit says so, and works as soon as the user closes another page."""
    with running_app(demo.url, limits=WebLimits(person_sockets=1)) as app:
        first = visit(Site(app.url, demo, app)).open()
        second = first.another_tab()
        expect(second.page.locator("#away")).to_have_text(
            "ComfyForms is open in too many tabs. Close one."
        )
        first.page.close()
        expect(second.page.locator("#away")).to_be_empty()
        expect(second.page.locator("#generate")).to_be_enabled()
        second.page.close()


def test_an_app_that_does_not_answer(demo: DemoServer, visit: Visit, tmp_path: Path) -> None:
    """The page reports a cut connection that doesn't return, and clears the message once it does.
    The run continues meanwhile."""
    with app_at(demo, tmp_path) as (site, app, _), FaultyLink(app.url) as link:
        person = visit(Site(link.url, site.demo, site.app)).open(**{"5.steps": 60})
        person.press()
        person.frames(1)
        demo.speed.step = 2  # however long the link is away, the run is not through before
        link.refuse()
        link.cut()
        expect(person.page.locator("#away")).to_have_text("Can't reach ComfyForms. Retrying…")
        link.heal()
        expect(person.page.locator("#away")).to_be_empty()
        demo.speed.step = 0.1
        before = int(person.page.evaluate("document.querySelector('#stage .stage').dataset.frames"))
        person.frames(before + 3)
        demo.speed.step = 0
        person.done()
        person.forgive(*AWAY)
        person.leave()
