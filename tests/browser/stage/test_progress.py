"""Progress of a run: one bar for the whole run, and the tab's title."""

from __future__ import annotations

import re
from collections.abc import Callable

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
