"""An open page's socket: events of the user's own unfinished runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import websocket

from comfyui_standin import DemoServer
from tests.support.http_client import (
    BOB,
    close_code,
    connected,
    finished,
    messages,
    page_open,
    start,
    told,
    watching,
)
from tests.support.serving import PAINTED, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.sockets import test_page_socket as twin
from tests.ui.sockets.test_page_socket import LONG, by_page, ids
from ui.settings.web_settings import WebSettings

running = twin.running


def test_the_last_page_to_close_starts_the_grace_time() -> None:
    """While any of the user's pages is open, waiting runs are as safe as the running one. After the
    grace time, the app stops all runs except those that may keep running."""
    with running_demo_app(step_seconds=0.25, grace=4.0) as (_, app):
        with page_open(app) as stays:
            running, waiting, spared = by_page(app), by_page(app), by_page(app, keeps_going=True)
            with page_open(app):
                told(stays, lambda news: len(news["runs"]) == 3)
            for _ in range(3):  # longer than the grace time
                stays.send("here")
                told(stays, lambda news: len(news["runs"]) == 3)
                eventually(lambda step=running.state.step: running.state.step >= step + 6)
        assert finished(running).state.phase == finished(waiting).state.phase == "stopped"
        assert "page was closed" in str(running.state.error)
        eventually(lambda: spared.state.phase == "running")
        spared.cancel()
        finished(spared)


def test_a_page_that_only_looked_does_not_end_a_script_s_run() -> None:
    """A run that a script started continues after the user closes a page that showed it."""
    with running_demo_app(step_seconds=0.02, grace=0.0) as (_, app):
        run = start(app, **LONG)
        with page_open(app) as page:
            told(page, lambda news: ids(news) == [run.id])
        assert finished(run).state.phase == "done"


def test_the_page_hears_of_the_end_of_the_app() -> None:
    """A page learns that the app is shutting down while its run may still finish. Then the app
    closes the page's socket with 1012."""
    with DemoServer(step_seconds=0.05, painted=PAINTED) as demo:
        with running_app(demo.url, settings=WebSettings(port=0, finish=20)) as app:
            run = by_page(app)
            eventually(lambda: run.state.phase == "running")
            page = websocket.create_connection(
                app.url.replace("http", "ws") + "/news", timeout=LONGEST_WAIT
            )
            told(page, lambda news: not news["ending"])
        assert run.state.phase == "done"
        assert told(page, lambda news: news["ending"])
        assert close_code(page) == 1012
        page.shutdown()


def test_a_run_from_before_a_restart_is_sent(tmp_path: Path) -> None:
    """A run's socket reports how the run ended. The page's socket reports that the app has a new
    process."""
    with DemoServer(step_seconds=0.1, painted=PAINTED) as demo:
        with running_app(demo.url, data=tmp_path) as app, page_open(app) as page:
            process_id = told(page, lambda _: True)["process_id"]
            run = by_page(app)
            eventually(lambda: run.state.phase == "running")
        with running_app(demo.url, data=tmp_path) as app:
            with page_open(app) as page:
                assert told(page, lambda _: True)["process_id"] != process_id
            with watching(app, run.id) as socket:
                (last,) = messages(socket)
            assert isinstance(last, dict)
            assert (last["phase"], last["page"]["again"]) == ("stopped", True)
            assert "shut down" in last["headline"]
            with watching(app, run.id, BOB) as socket:
                assert close_code(socket) == 4404


@pytest.mark.parametrize("path", ["/news", "/live/none"])
def test_a_socket_without_sign_in_is_closed(path: str) -> None:
    """If sign-in is required and a browser isn't signed in, the app closes its socket with 4401.
    The page can then ask the user to sign in."""
    with (
        running_demo_app(
            step_seconds=0, settings=WebSettings(port=0, users=(("ann", "secret"),))
        ) as (_, app),
        connected(app, path) as socket,
    ):
        assert close_code(socket) == 4401
