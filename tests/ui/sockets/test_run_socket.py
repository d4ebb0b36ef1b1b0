"""A run's socket: views as text, frames as bytes, and a single frame in flight at a time."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from tests.support.http_client import (
    ANN,
    BOB,
    close_code,
    cookie_of,
    finished,
    messages,
    start,
    watching,
)
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a slow server."""
    with running_demo_app(step_seconds=0.03, grace=0.3) as served:
        yield served


def test_a_watcher_gets_frames_and_views_up_to_the_end(served: Served) -> None:
    """The app sends frames as whole images from the server, and the last view is the finished one.
    Then it closes the socket."""
    _, app = served
    run = start(app, **{"5.steps": 12})
    with watching(app, run.id) as socket:
        got = list(messages(socket))
    frames = [one for one in got if isinstance(one, bytes)]
    views = [one for one in got if isinstance(one, dict)]
    assert 4 <= len(frames) <= 12
    assert all(frame.startswith((b"\xff\xd8", b"\x89PNG")) for frame in frames)
    assert [view["finished"] for view in views] == [False] * (len(views) - 1) + [True]
    assert views[-1]["phase"] == "done"
    (file,) = views[-1]["page"]["files"]
    assert (
        requests.get(app.url + file["url"], cookies=cookie_of(ANN), timeout=LONGEST_WAIT).headers[
            "content-type"
        ]
        == "image/png"
    )
    assert file["kind"] == "image"
    assert ["Steps", "12"] in views[-1]["page"]["details"]


def test_the_result_comes_after_the_last_frame(served: Served) -> None:
    """Nothing follows the finished view."""
    _, app = served
    run = start(app, **{"5.steps": 4})
    with watching(app, run.id) as socket:
        *_, last = messages(socket)
    assert isinstance(last, dict)
    assert last["finished"]


def test_a_late_watcher_sees_the_newest_frame_first(served: Served) -> None:
    """A watcher that connects during a run immediately gets the current frame and state."""
    _, app = served
    run = start(app, **{"5.steps": 20})
    for state in run.watch(timeout=LONGEST_WAIT):
        if state.preview_number >= 5:
            break
    with watching(app, run.id) as socket:
        told = messages(socket)
        assert {type(next(told)), type(next(told))} == {bytes, dict}
        socket.send("stop")
        list(messages(socket))


@pytest.fixture
def own() -> Iterator[Served]:
    with running_demo_app(step_seconds=0.03) as served:
        yield served


def test_stop_over_the_socket(own: Served) -> None:
    """The message "stop" interrupts the run on the ComfyUI server, and the watcher gets the final
    state."""
    demo, app = own
    run = start(app, **{"5.steps": 60})
    with watching(app, run.id) as socket:
        told = messages(socket)
        next(one for one in told if isinstance(one, bytes))
        socket.send("stop")
        *_, last = told
    assert isinstance(last, dict)
    assert last["phase"] == "stopped"
    eventually(lambda: "interrupted" in demo.journal.of(run.id), "it is interrupted")
    eventually(lambda: demo.sockets.close_codes == [1000])


def test_the_end_can_be_read_again(served: Served) -> None:
    """A finished run's socket sends the last state and then closes normally."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1}))
    with watching(app, run.id) as socket:
        got = [one for one in messages(socket) if isinstance(one, dict)]
    assert [one["phase"] for one in got] == ["done"]


def test_only_the_owner_may_watch(served: Served) -> None:
    """The app closes the socket with 4404 for another browser and for an unknown run. Neither
    learns more than the other."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1}))
    with watching(app, run.id, BOB) as socket:
        assert close_code(socket) == 4404
    with watching(app, "no-such-run") as socket:
        assert close_code(socket) == 4404


def test_a_run_that_cannot_be_looked_up_is_not_gone(own: Served) -> None:
    """While the app can't read the history, it closes the socket as after any failure, and the page
    asks again. The page would forget a run that is gone."""
    _, app = own
    with contextlib.closing(sqlite3.connect(app.data / "history.sqlite")) as history:
        history.execute("ALTER TABLE runs RENAME TO away")
        with watching(app, "a-run-of-before") as socket:
            assert close_code(socket) == 1011


def test_other_sites_may_not_watch(served: Served) -> None:
    """Another site's page can't open the socket, even though the browser would send the cookie."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1}))
    with (
        pytest.raises(websocket.WebSocketBadStatusException, match="403"),
        watching(app, run.id, origin="https://evil.example"),
    ):
        pass


def test_nonsense_ends_the_socket_only(served: Served) -> None:
    """An unknown message closes only the sender's socket. The run continues."""
    _, app = served
    run = start(app, **{"5.steps": 15})
    with watching(app, run.id) as good:
        with watching(app, run.id) as bad:
            bad.send("nonsense")
            assert close_code(bad) == 1003
        *_, last = messages(good)
    assert isinstance(last, dict)
    assert last["phase"] == "done"


def test_many_watchers(served: Served) -> None:
    """Ten tabs that watch the same run all reach its end, each with frames."""
    _, app = served
    run = start(app, **{"5.steps": 10})
    counts: list[int] = []

    def watch() -> None:
        with watching(app, run.id) as socket:
            counts.append(sum(isinstance(one, bytes) for one in messages(socket)))

    threads = [threading.Thread(target=watch) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert len(counts) == 10
    assert min(counts) >= 3
