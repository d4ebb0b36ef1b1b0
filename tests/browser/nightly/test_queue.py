"""The user's own queue: positions, moving and removing runs, and the help after a failed run."""

from __future__ import annotations

from playwright.sync_api import Locator, Route, expect

from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from tests.browser.test_access import PHONE, UNNAMED, low_contrast
from tests.support.serving import running_app, running_demo_app
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

FOCUSED = "document.activeElement.getAttribute('aria-label')"
# Keep all texts that screen readers hear from now on.
HEAR = """() => {
    const place = document.querySelector("#spoken");
    window.heard = [];
    new MutationObserver(() => heard.push(place.textContent)).observe(place, { childList: true });
}"""


def queued(person: Visitor, *texts: str) -> None:
    """Start a run and queue another for each text. The first run lasts long enough even for a busy
    browser."""
    person.site.demo.speed.step = 0.6
    person.press()
    expect(person.page.locator("img.live-frame")).to_be_visible()
    for number, text in enumerate(texts, 1):
        person.type("2.text", text)
        person.press()
        expect(person.waiting()).to_have_count(number)


def line(person: Visitor) -> Locator:
    return person.waiting().locator(".about")


def test_waiting_runs_can_be_moved_by_keyboard(slow: Site, visit: Visit, nightly: bool) -> None:
    """Waiting runs show their positions. From the keyboard, the user moves the last run forward,
    and the focus moves with it. Remove takes its run out of the server's queue and the app's, and
    the later runs move up. A run moved forward runs earlier. A run that fails in the queue stays
    listed until the user has read it."""
    person = visit(slow).open(**{"5.steps": 60})
    queued(person, "one boat", "two boats", "three boats", "four boats")
    expect(person.page.locator("#queue .waiting-title")).to_have_text("1 running · 4 waiting")
    expect(person.page.locator("#server .waiting")).to_have_text("4 waiting")
    with_its_button_in_one_line_on_a_phone(person)
    for at in range(4):
        expect(person.waiting().nth(at)).to_contain_text("Next" if at == 0 else f"{at + 1} ahead")
    # The first is at the server already: it can be removed, but not moved.
    expect(person.waiting().nth(0).get_by_role("button")).to_have_count(1)
    person.waiting().nth(3).get_by_role("button", name="Move up").focus()
    person.page.keyboard.press("Enter")
    expect(line(person)).to_have_text(["one boat", "two boats", "four boats", "three boats"])
    person.page.keyboard.press("Enter")
    expect(line(person)).to_have_text(["one boat", "four boats", "two boats", "three boats"])
    assert str(person.page.evaluate(FOCUSED)).startswith("Move up: Text to image, 2 ahead")
    person.page.keyboard.press("Enter")  # further than the first is no error
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Space")
    expect(line(person)).to_have_text(["one boat", "two boats", "four boats", "three boats"])
    assert str(person.page.evaluate(FOCUSED)).startswith("Move down: Text to image, 3 ahead")
    room = "one => one.getBoundingClientRect().right"
    tools = "one => one.getBoundingClientRect().left"
    end = person.waiting().nth(0).locator(".about").evaluate(room)
    assert person.waiting().nth(0).locator(".tools").evaluate(tools) - end < 20
    person.waiting().nth(1).get_by_role("button", name="Remove").press("Enter")
    expect(line(person)).to_have_text(["one boat", "four boats", "three boats"])
    expect(person.waiting().nth(1)).to_contain_text("2 ahead")
    assert str(person.page.evaluate(FOCUSED)).startswith("Remove")
    person.waiting().nth(0).get_by_role("button", name="Remove").press("Enter")
    expect(line(person)).to_have_text(["four boats", "three boats"])
    expect(person.waiting().nth(0)).to_contain_text("Next")
    person.page.locator("#stop").click()
    slow.demo.speed.step = 0
    eventually(lambda: not slow.unfinished(), "all are done")
    told = [one["prompt"][2]["2"]["inputs"]["text"] for one in slow.demo.queue.history().values()]
    assert told[-2:] == ["four boats", "three boats"]
    queued(person, "one boat", "two boats")
    if nightly:  # tests/browser/opening/test_opening.py reads of a part that was refused there
        trouble_behind_another_run_stays_in_the_list(person, slow)
    all_that_wait_are_removed(person, slow, 2)
    person.page.locator("#stop").click()
    person.phase("stopped")


