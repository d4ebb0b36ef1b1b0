"""The wait from a press of Generate to the first preview frame on the screen."""

from __future__ import annotations

from contextlib import ExitStack

from playwright.sync_api import Page

from tests.benchmarks.tools.app_process import running_app
from tests.benchmarks.tools.browser import READY, WAIT, opened_page, paints
from tests.benchmarks.tools.figure import Figure, median
from tests.benchmarks.tools.frames import FrameSource, numbered
from tests.support.link import FaultyLink

PRESSES = 7
FRAMES = 30
INTERVAL = 0.05  # seconds between two frames; the first comes at once
QUIET = 0.5  # seconds between the end of a run and the next press
# The time of the press as the page's own clock has it, as of `paints`.
NOTE_PRESSES = """() => {
  window.presses = [];
  document.querySelector("#generate").addEventListener("click", () =>
    presses.push((performance.timeOrigin + performance.now()) / 1000), true);
}"""


def measure() -> list[Figure]:
    """On loopback, and over a round trip of 150 ms."""
    return [_over("loopback", 0.0, 0.15), _over("150 ms round trip", 0.075, 0.30)]


def _over(name: str, way: float, target: float) -> Figure:
    source = FrameSource(FRAMES, INTERVAL)
    for number in range(1, FRAMES + 1):
        numbered(number)  # make the images before anything is measured
    with ExitStack() as stack:
        demo = stack.enter_context(source.serve())
        app = stack.enter_context(running_app(demo.url))
        link = stack.enter_context(FaultyLink(app.url))
        page = stack.enter_context(opened_page(link.url))
        link.lag(way)
        page.evaluate(NOTE_PRESSES)
        waits = [_wait_of_press(page) for _ in range(PRESSES + 1)][1:]
    return Figure(f"press to first preview, {name}", median(waits), "s", target)


def _wait_of_press(page: Page) -> float:
    seen = len(paints(page))
    page.click(READY)
    page.wait_for_function("(seen) => window.paints.length > seen", arg=seen, timeout=WAIT)
    page.wait_for_selector("#stop[disabled]", timeout=WAIT)
    page.wait_for_timeout(1000 * QUIET)
    pressed: float = page.evaluate("window.presses.at(-1)")
    return paints(page)[seen].at - pressed
