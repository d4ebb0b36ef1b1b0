"""The remote client with a proxy in front of the app."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests

from comfyforms import ApiError, RemoteApp, RemoteError
from comfyforms.remote.calls import Calls
from tests.support.serving import running_demo_app


@contextlib.contextmanager
def proxy(app: str, statuses: list[int], at: str = "/events") -> Iterator[str]:
    """Run a proxy and yield its address. Requests whose path ends in `at` get these statuses first.
    All other requests are redirected to the app."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_away = self.path.endswith(at) and statuses
            self.send_response(statuses.pop(0) if is_away else 307)
            self.send_header("content-length", "0")
            self.send_header("location", app + self.path)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_app_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the proxy answers in place of the app, the client retries for half a minute. It reports a
    refusal immediately."""
    paused: list[float] = []
    monkeypatch.setattr("comfyforms.remote.runs.time", SimpleNamespace(sleep=paused.append))
    statuses: list[int] = []
    with (
        running_demo_app(step_seconds=0) as (demo, served),
        RemoteApp(served.url) as there,
        proxy(served.url, statuses) as url,
        RemoteApp(url) as app,
    ):
        with demo.hold("progress"):
            run = app.find(there.run("text-to-image").id)
            for status, least in ((404, 0), (502, 30)):
                statuses[:] = [status] * 9
                with pytest.raises(ApiError, match=f"status {status}"):
                    list(run)
                assert sum(paused) >= least
                assert bool(paused) == bool(least)
        paused.clear()
        statuses[:] = [502, 503, 504]
        assert list(run)[-1].phase == "done"
        assert len(paused) == 3
        there.close()
        app.close()
        served.close_idle()


def test_a_sign_in_of_a_proxy_is_distinguished_from_the_app() -> None:
    """The client notices if a page arrives instead of the app's JSON or a run's events."""
    with proxy("", [200, 200], at="") as url, requests.Session() as session:
        with pytest.raises(RemoteError, match="isn't from the app"):
            RemoteApp(url, session=session).workflows()
        with pytest.raises(RemoteError, match="isn't from the app"):
            next(Calls(url, session).events("/runs/1/events", ""))
