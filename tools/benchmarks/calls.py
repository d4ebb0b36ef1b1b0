"""Requests to the server during a run and from an idle page, which should be few on a server with
many users."""

from __future__ import annotations

from collections import Counter

from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfyui_standin import DemoServer
from tests.support.registries import EmbeddedRegistry
from tools.benchmarks.overhead import prompts, whole_run
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.browser import generate, opened_page
from tools.benchmarks.tools.figure import Figure

STEP_SECONDS = 0.02
IDLE = 10  # seconds


def measure() -> list[Figure]:
    return [*of_runs(), *of_idle_page()]


def of_runs() -> list[Figure]:
    """Count the HTTP requests between pressing Generate and the results, and the requests of the
    same run without a page."""
    with DemoServer(step_seconds=STEP_SECONDS) as demo:
        with running_app(demo.url) as app, opened_page(app.url) as page:
            before = demo.requests
            generate(page)
            page.wait_for_load_state("networkidle")
            of_page = asked(demo.requests - before)
        with Client(demo.url) as client:
            runs = EmbeddedRegistry(ServerPool(client))
            prompt = next(prompts(client))
            before = demo.requests
            whole_run(runs, prompt)
            runs.close()
            of_run = asked(demo.requests - before)
    return [
        Figure("calls: Generate to results, in the page", of_page.total(), "calls", 5),
        Figure("calls: a run without a page", of_run.total(), "calls", 5),
    ]


def of_idle_page() -> list[Figure]:
    """Count an idle page's requests and sockets in ten seconds, and the app's requests to the
    server meanwhile."""
    with DemoServer() as demo, running_app(demo.url) as app, opened_page(app.url) as page:
        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.url))
        page.on("websocket", lambda opened: seen.append(opened.url))
        before = demo.requests.total()
        page.wait_for_timeout(1000 * IDLE)
        to_server = demo.requests.total() - before
    return [
        Figure(f"calls: requests of an idle page in {IDLE} s", len(seen), "requests", 2),
        Figure(f"calls: to the server, idle, in {IDLE} s", to_server, "calls", 2),
    ]


def asked(requests: Counter[str]) -> Counter[str]:
    """Return the HTTP requests among the server's counts, without the WebSocket handshake."""
    return Counter({name: count for name, count in requests.items() if name != "GET /ws"})