def with_its_button_in_one_line_on_a_phone(person: Visitor) -> None:
    """Check that the text above the list and the button that removes all waiting runs share a
    line."""
    before = person.page.viewport_size
    person.page.set_viewport_size({"width": 390, "height": 844})
    lines = """() => {
        const parts = [...document.querySelector("#queue .waiting-head").children];
        const line = (one) => one.getBoundingClientRect();
        return [
            parts.every((one) => one.scrollHeight < 2 * parseFloat(getComputedStyle(one).lineHeight) + 20),
            line(parts[0]).bottom > line(parts[1]).top && line(parts[1]).bottom > line(parts[0]).top,
            line(parts[1]).height,
        ];
    }"""
    assert person.page.evaluate(lines) == [True, True, 40]
    assert before
    person.page.set_viewport_size(before)


def trouble_behind_another_run_stays_in_the_list(person: Visitor, slow: Site) -> None:
    """Check that the list reports a waiting run that another user removed from the server's queue,
    with Run again and Dismiss."""
    trouble = person.page.locator("#queue .trouble")
    for taken, does in ((1, "Dismiss"), (2, "Run again")):
        handed = next(
            run for run in slow.unfinished() if not run.waits_here and run.state.phase == "waiting"
        )
        eventually(
            lambda run=handed: run.id in slow.demo.queue.snapshot()[1] or at_server(slow, run.id)
        )
        slow.client.cancel(handed.id)
        expect(trouble).to_contain_text("Someone else stopped this run on the server")
        expect(person.waiting()).to_have_count(2 - taken)
        trouble.get_by_role("button", name=does).click()
        expect(trouble).to_have_count(0)
    expect(line(person)).to_have_text(["two boats"])
    person.press()
    expect(person.waiting()).to_have_count(2)


def all_that_wait_are_removed(person: Visitor, slow: Site, count: int) -> None:
    person.page.evaluate(HEAR)  # the run's progress is announced, too
    person.page.get_by_role("button", name="Remove all").press("Enter")
    person.page.wait_for_function(f"heard.includes('Removed: {count} runs')")
    expect(person.page.locator("#stop")).to_be_focused()
    expect(person.page.locator("#queue .queue")).to_be_hidden()
    eventually(lambda: len(slow.unfinished()) == 1, "one is left")
    expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")


def at_server(site: Site, run_id: str) -> bool:
    return run_id in site.client.queue().pending


def empty(person: Visitor) -> None:
    """Remove all waiting runs, the last one first, then stop the active run."""
    while count := person.waiting().count():
        person.page.get_by_role("button", name="Remove").last.click()
        expect(person.waiting()).to_have_count(count - 1)
    person.page.locator("#stop").click()
    person.phase("stopped")


def test_each_active_run_can_be_stopped(visit: Visit) -> None:
    """With two servers, two runs of one user are active. The list shows both, each with its own
    Stop, and the waiting run below, regardless of the run on the stage. Each Stop ends only its own
    run. A single active run has no row in the list unless the user looks at an earlier result."""
    with (
        DemoServer(step_seconds=0.004) as one,
        DemoServer(step_seconds=0.004) as other,
        running_app(one.url, other.url) as app,
    ):
        person = visit(Site(app.url, one, app)).open()
        person.type("5.steps", 2)
        first = person.generate()
        one.speed.step = other.speed.step = 0.6
        person.type("5.steps", 60)
        lines = person.page.locator("#queue li")
        for number, text in enumerate(("one boat", "two boats", "three boats")):
            person.type("2.text", text)
            person.press()
            expect(lines).to_have_count(number + 1 if number else 0)
            if not number:
                person.frames(3)
        expect(person.page.locator("#queue .waiting-title")).to_have_text("2 running · 1 waiting")
        expect(lines.locator(".about")).to_have_text(["one boat", "two boats", "three boats"])
        person.page.get_by_role("button", name="Stop: Text to image, two boats").click()
        eventually(lambda: len(person.site.unfinished()) == 2, "it has ended")
        expect(lines.locator(".about")).to_have_text(["one boat", "three boats"])
        expect(lines.nth(1)).to_have_attribute("data-phase", "running")
        person.page.get_by_role("button", name="Stop: Text to image, one boat").click()
        expect(lines).to_have_count(0)
        expect(person.page.locator("#stage .status")).to_contain_text("Sampling")
        person.page.locator(f'#history .tile[data-run="{first}"]').click()
        expect(lines.locator(".about")).to_have_text(["three boats"])
        person.page.get_by_role("button", name="Stop: Text to image, three boats").click()
        eventually(lambda: not person.site.unfinished(), "none goes on")
        person.leave()


