"""The time from `python app.py` to a page ready for Generate, without any server to connect to."""

from __future__ import annotations

import time

from tools.benchmarks.tools.app_process import started_app, wait_for_answer
from tools.benchmarks.tools.browser import READY, chromium, wait_ready
from tools.benchmarks.tools.figure import Figure, median

STARTS = 3


def measure() -> list[Figure]:
    """Measure the median of several starts. A press then proves that the page was ready: a run
    starts on the server."""
    with chromium() as browser:
        taken = []
        for _ in range(STARTS):
            page = browser.new_page()
            started = time.monotonic()
            with started_app(None) as app:
                wait_for_answer(app.url)
                page.goto(app.url)
                wait_ready(page)
                taken.append(time.monotonic() - started)
                page.click(READY)
                page.wait_for_selector(".stage[data-phase=running]")
                page.close()
    return [Figure("start: app.py to ready for Generate", median(taken), "s", 5)]
