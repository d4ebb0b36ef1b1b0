"""A grid of 6 x 6 cells that fills in with previews: how smooth the page stays."""

from __future__ import annotations

from itertools import pairwise

from playwright.sync_api import Page

from tests.benchmarks.app_process import running_app
from tests.benchmarks.browser import WAIT, opened_page, paints
from tests.benchmarks.figure import Figure, percentile
from tests.benchmarks.frames import FrameSource

SIDE = 6
FRAMES = 10
RATE = 10.0
LEAD = 0.3  # seconds between the begin of a run and its first frame
LONGEST = 180_000  # milliseconds
# When the page has drawn itself, in milliseconds, as long as it is noted.
NOTE_FRAMES = """() => {
  window.drawn = [];
  const note = (at) => { drawn.push(at); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""
OVER = "document.querySelectorAll('.grid-cell .result img').length === %d"


def measure() -> list[Figure]:
    """The page's frames a second, the time of its slowest ones, and the previews that were seen."""
    source = FrameSource(FRAMES, 1 / RATE, lead=LEAD)
    with source.serve() as demo, running_app(demo.url) as app, opened_page(app.url) as page:
        start_grid(page)
        before = len(paints(page))
        page.evaluate(NOTE_FRAMES)
        page.wait_for_function(OVER % SIDE**2, timeout=LONGEST)
        drawn = page.evaluate("drawn")
        painted = len(paints(page)) - before
    gaps = [later - earlier for earlier, later in pairwise(drawn)]
    rate = 1000 * len(gaps) / (drawn[-1] - drawn[0])
    return [
        Figure("grid: frames a second of the page", rate, "", 50, at_least=True),
        Figure("grid: its frames p99", percentile(gaps, 0.99), "ms", 50),
        Figure(
            f"grid: previews painted of {SIDE**2 * FRAMES}",
            painted,
            "frames",
            0.8 * SIDE**2 * FRAMES,
            at_least=True,
        ),
    ]


def start_grid(page: Page) -> None:
    """Start it from the dialog, and open its sheet."""
    page.set_default_timeout(WAIT)
    page.click("#vary")
    dialog = page.locator("dialog.vary")
    fields = dialog.get_by_label("Field", exact=True)
    fields.first.select_option(label="Steps")
    dialog.get_by_label("Values of Steps").fill(f"1..{SIDE}")
    dialog.get_by_role("button", name="Add a field").click()
    fields.last.select_option(label="Guidance scale")
    dialog.get_by_label("Values of Guidance scale").fill(f"1..{SIDE}")
    dialog.get_by_role("button", name=f"Start {SIDE**2} runs").click()
    page.locator("#batches .batch .open").click()
    page.wait_for_selector(".grid-cell")