def test_a_run_behind_another_users_run_shows_its_position(slow: Site, visit: Visit) -> None:
    """Behind another user's run, the headline shows the user's own position, and Stop leaves the
    queue. Each user gets their own image."""
    other = visit(slow).open(**{"5.steps": 60, "2.text": "one"})
    person = visit(slow).open(**{"5.steps": 3, "2.text": "two"})
    other.press()
    other.frames(1)
    person.press()
    expect(person.page.locator("#stage .headline")).to_contain_text("Next")
    expect(person.waiting()).to_have_count(0)
    person.page.locator("#stop").click()
    person.phase("stopped")
    person.press()
    expect(person.page.locator("#stage .headline")).to_contain_text("Next")
    slow.demo.speed.step = 0
    assert slow.prompt_of(other.done())["2"]["inputs"]["text"] == "one"
    assert slow.prompt_of(person.done())["2"]["inputs"]["text"] == "two"


def test_a_refusal_is_announced_during_a_run(visit: Visit) -> None:
    """Beside the current run, the page says that no more runs may wait. The current run continues
    undisturbed."""
    with running_demo_app(step_seconds=0.12, run_limits=RunLimits(person=2)) as (demo, app):
        person = visit(Site(app.url, demo, app)).open(**{"5.steps": 60})
        queued(person, "one boat")
        person.press()
        said = person.page.locator("#stage .objection")
        expect(said).to_contain_text("Your limit is 2 at a time")
        frames = int(person.page.evaluate("document.querySelector('#stage .stage').dataset.frames"))
        person.frames(frames + 3)
        expect(said).to_contain_text("stop one")
        expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")
        expect(person.page.get_by_role("button", name="Remove all")).to_have_count(0)
        empty(person)
        person.press()
        expect(said).to_be_empty()
        person.page.locator("#stop").click()
        person.phase("stopped")
        person.leave()


def test_two_runs_that_end_at_once(slow: Site, visit: Visit) -> None:
    """If a second run finishes while the browser still fetches the first run's result, the stage
    shows the second run in the end."""
    person = visit(slow).open(**{"5.steps": 2})
    first = person.generate()
    held: list[Route] = []
    person.page.route(f"**/files/{first}/0/*.png", lambda route: held.append(route))
    with person.page.expect_request(f"**/files/{first}/0/*.png"):
        person.page.reload()
    person.ready()
    person.type("2.text", "the second")
    second = person.generate()
    assert slow.prompt_of(second)["2"]["inputs"]["text"] == "the second"
    with person.page.expect_response(held[0].request.url):
        held[0].continue_()
    person.page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(person.page.locator(f'#stage .media img[src*="{second}"]')).to_be_visible()
    expect(person.page.locator("#history .tile img")).to_have_count(2)


def test_the_queue_is_accessible(slow: Site, visit: Visit) -> None:
    """The queue's buttons have names, and its texts have enough contrast in the light and dark
    themes. On a phone the queue fits the screen and has touch-sized buttons. A single press removes
    all waiting runs."""
    person = visit(slow, color_scheme="light", **PHONE).open(**{"5.steps": 60})
    queued(
        person,
        "a very long text about boats and harbours and the sea " * 3,
        "two boats",
        "three boats",
    )
    person.page.get_by_role("button", name="Menu").click()
    assert person.page.evaluate(UNNAMED) == []
    for dark in (0, 1):
        expect(person.page.locator("body.dark")).to_have_count(dark)
        assert low_contrast(person) == []
        person.page.locator("#shade button").click()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 400
    for name in ("Move up", "Remove"):
        button = person.waiting().nth(2).get_by_role("button", name=name).bounding_box()
        assert button is not None
        assert min(button["width"], button["height"]) >= 40
    all_that_wait_are_removed(person, slow, 3)
    empty(person)
