"""How far a run is: one bar over all of it, and the tab's title."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
# Every value that the bar and the title have had, and how far the bar was when an end was first told.
WATCH = """() => {
    const bar = document.querySelector('#stage [role=progressbar]');
    Object.assign(window, { percents: [], titles: [], promised: null });
    const times = document.querySelector('#stage .times');
    new MutationObserver(() => {
        if (times.textContent.includes('left')) window.promised ??= window.percents.at(-1);
    }).observe(times, { childList: true });
    const note = () => {
        const percent = bar.hidden ? null : bar.getAttribute('aria-valuenow');
        if (percent !== null) window.percents.push(Number(percent));
        if (window.titles.at(-1) !== document.title) window.titles.push(document.title);
    };
    new MutationObserver(note).observe(bar, { attributes: true });
    new MutationObserver(note).observe(document.head, { subtree: true, childList: true, characterData: true });
}"""

# What the person is told outside of the page.
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


def test_one_bar_for_the_whole_run(slow: Site, visit: Visit) -> None:
    """With two samplers the bar goes on where the first one ended, and never back.
    In the first one already it is told how long both will take. The tab's title has its percent,
    and the workflow's name when it is done."""
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


@pytest.mark.every  # tests/script/progress.test.js has the estimate
def test_an_earlier_run_with_fewer_steps_promises_nothing(slow: Site, visit: Visit) -> None:
    """The time left goes by this run's steps: sixty take longer than the three of before did."""
    person = visit(slow).open(**{"5.steps": 3})
    first = person.generate()
    person.type("5.steps", 60)
    slow.demo.speed.step = 0.5
    person.press()
    # Some thirty seconds, or more on a slow machine: ten at least.
    left = re.compile(r"about (\d\d s|\d+ min) left")
    times = person.page.locator(f"#stage .stage:not([data-run='{first}']) .times")
    expect(times).to_contain_text(left)


@pytest.mark.every  # it takes a box that few tick
def test_a_notification_is_asked_for(fast: Site, visit: Visit) -> None:
    """Nothing is shown until the person has allowed it by ticking the box; then the end of a run is
    told while the tab is hidden, once, though that paints the last frame late."""
    person = visit(fast)
    person.before_load(NOTIFIED)
    person.open(**{"5.steps": 8})
    person.generate()
    assert person.page.evaluate("window.told") == []
    box = person.page.get_by_label("Notify me when a run is done")
    box.check()
    person.page.wait_for_function("localStorage['comfyforms.notifies'] === 'true'")
    person.page.reload()
    person.ready()
    expect(box).to_be_checked()
    person.page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    person.page.evaluate("window.requestAnimationFrame = (paint) => setTimeout(paint, 250)")
    person.generate()
    assert [one[:4] for one in person.page.evaluate("window.told")] == ["Done"]
