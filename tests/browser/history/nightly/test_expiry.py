"""The page says when results are deleted."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.history.test_earlier import Visit
from tests.support.history_tiles import ONE, choose, make, owner_of
from tests.support.visitor import Site

DAY = 24 * 3600.0


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_page_says_what_expires(fast: Site, visit: Visit, locale: str) -> None:
    """Details say until when a result is kept, or that favorites stay. A week before results go,
    the history says so until the user dismisses it. Dates are in the page's language, in
    American English also for British browsers."""
    person = visit(fast, locale=locale).open(**ONE)
    page, new = person.page, make(person, "a new one")
    history = fast.services.runs.history
    record = history.get(new, owner_of(fast, new))
    assert record is not None
    ended = time.time() - 25 * DAY
    old = f"old-{locale}"
    history.end(replace(record, id=old, state=replace(record.state, finished_at=ended)))
    day = time.localtime(ended + 30 * DAY)
    page.reload()
    person.ready()
    note = page.locator("#history .expiring")
    english, german = time.strftime(f"%b {day.tm_mday}", day), rf"0?{day.tm_mday}\."
    words = {
        "en-GB": (f"Kept until {english}", f"1 result will be deleted by {english}", "Favorite: "),
        "de-DE": (f"Aufbewahrt bis {german}", f"1 Ergebnis wird bis zum {german}", "Favorit: "),
    }
    kept, expires, favourite = map(re.compile, words[locale])
    expect(note).to_contain_text(expires)
    expect(page.locator("#history .storage")).to_contain_text("30")
    choose(person, old)
    page.locator("#stage .details summary").click()
    expect(page.locator("#stage .details .kept")).to_contain_text(kept)
    page.locator("#stage .actions .favourite").click()
    expect(note).to_be_empty()
    choose(person, new)
    choose(person, old)
    expect(page.locator("#stage .details .kept")).to_contain_text(favourite)
    page.locator("#stage .actions .favourite").click()
    expect(note).to_contain_text(expires)
    note.get_by_role("button").click()
    page.reload()
    person.ready()
    expect(page.locator("#history .storage")).to_contain_text("30")
    expect(note).to_be_empty()
