"""One address at full load doesn't exhaust a limit for other addresses. The limits are small, so
that the tests take seconds. `python -m tools.benchmarks rude_address` has the figures at full size.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType

import requests

from comfyui_standin import DemoServer
from tests.security.signing_in import history_status, signed_in
from tests.support.http_client import ANN, cookie_of
from tests.support.raw_requests import JSON, begun, sent, status
from tests.support.serving import RunningApp, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.api_calls import call
from ui.api.batches.rows import BatchRowDocs
from ui.settings.web_settings import WebSettings
from ui.web.limits import WebLimits

WORDS = "a lighthouse " * 50
SOON = LONGEST_WAIT / 3  # long before the stand-in ends a hold
RUDE = "9.9.9.9"  # as a trusted proxy names it


@contextlib.contextmanager
def forwarded(app: RunningApp, address: str, *lines: str) -> Iterator[socket.socket]:
    """Open a connection from a trusted proxy that forwards the requests of `address` without
    buffering."""
    host, port = app.url.removeprefix("http://").split(":")
    head, *rest = lines
    text = "\r\n".join([head, f"X-Forwarded-For: {address}", *rest])
    with socket.create_connection((host, int(port)), timeout=LONGEST_WAIT) as connection:
        connection.sendall(text.encode())
        yield connection


def test_slow_bodies_behind_a_proxy_do_not_block_other_addresses() -> None:
    """A forwarded address gets a share of the requests. The app refuses the next request and closes
    its connection, while it answers another address."""
    limits = WebLimits(requests=6, address_requests=3, patience=2 * LONGEST_WAIT)
    with (
        running_demo_app(step_seconds=0, limits=limits) as (_, app),
        contextlib.ExitStack() as kept,
    ):
        for _ in range(3):
            kept.enter_context(forwarded(app, RUDE, *begun("/api/v1/workflows", 1000, JSON, "{")))

        def is_full() -> bool:
            with forwarded(app, RUDE, *begun("/api/v1/workflows", 1000, JSON, "{")) as one_more:
                answered = status(one_more) == 429
                return answered and one_more.recv(4000) == b""

        eventually(is_full, "the address has all that it may have")
        headers = {"X-Forwarded-For": "9.9.9.10"}
        for _ in range(10):
            other = requests.get(
                f"{app.url}/api/v1/workflows", headers=headers, timeout=LONGEST_WAIT
            )
            assert other.status_code == 200


def test_slow_sign_ins_leave_room_for_users() -> None:
    """Visitors without an account at many addresses have at most half of the requests. The check
    whether the app is alive doesn't count as one of theirs."""
    limits = WebLimits(requests=4, address_requests=4, patience=2 * LONGEST_WAIT)
    settings = WebSettings(port=0, users=(("anna", "lighthouse"),))
    with (
        running_demo_app(step_seconds=0, limits=limits, settings=settings) as (_, app),
        signed_in(app, ("anna", "lighthouse")) as anna,
        contextlib.ExitStack() as kept,
    ):
        form = begun("/login", 1000, "application/x-www-form-urlencoded", "u")
        for address in (RUDE, RUDE, "9.9.9.8", "9.9.9.8"):
            kept.enter_context(forwarded(app, address, *form))

        def is_full() -> bool:
            with forwarded(app, "9.9.9.7", *form) as one_more:
                return status(one_more) == 429

        eventually(is_full, "visitors have all that they may have")
        anna.headers["X-Forwarded-For"] = "9.9.9.10"
        assert {history_status(app, anna) for _ in range(10)} == {200}
        with requests.get(f"{app.url}/health", timeout=LONGEST_WAIT) as alive:
            assert alive.status_code == 200


def test_finished_requests_are_not_counted() -> None:
    """An idle connection doesn't count toward its address's limit."""
    with (
        running_demo_app(step_seconds=0, limits=WebLimits(address_requests=1)) as (_, app),
        contextlib.ExitStack() as kept,
    ):
        for _ in range(3):
            line = ("GET /robots.txt HTTP/1.1", "Host: localhost", "", "")
            assert status(kept.enter_context(forwarded(app, RUDE, *line))) == 200


