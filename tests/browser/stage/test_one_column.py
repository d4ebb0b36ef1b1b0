"""On phones and tablets form and result stand in one column: what one gets does not push the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.visitor import Site, Visitor

Visit = Callable[..., Visitor]
ON_PAGE = """() => ["#stage .box", "#stage .headline", "#history", "#form-side"].map(
    (one) => Math.round(document.querySelector(one).getBoundingClientRect().top + scrollY))"""
SEEN_AT = "one => Math.round(one.getBoundingClientRect().top)"


@pytest.mark.parametrize("size", [(390, 844), (820, 1180)])
def test_nothing_moves_below_a_result(slow: Site, visit: Visit, size: tuple[int, int]) -> None:
    """What comes with a result has its place while the run goes on. Who has gone on to the form stays
    at the field that is seen, though the first result brings the history."""
    person = visit(slow, viewport={"width": size[0], "height": size[1]}).open(**{"5.steps": 60})
    person.press()
    person.frames(1)
    prompt = person.field("2.text")
    prompt.evaluate("one => one.scrollIntoView({ block: 'center' })")
    before = prompt.evaluate(SEEN_AT)
    slow.demo.speed.step = 0
    first = person.done()
    expect(person.page.locator("#history .tile")).to_have_count(1)
    assert prompt.evaluate(SEEN_AT) == before
    slow.demo.speed.step = 0.12
    painted = int(person.page.locator("#stage .stage").get_attribute("data-frames") or 0)
    person.press()
    person.frames(painted + 1)
    places = person.page.evaluate(ON_PAGE)
    slow.demo.speed.step = 0
    person.done(after=first)
    expect(person.page.locator("#history .tile")).to_have_count(2)
    assert person.page.evaluate(ON_PAGE) == places
