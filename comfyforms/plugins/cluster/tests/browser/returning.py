"""A browser's page behind a load balancer, whose process dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.browser.balancer import Balancer
from comfyui_standin import DemoServer
from tests.support.serving import RunningApp
from tests.support.visitor import Site, Visitor

# Errors in the browser's console while the page's process is away.
AWAY = ("WebSocket connection to", "Failed to load resource", "502")


def page_behind(
    balancer: Balancer, visit: Callable[..., Visitor], workflow: str, values: str = ""
) -> Visitor:
    """Return a visitor with a workflow's page, and values in its address."""
    # The visitor uses no part of an app in this process.
    site = Site(balancer.url, cast(DemoServer, None), cast(RunningApp, None))
    person = visit(site, ignore_https_errors=True)
    person.forgive(*AWAY)
    person.page.goto(f"{balancer.url}/?workflow={workflow}&{values}")
    person.ready()
    return person


@contextmanager
def returning(
    balancer: Balancer, person: Visitor, end: Callable[[AppProcess], object] = AppProcess.kill
) -> Iterator[None]:
    """End the process of a page and wait until the page is back at the other process. Then run the
    block, and start the process again. Check that the page was loaded only once, and that the
    browser stays at the other process."""
    loads: list[float] = []
    page = person.page
    page.on("load", lambda _: loads.append(time.monotonic()))
    app = balancer.process_of(page.context)
    began = time.monotonic()
    end(app)
    try:
        while not loads:
            page.wait_for_event("load")
        person.ready()
        print(f"page back after {time.monotonic() - began:.2f} s")
        yield
    finally:
        app.start()
    # The page stays where it is, although the former process is back.
    page.evaluate("fetch('api/v1/runs')")
    assert len(loads) == 1
    page.reload()
    person.ready()
    assert balancer.process_of(page.context) is balancer.other_than(app)
