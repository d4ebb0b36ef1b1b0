"""Presses and live previews over slow links, with a long delay or a low bandwidth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.support.link import FaultyLink
from tools.benchmarks.previews import Meter, lag_of
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.browser import READY, WAIT, generate, opened_page, paints
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource, numbered

FRAMES = 100
RATE = 10.0
PRESSES = 7
PRESS_FRAMES = 30
INTERVAL = 0.05  # seconds between two frames, and before the first
QUIET = 0.5  # seconds between the end of a run and the next press
# The time of the press as the page's own clock has it, as of `paints`.
NOTE_PRESSES = """() => {
  window.presses = [];
  document.querySelector("#generate").addEventListener("click", () =>
    presses.push((performance.timeOrigin + performance.now()) / 1000), true);
}"""


@dataclass(frozen=True, slots=True)
class Link:
    """Network link to simulate. `rate`: bytes per second, or None for no limit. `way`: seconds in
    each direction. `least`: the fewest frames to be painted. `lag`: their maximum median lag in
    seconds."""

    name: str
    rate: float | None
    way: float
    least: int
    lag: float


LINKS = (
    Link("150 ms round trip", None, 0.075, 98, 0.115),
    Link("400 kB/s", 400_000, 0.0, 80, 0.25),
    Link("100 kB/s", 100_000, 0.0, 40, 0.4),
)


def measure() -> list[Figure]:
    """Measure the time from a press to the first preview. For each link, measure the painted
    frames, their lag, the last frame, and the app's processor time per frame."""
    presses = [
        *_press_over("loopback", 0.0, 0.15, 0.25),
        *_press_over("150 ms round trip", 0.075, 0.33, 0.55),
    ]
    return presses + [figure for link in LINKS for figure in _over(link)]


def _over(link: Link) -> list[Figure]:
    source = FrameSource(FRAMES, 1 / RATE, lead=1.0)
    with (
        source.serve() as demo,
        running_app(demo.url) as app,
        FaultyLink(app.url) as faulty,
        opened_page(faulty.url) as page,
    ):
        meter = Meter(app)
        meter.learn_idle()
        source.begin, source.end = meter.begin, meter.end
        faulty.narrow(link.rate)
        faulty.lag(link.way)
        generate(page)
        painted = paints(page)
    numbers = {paint.number for paint in painted}
    return [
        Figure(
            f"{link.name}: painted of {FRAMES} at {RATE:g}/s",
            len(numbers),
            "frames",
            link.least,
            at_least=True,
        ),
        Figure(
            f"{link.name}: lag p50", 1000 * median(lag_of(painted, source)), "ms", 1000 * link.lag
        ),
        Figure(f"{link.name}: last frame painted", max(numbers), "", FRAMES, at_least=True),
        Figure(f"{link.name}: app CPU a frame", 1000 * meter.seconds / FRAMES, "ms", 5),
    ]


def _press_over(name: str, way: float, target: float, first_target: float) -> Iterator[Figure]:
    """Measure the first press, which has to open a socket, and later ones."""
    source = FrameSource(PRESS_FRAMES, INTERVAL)
    for number in range(1, PRESS_FRAMES + 1):
        numbered(number)  # make the images before anything is measured
    with ExitStack() as stack:
        demo = stack.enter_context(source.serve())
        app = stack.enter_context(running_app(demo.url))
        link = stack.enter_context(FaultyLink(app.url))
        page = stack.enter_context(opened_page(link.url))
        link.lag(way)
        page.evaluate(NOTE_PRESSES)
        first, *waits = [_wait_of_press(page) for _ in range(PRESSES + 1)]
    yield Figure(f"press to first preview, {name}", median(waits), "s", target)
    yield Figure(f"first press to first preview, {name}", first, "s", first_target)


def _wait_of_press(page: Page) -> float:
    seen = len(paints(page))
    page.click(READY)
    page.wait_for_function("(seen) => window.paints.length > seen", arg=seen, timeout=WAIT)
    page.wait_for_selector("#stop[disabled]", timeout=WAIT)
    page.wait_for_timeout(1000 * QUIET)
    pressed: float = page.evaluate("window.presses.at(-1)")
    return paints(page)[seen].at - pressed
