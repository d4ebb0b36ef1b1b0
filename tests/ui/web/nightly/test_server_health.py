"""The check of the ComfyUI server: the app makes it while a page is open and sends the result to
every page."""

from __future__ import annotations

import threading

from comfyui_standin import DemoServer
from tests.support.http_client import page_open, told
from tests.support.serving import running_app
from tests.support.waiting import eventually
from tests.ui.web import test_server_health as twin
from tests.ui.web.test_server_health import QUICK, asked

demo = twin.demo


def test_an_idle_app_does_not_query_the_server(demo: DemoServer) -> None:
    """The app asks the server nothing before the first page opens and after the last page
    closes."""
    with running_app(demo.url, pace=QUICK) as app:
        assert asked(demo) == 0
        with page_open(app) as page:
            told(page, lambda _: True)
            eventually(lambda: asked(demo) > 2)

        def silent() -> bool:
            before = asked(demo)
            threading.Event().wait(5 * QUICK.idle)
            return asked(demo) == before

        eventually(silent, "nobody asks the server any more")
