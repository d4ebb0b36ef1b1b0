"""What a page costs that nobody uses."""

from __future__ import annotations

from comfy.demo import DemoServer
from tests.benchmarks.app_process import running_app
from tests.benchmarks.browser import opened_page
from tests.benchmarks.figure import Figure

SECONDS = 10


def measure() -> list[Figure]:
    """Requests and sockets of a page in ten seconds of nothing, and what the server was asked
    meanwhile."""
    with DemoServer() as demo, running_app(demo.url) as app, opened_page(app.url) as page:
        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.url))
        page.on("websocket", lambda opened: seen.append(opened.url))
        before = demo.requests.total()
        page.wait_for_timeout(1000 * SECONDS)
        asked = demo.requests.total() - before
    return [
        Figure(f"idle: requests of a page in {SECONDS} s", len(seen), "requests", 2),
        Figure(f"idle: calls to the server in {SECONDS} s", asked, "calls", 2),
    ]
