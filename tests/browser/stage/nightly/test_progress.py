"""Progress of a run: one bar for the whole run, and the tab's title."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.visitor import Site, Visit

# Every value that the bar and the title have had, and how far the bar was when an end was first told.
WATCH = """() => {
    const bar = document.querySelector('#stage [role=progressbar]');
    Object.assign(window, { percents: [], titles: [], promised: null });
    const times = document.querySelector('#stage .times');
    new MutationObserver(() => {
        if (times.textContent.includes('left')) window.promised ??= window.percents.at(-1);
    }).observe(times, { childList: true, characterData: true, subtree: true });
    const note = () => {
        const percent = bar.hidden ? null : bar.getAttribute('aria-valuenow');
        if (percent !== null) window.percents.push(Number(percent));
        if (window.titles.at(-1) !== document.title) window.titles.push(document.title);
    };
    new MutationObserver(note).observe(bar, { attributes: true });
    new MutationObserver(note).observe(document.head, { subtree: true, childList: true, characterData: true });
}"""
# Fake `Notification` class that records what the user sees outside the page.
NOTIFIED = """
    window.told = [];
    window.Notification = class {
        static permission = 'default';
        static requestPermission = async () => {
            localStorage.granted = 'yes';
            return (Notification.permission = 'granted');
        };
        constructor(said) { window.told.push(said); }
    };
    if (localStorage.granted) Notification.permission = 'granted';
"""


def test_time_left_depends_on_the_steps_of_this_run(slow: Site, visit: Visit) -> None:
    """The time left depends on this run's steps: sixty steps take longer than the three steps of
    the earlier run."""
    person = visit(slow).open(**{"5.steps": 3})
    first = person.generate()
    person.type("5.steps", 60)
    slow.demo.speed.step = 0.5
    person.press()
    # Some thirty seconds, or more on a slow machine: ten at least.
    left = re.compile("about (\\d\\d\u00a0s|\\d+\u00a0min) left")
    times = person.page.locator(f"#stage .stage:not([data-run='{first}']) .times")
    expect(times).to_contain_text(left)


def test_notifications_need_the_users_permission(fast: Site, visit: Visit) -> None:
    """The app shows no notification until the user allows it by ticking the box. If a run then
    finishes while the tab is hidden, the app notifies once, although a hidden tab paints the last
    frame late."""
    person = visit(fast)
    person.before_load(NOTIFIED)
    person.open(**{"5.steps": 8})
    person.generate()
    assert person.page.evaluate("window.told") == []
    box = person.page.get_by_label("Notify me when a run is done")
    menu = person.page.get_by_role("button", name="Form actions")
    menu.press("Enter")
    expect(person.page.get_by_role("menuitem").first).to_be_focused()
    person.page.keyboard.type("When")
    person.page.keyboard.press("Enter")
    expect(box).to_be_focused()
    person.page.keyboard.press("Space")
    person.page.wait_for_function("localStorage['comfyforms.notifies'] === 'true'")
    person.page.reload()
    person.ready()
    person.for_form("When done…")
    expect(box).to_be_checked()
    person.page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    person.page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    person.page.evaluate("window.requestAnimationFrame = (paint) => setTimeout(paint, 250)")
    person.generate()
    assert [one[:4] for one in person.page.evaluate("window.told")] == ["Done"]


def test_the_bell_says_that_the_browser_blocks_it(fast: Site, visit: Visit) -> None:
    """The box stays empty, and the dialog says where to allow notifications."""
    person = visit(fast)
    person.before_load(NOTIFIED.replace("permission = 'granted'", "permission = 'denied'"))
    person.open()
    person.for_form("When done…")
    box = person.page.get_by_label("Notify me when a run is done")
    said = person.page.locator("#when-done").get_by_role("status")
    expect(said).to_be_empty()
    box.click()
    expect(said).to_contain_text("Your browser blocks notifications")
    expect(box).not_to_be_checked()


def test_one_bar_for_the_whole_run(slow: Site, visit: Visit) -> None:
    """With two samplers, the bar continues where the first one ended and never moves back. During
    the first sampler, the app already estimates the time for both. The tab's title shows the
    percentage, and the workflow's name when the run is done."""
    person = visit(slow).open("animation", **{"5.steps": 8, "7.steps": 6, "6.amount": 2})
    expect(person.page).to_have_title("Animation")
    person.page.evaluate(WATCH)
    person.generate()
    percents = person.page.evaluate("window.percents")
    assert percents == sorted(percents)
    assert len(set(percents)) > 4
    assert percents[0] <= 20
    assert percents[-1] > 80
    assert person.page.evaluate("window.promised") < 90 * 8 / (8 + 2 * 6)
    expect(person.page).to_have_title("Animation")
    titles = person.page.evaluate("window.titles")
    assert any(re.fullmatch(r"\d+% · Animation", title) for title in titles), titles
