"""Live previews at full speed: 10 frames a second of 67 kB, from the server to the screen."""

from __future__ import annotations

import time

from tests.benchmarks.app_process import AppProcess, running_app
from tests.benchmarks.browser import Paint, generate, opened_page, paints
from tests.benchmarks.figure import Figure, median
from tests.benchmarks.frames import FrameSource

FRAMES = 100
RATE = 10.0
ROUNDS = 2
IDLE_SECONDS = 4.0


class Meter:
    """Processor time of the app while frames travel, over what it uses anyway."""

    def __init__(self, app: AppProcess) -> None:
        self._app = app
        self._idle = 0.0
        self._from = (0.0, 0.0)
        self.seconds = 0.0

    def learn_idle(self) -> None:
        """Watch the app do nothing for a while, with the page open."""
        used = self._app.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        self._idle = (self._app.cpu_seconds() - used) / IDLE_SECONDS

    def begin(self) -> None:
        """The first frame is about to come."""
        self._from = (self._app.cpu_seconds(), time.monotonic())

    def end(self) -> None:
        """The last frame has left."""
        used, started = self._from
        self.seconds = self._app.cpu_seconds() - used - self._idle * (time.monotonic() - started)


def measure() -> list[Figure]:
    """Frames painted, lag, processor time and files, the middle of the rounds (for the count: the
    worst)."""
    source = FrameSource(FRAMES, 1 / RATE, lead=1.0)
    counts, lags, costs = [], [], []
    with source.serve() as demo, running_app(demo.url) as app, opened_page(app.url) as page:
        meter = Meter(app)
        meter.learn_idle()
        source.begin, source.end = meter.begin, meter.end
        files = app.files()
        for _ in range(ROUNDS):
            seen = len(paints(page))
            generate(page)
            painted = paints(page)[seen:]
            counts.append(len({paint.number for paint in painted}))
            lags.append(median(lag_of(painted, source)))
            costs.append(1000 * meter.seconds / FRAMES)
        written = len(app.files() - files)
    return [
        Figure(
            f"previews: painted of {FRAMES} at {RATE:g}/s",
            min(counts),
            "frames",
            FRAMES,
            at_least=True,
        ),
        Figure("previews: lag p50", 1000 * median(lags), "ms", 40),
        Figure("previews: app CPU a frame", median(costs), "ms", 3),
        Figure("previews: files written", written, "files", 0),
    ]


def lag_of(painted: list[Paint], source: FrameSource) -> list[float]:
    """Seconds from the server's hands to the screen, for each painted frame."""
    return [paint.at - source.sent[paint.number] for paint in painted]
