"""An open page's socket: events of the user's own unfinished runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from comfy.runs.interface import Origin, Run, RunPolicy
from tests.support.http_client import (
    ANN,
    BOB,
    close_code,
    finished,
    page_open,
    post,
    start,
    told,
)
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import eventually

LONG = {"5.steps": 60}
SLOW = 2.0  # seconds per step


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a server whose steps take so long that no test waits for the last one."""
    with running_demo_app(step_seconds=SLOW) as served:
        yield served


def several(app: RunningApp, count: int = 4) -> list[Run]:
    runs = [start(app, **LONG) for _ in range(count)]
    eventually(lambda: runs[0].state.phase == "running")
    return runs


def ids(news: dict[str, Any]) -> list[str]:
    """Return the IDs of the reported runs in order."""
    return [entry["id"] for entry in news["runs"]]


def by_page(app: RunningApp, cookie: str = ANN, **options: Any) -> Run:
    """Start a long run as a page does."""
    origin, policy = Origin(f"browser:{cookie}"), RunPolicy(**options)
    return app.services.starter.start("text-to-image", LONG, origin, policy)


def test_a_page_gets_events_of_its_runs(served: Served) -> None:
    """A page's first message has all unfinished runs: the running ones, the waiting ones with their
    places, and whether the user can move them."""
    demo, app = served
    demo.speed.step = 0
    finished(start(app, **{"5.steps": 1}))
    demo.speed.step = SLOW
    runs = several(app)
    with page_open(app) as page:
        news = told(
            page,
            lambda news: (
                [entry["phase"] for entry in news["runs"]] == ["running"] + ["waiting"] * 3
            ),
        )
        assert ids(news) == [run.id for run in runs]
        assert [entry["page"]["movable"] for entry in news["runs"]] == [False, True, True, True]
        assert news["runs"][3]["page"]["said"] == "3 ahead"
        assert news["runs"][3]["page"]["due_in"] > 0
        assert news["runs"][3]["title"] == "Text to image"
        assert news["runs"][3]["page"]["about"].startswith("a small harbor town")
        assert news["waiting"] == 3
        assert not news["ending"]


def test_runs_of_other_pages_send_events(served: Served) -> None:
    """Runs that another tab starts or stops appear and disappear without a request from the
    page."""
    _, app = served
    with page_open(app) as page:
        assert told(page, lambda _: True)["runs"] == []
        run = start(app, **LONG)
        told(page, lambda news: ids(news) == [run.id])
        run.cancel()
        told(page, lambda news: news["runs"] == [])


def test_another_user_gets_only_the_number_of_waiting_runs(served: Served) -> None:
    """Another user's page gets the total number of waiting runs, but no information about any
    run."""
    _, app = served
    with page_open(app, BOB) as page:
        runs = several(app, 3)
        news = told(page, lambda news: news["waiting"] == 2)
        assert news["runs"] == []
        runs[2].cancel()
        assert told(page, lambda news: news["waiting"] == 1)["runs"] == []


def test_a_page_without_a_cookie_gets_the_number_only(served: Served) -> None:
    """All scripts without a cookie count as the same owner. None of them learns of another's
    runs."""
    _, app = served
    with page_open(app, "") as page:
        start(app, cookie="", **LONG)
        start(app, cookie="", **LONG)
        assert told(page, lambda news: news["waiting"] == 1)["runs"] == []


def test_places_change_live(served: Served) -> None:
    """When a run moves up or leaves the queue, the app sends every run's new position."""
    _, app = served
    first, second, third, fourth = (run.id for run in several(app))
    with page_open(app) as page:
        told(page, lambda news: ids(news) == [first, second, third, fourth])
        assert post(app, f"/api/v1/runs/{fourth}/move?by=-1").status_code == 200
        news = told(page, lambda news: ids(news) == [first, second, fourth, third])
        assert news["runs"][3]["page"]["said"].startswith("3 ahead")
        assert post(app, f"/api/v1/runs/{second}/stop").status_code == 200
        told(page, lambda news: ids(news) == [first, fourth, third])


def test_a_ping_of_the_page_is_answered(served: Served) -> None:
    """When a page pings, the app sends the full state again, even if nothing changed."""
    _, app = served
    with page_open(app) as page:
        first = told(page, lambda news: bool(news["counts"]))
        for _ in range(3):
            page.send("here")
            assert told(page, lambda _: True) == first
        page.send("nonsense")
        assert close_code(page) == 1003


def test_a_reload_within_the_grace_time_ends_nothing() -> None:
    """If a page closes and reconnects within the grace time, its run continues."""
    with running_demo_app(step_seconds=0.25, grace=4.0) as (_, app):
        run = by_page(app)
        for _ in range(3):
            with page_open(app) as page:
                told(page, lambda news: ids(news) == [run.id])
        with page_open(app) as page:
            step = run.state.step
            eventually(lambda: run.state.step > step + 17)  # longer than the grace time
            assert run.state.phase == "running"


def test_a_lagging_page_does_not_delay_other_pages(served: Served) -> None:
    """A page that doesn't read gets only the latest state when it reads again. Meanwhile another
    page gets every update."""
    _, app = served
    with page_open(app) as lazy, page_open(app) as lively:
        for _ in range(5):
            run = start(app, **LONG)
            told(lively, lambda news, run=run: ids(news) == [run.id])
            run.cancel()
            told(lively, lambda news: news["runs"] == [])
        last = start(app, **LONG)
        told(lively, lambda news: ids(news) == [last.id])
        told(lazy, lambda news: ids(news) == [last.id])


def test_other_sites_hear_nothing(served: Served) -> None:
    """Another site's page can't open the socket, even though the browser would send the cookie."""
    _, app = served
    with (
        pytest.raises(websocket.WebSocketBadStatusException, match="403"),
        page_open(app, origin="https://evil.example"),
    ):
        pass
