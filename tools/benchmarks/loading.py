"""The first load of the page: its first view, usable fields, requests and bytes."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, Page, Request

from tests.support.link import FaultyLink
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.browser import FIELD, READY, WAIT, chromium
from tools.benchmarks.tools.figure import Figure, median
from tools.benchmarks.tools.frames import FrameSource

LOADS = 5
SLOW_LOADS = 3
SLOW_RATE, SLOW_WAY = 60_000, 0.05  # bytes per second; seconds in each direction
QUIET = 2000  # milliseconds without requests after which a load is over
# The time in seconds since the navigation at which the fields and Generate can be used.
NOTE_USABLE = f"""(() => {{
  const look = () => {{
    const isUsable = document.querySelector("{FIELD}") && document.querySelector("{READY}")
      && !document.querySelector("#first-view");
    if (isUsable) window.usable = performance.now() / 1000;
    else requestAnimationFrame(look);
  }};
  look();
}})()"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


@dataclass(frozen=True, slots=True)
class Load:
    """One load of the page with an empty cache. Times in seconds; `size` in bytes on the wire."""

    painted: float
    usable: float
    requests: int
    size: int


def measure() -> list[Figure]:
    """Measure loads over loopback and over a slow link. The first view is the first paint."""
    source = FrameSource(1, 1.0)
    with (
        source.serve() as demo,
        running_app(demo.url) as app,
        FaultyLink(app.url) as link,
        chromium() as browser,
    ):
        _load(browser, app.url)  # the app compresses its files after the first visitor
        _load(browser, app.url)
        near = [_load(browser, app.url) for _ in range(LOADS)]
        link.narrow(SLOW_RATE)
        link.lag(SLOW_WAY)
        slow = [_load(browser, link.url) for _ in range(SLOW_LOADS)]
    return [
        Figure("first view painted", median([one.painted for one in near]), "s", 0.7),
        Figure("fields usable", median([one.usable for one in near]), "s", 1.2),
        Figure("fields usable at 60 kB/s + 100 ms", median([one.usable for one in slow]), "s", 5),
        Figure("requests of a first load", max(one.requests for one in near), "", 45),
        Figure("bytes of a first load", max(one.size for one in near) / 1000, "kB", 400),
    ]


def _load(browser: Browser, url: str) -> Load:
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.add_init_script(NOTE_USABLE)
    finished: list[Request] = []
    page.on("requestfinished", lambda request: finished.append(request))
    page.goto(url, wait_until="commit", timeout=WAIT)
    page.wait_for_function("window.usable", timeout=WAIT)
    painted, usable = page.evaluate(FIRST_PAINT), page.evaluate("window.usable")
    _wait_until_quiet(page)
    sent = [one for one in finished if one.url.startswith("http")]
    sizes = (one.sizes() for one in sent)
    size = sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)
    context.close()
    return Load(painted, usable, len(sent), size)


def _wait_until_quiet(page: Page) -> None:
    page.wait_for_load_state("networkidle", timeout=WAIT)
    page.wait_for_timeout(QUIET)
    page.wait_for_load_state("networkidle", timeout=WAIT)
