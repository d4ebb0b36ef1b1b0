"""The costs of a form by the number of its graph's nodes: opening it, Generate, typing."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page

from comfyui_standin import DemoServer
from tests.support.large_graphs import write_large
from tools.benchmarks.tools.app_process import AppProcess, running_app
from tools.benchmarks.tools.browser import READY, WAIT, chromium, wait_ready
from tools.benchmarks.tools.figure import Figure, median

SIZES = (10, 100, 300, 1000)
TRIES = 3
TYPED = "hello"
SHOWN = 3000  # milliseconds after an accepted run: the form shows its seeds, the stage its previews
NOTE_TASKS = """
  window.tasks = [0];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)))
    .observe({ type: "longtask" });
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds: processor time of the `app` and of the `page` until the form can be used, and the
    longest task, 0 for less than 50 ms, after Generate (`pressed`) and while the user types."""

    app: float
    page: float
    pressed: float
    typed: float


def measure() -> list[Figure]:
    """Measure the median of several new tabs for each size."""
    with (
        tempfile.TemporaryDirectory() as name,
        DemoServer(step_seconds=0.5) as demo,
        running_app(
            demo.url, "--workflows", str(write_large(Path(name) / "graphs", *SIZES))
        ) as app,
        chromium() as browser,
    ):
        _cost(browser, app, SIZES[0])  # the app compresses its files after the first visitor
        return [figure for nodes in SIZES for figure in _of(browser, app, nodes)]


def _of(browser: Browser, app: AppProcess, nodes: int) -> list[Figure]:
    costs = [_cost(browser, app, nodes) for _ in range(TRIES)]
    return [
        Figure(f"{nodes} nodes: app to open the form", median([c.app for c in costs]), "s", 0.6),
        Figure(f"{nodes} nodes: page to open the form", median([c.page for c in costs]), "s", 1.5),
        Figure(f"{nodes} nodes: task after Generate", median([c.pressed for c in costs]), "s", 0.2),
        Figure(f"{nodes} nodes: task while typing", median([c.typed for c in costs]), "s", 0.1),
    ]


def _cost(browser: Browser, app: AppProcess, nodes: int) -> Cost:
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.add_init_script(NOTE_TASKS)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    began = app.cpu_seconds()
    page.goto(f"{app.url}/?workflow=large-{nodes}", timeout=WAIT)
    wait_ready(page)
    page.wait_for_load_state("networkidle")
    of_app, of_page = app.cpu_seconds() - began, _processor_seconds(session)
    page.evaluate("tasks.length = 1")
    page.locator("#form textarea").first.press_sequentially(TYPED)
    page.wait_for_load_state("networkidle")
    typed = _longest(page)
    with page.expect_response("**/runs", timeout=WAIT):
        page.click(READY)
    page.wait_for_timeout(SHOWN)
    cost = Cost(of_app, of_page, _longest(page), typed)
    page.evaluate("document.querySelector('#stop').click()")  # unless it has ended
    context.close()
    return cost


def _processor_seconds(session: CDPSession) -> float:
    """Return the time of all tasks of the page's main thread so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _longest(page: Page) -> float:
    """Return the longest task in seconds since the last call."""
    return float(page.evaluate("Math.max(...tasks.splice(1), 0) / 1000"))
