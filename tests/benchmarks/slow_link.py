"""Live previews over a link that carries about half of them: late is worse than left out."""

from __future__ import annotations

import itertools

from tests.benchmarks.app_process import running_app
from tests.benchmarks.browser import Paint, generate, opened_page, paints
from tests.benchmarks.figure import Figure, median, percentile
from tests.benchmarks.frames import BYTES, FrameSource
from tests.benchmarks.previews import lag_of
from tests.support.link import FaultyLink

FRAMES = 100
RATE = 10.0
LINK = 400_000  # bytes a second
ON_ITS_WAY = (
    0.03  # seconds a frame may take from the server to the app before the app can choose it
)


def measure() -> list[Figure]:
    """Lag, stale frames, the last frame, and how much of the link's room was used."""
    source = FrameSource(FRAMES, 1 / RATE, lead=1.0)
    with (
        source.serve() as demo,
        running_app(demo.url) as app,
        FaultyLink(app.url) as link,
        opened_page(link.url) as page,
    ):
        link.narrow(LINK)
        generate(page)
        painted = paints(page)
    lags = lag_of(painted, source)
    possible = FRAMES / RATE * LINK / BYTES
    return [
        Figure("slow link: lag p50", median(lags), "s", 0.5),
        Figure("slow link: lag p95", percentile(lags, 0.95), "s", 0.5),
        Figure("slow link: frames that were not the newest", stale(painted, source), "frames", 0),
        Figure(
            "slow link: last frame painted",
            max(paint.number for paint in painted),
            "",
            FRAMES,
            at_least=True,
        ),
        Figure(
            "slow link: painted of what the link carries",
            len(painted) / possible,
            "ratio",
            0.5,
            at_least=True,
        ),
    ]


def stale(painted: list[Paint], source: FrameSource) -> int:
    """Frames that were sent although the server had a newer one when the browser was ready for the
    next."""
    count = 0
    for before, paint in itertools.pairwise(painted):
        newest = max(
            (number for number, at in source.sent.items() if at <= before.at - ON_ITS_WAY),
            default=0,
        )
        count += paint.number < newest
    return count
