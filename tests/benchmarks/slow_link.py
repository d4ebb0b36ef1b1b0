"""Live previews over links that are long or narrow: late is worse than left out."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.previews import Meter, lag_of
from tests.benchmarks.tools.app_process import running_app
from tests.benchmarks.tools.browser import generate, opened_page, paints
from tests.benchmarks.tools.figure import Figure, median
from tests.benchmarks.tools.frames import FrameSource
from tests.support.link import FaultyLink

FRAMES = 100
RATE = 10.0


@dataclass(frozen=True, slots=True)
class Link:
    """`rate` in bytes a second, None: any; `way` in seconds, one way. `least` frames are wanted, in
    the middle no later than `lag` seconds."""

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
    """Frames painted, their lag, the last one, and what the app needs for each, by link."""
    return [figure for link in LINKS for figure in _over(link)]


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