def test_waiting_for_a_run_holds_no_upload_space() -> None:
    """Once the app has stored a body, its upload space is free for the next body, however long the
    run waits."""
    limits = WebLimits(arriving=500_000, person_arriving=500_000, address_arriving=500_000)
    path = "/api/v1/workflows/text-to-image/runs"
    body = '{"values": {"5.steps": 60}}'.ljust(300_000)
    with running_demo_app(step_seconds=0.5, limits=limits) as (_, app):

        def is_accepted() -> bool:
            with sent(app, *begun(path, len(body), JSON, body)) as another:
                return status(another) == 201

        with sent(app, *begun(f"{path}?wait=true", len(body), JSON, body)):
            eventually(app.runs.known, "its run has begun")
            eventually(is_accepted, "there is room again")
            assert not all(run.state.phase.finished for run in app.runs.known())


def test_requests_waiting_for_comfyui_do_not_block_others() -> None:
    """One address sends more requests than the app can answer at once, while ComfyUI doesn't answer
    the query for its nodes. The app still answers another address."""
    line = ("GET /api/v1/presets?workflow=text-to-image HTTP/1.1", "Host: localhost", "", "")
    with (
        DemoServer(step_seconds=0) as demo,
        contextlib.ExitStack() as kept,
        running_app(demo.url) as app,
    ):
        held = [kept.enter_context(demo.hold("GET /object_info")) for _ in range(20)]
        for _ in range(220):
            kept.enter_context(forwarded(app, RUDE, *line))
        assert held[0].reached.wait(LONGEST_WAIT)
        headers = {"X-Forwarded-For": "9.9.9.10"}
        for _ in range(10):
            other = requests.get(f"{app.url}/robots.txt", headers=headers, timeout=SOON)
            assert other.status_code == 200


def large_batch(app: RunningApp) -> str:
    """Start and pause a batch of 10,000 rows with long texts, and return its id."""
    axes = [
        {"field": "2.text", "text": "\n".join(f"{WORDS}{number}" for number in range(100))},
        {"field": "5.seed", "text": "1..100"},
    ]
    begun = call(app, "POST", "/api/v1/workflows/text-to-image/batches", json={"axes": axes}).json()
    assert call(app, "POST", f"/batches/{begun['id']}/pause").status_code == 200
    return str(begun["id"])


def being_searched() -> int:
    def is_searching(frame: FrameType | None) -> bool:
        return frame is not None and (
            frame.f_code is BatchRowDocs.places.__code__ or is_searching(frame.f_back)
        )

    return sum(map(is_searching, sys._current_frames().values()))


def test_searches_in_rows_take_turns() -> None:
    """At most two of a user's searches run at once. The app answers all of them."""
    most = 0
    with running_demo_app(step_seconds=0.2) as (_, app), ThreadPoolExecutor(12) as people:
        address = f"{app.url}/api/v1/batches/{large_batch(app)}/rows?search=nothing"

        def search() -> requests.Response:
            return requests.get(address, cookies=cookie_of(ANN), timeout=LONGEST_WAIT)

        answers = [people.submit(search) for _ in range(12)]
        while wait(answers, timeout=0.001).not_done:
            most = max(most, being_searched())
        assert [one.result().json()["total"] for one in answers] == [0] * 12
    assert 0 < most <= WebLimits().person_working


def test_a_slow_reader_holds_no_turn() -> None:
    """Downloads that the client doesn't read don't delay the same user's next request."""
    with running_demo_app(step_seconds=0.2) as (_, app), contextlib.ExitStack() as kept:
        batch, (name, value) = large_batch(app), next(iter(cookie_of(ANN).items()))
        lines = (
            f"GET /api/v1/batches/{batch}/results.csv HTTP/1.1",
            f"Cookie: {name}={value}",
            "Host: localhost",
            "",
            "",
        )
        for _ in range(WebLimits().person_working):
            assert kept.enter_context(sent(app, *lines)).recv(9)
        for _ in range(3):
            answer = call(app, "GET", f"/batches/{batch}/rows?search=nothing")
            assert answer.status_code == 200
