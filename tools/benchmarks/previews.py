"""Live previews at full speed: 10 frames of 67 kB per second, from the server to the screen. Also
in the cells of a 6 x 6 grid, where the page has to stay smooth."""

from __future__ import annotations

import time
from itertools import pairwise

from playwright.sync_api import Page, expect

from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.browser import WAIT, Paint, generate, opened_page, paints
from tools.benchmarks.tools.figure import Figure, median, percentile
from tools.benchmarks.tools.frames import FrameSource

FRAMES = 100
RATE = 10.0
ROUNDS = 2
IDLE_SECONDS = 4.0
SIDE = 6  # cells
IN_CELL = 10  # frames
LEAD = 0.3  # seconds between the begin of a cell's run and its first frame
LONGEST = 180_000  # milliseconds of the grid
# When the page has drawn itself, in milliseconds.
NOTE_FRAMES = """() => {
  window.drawn = [];
  const note = (at) => { drawn.push(at); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


class Meter:
    """Meter for the app's processor time while frames travel, minus its idle use."""

    def __init__(self, app: AppProcess) -> None:
        self._app = app
        self._idle = 0.0
        self._from = (0.0, 0.0)
        self.seconds = 0.0

    def learn_idle(self) -> None:
        """Measure the app's idle use for a while, with the page open."""
        used = self._app.cpu_seconds()
        time.sleep(IDLE_SECONDS)
        self._idle = (self._app.cpu_seconds() - used) / IDLE_SECONDS

    def begin(self) -> None:
        """Start measuring before the first frame."""
        self._from = (self._app.cpu_seconds(), time.monotonic())

    def end(self) -> None:
        """Stop measuring after the last frame."""
        used, started = self._from
        self.seconds = self._app.cpu_seconds() - used - self._idle * (time.monotonic() - started)


def measure() -> list[Figure]:
    """Measure previews on the stage and in a grid."""
    return [*on_stage(), *in_grid()]


def on_stage() -> list[Figure]:
    """Measure the painted frames, lag, processor time and files. Each figure is the median of the
    rounds, but the frame count is the worst round."""
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
    """Return the seconds from the server to the screen for each painted frame."""
    return [paint.at - source.sent[paint.number] for paint in painted]


def in_grid() -> list[Figure]:
    """Measure the page's frames per second, the time of its slowest frames, and the number of
    painted previews."""
    source = FrameSource(IN_CELL, 1 / RATE, lead=LEAD)
    with source.serve() as demo, running_app(demo.url) as app, opened_page(app.url) as page:
        start_grid(page)
        before = len(paints(page))
        page.evaluate(NOTE_FRAMES)
        results = page.locator(".grid-cell .result img")
        expect(results).to_have_count(SIDE**2, timeout=LONGEST)
        drawn = page.evaluate("drawn")
        painted = len(paints(page)) - before
    gaps = [later - earlier for earlier, later in pairwise(drawn)]
    rate = 1000 * len(gaps) / (drawn[-1] - drawn[0])
    return [
        Figure("grid: frames a second of the page", rate, "", 50, at_least=True),
        Figure("grid: its frames p99", percentile(gaps, 0.99), "ms", 50),
        Figure(
            f"grid: previews painted of {SIDE**2 * IN_CELL}",
            painted,
            "frames",
            0.8 * SIDE**2 * IN_CELL,
            at_least=True,
        ),
    ]


def start_grid(page: Page) -> None:
    """Start the grid from the dialog, which opens the batch's sheet."""
    page.set_default_timeout(WAIT)
    page.click("#many-button")
    page.click("#vary")
    dialog = page.locator("dialog.vary")
    fields = dialog.get_by_label("Field", exact=True)
    fields.first.select_option(label="Steps")
    dialog.get_by_role("textbox", name="Steps").fill(f"1..{SIDE}")
    dialog.get_by_role("button", name="Add a field").click()
    fields.last.select_option(label="Guidance scale")
    dialog.get_by_role("textbox", name="Guidance scale").fill(f"1..{SIDE}")
    dialog.get_by_role("button", name=f"Start ×{SIDE**2:,}", exact=True).click()
    page.wait_for_selector(".grid-cell")
