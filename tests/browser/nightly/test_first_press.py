"""The first press on a page over a long link."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import WebSocket

from tests.browser.test_generate import Visit
from tests.support.link import FaultyLink
from tests.support.visitor import Site

WAY = 0.3  # seconds in each direction
# A tap: the pointer comes, and presses at once.
TAP = """() => {
  const button = document.querySelector("#generate");
  button.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
  button.click();
}"""


def test_the_first_preview_waits_for_no_second_socket(slow: Site, visit: Visit) -> None:
    """The socket that opens with the press arrives after it. It still gets the run, so the first
    preview doesn't wait until the press is answered and another socket is open."""
    with FaultyLink(slow.url) as link:
        person = visit(replace(slow, url=link.url)).open(**{"5.steps": 60})
        previews: list[str] = []

        def note(socket: WebSocket) -> None:
            def received(message: str | bytes) -> None:
                if isinstance(message, bytes):
                    previews.append(socket.url)

            socket.on("framereceived", received)

        person.page.on("websocket", note)
        link.lag(WAY)
        person.page.evaluate(TAP)
        person.frames(2)
        person.leave()
        assert "/live/next/" in previews[0]
