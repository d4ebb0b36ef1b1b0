"""Leaving and coming back: reload, closed tab, two tabs, an app that shuts down, a lost
connection."""

from __future__ import annotations

from tests.support.visitor import Site, Visit


def test_a_lost_connection_to_the_app_comes_back(slow: Site, visit: Visit) -> None:
    """When the socket between browser and app breaks, the page reconnects and the run continues."""
    person = visit(slow)
    person.before_load(
        "const Real = WebSocket; window.opened = []; window.WebSocket = class extends Real {"
        " constructor(...a) { super(...a); window.opened.push(this); } };"
    )
    person.open(**{"5.steps": 60})
    person.press()
    person.frames(2)
    person.page.evaluate("window.opened.findLast((one) => one.url.includes('/live/')).close()")
    person.page.wait_for_function(
        "window.opened.filter((one) => one.url.includes('/live/')).length === 2"
    )
    slow.demo.speed.step = 0
    person.done()
