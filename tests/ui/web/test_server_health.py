"""The check of the ComfyUI server: the app makes it while a page is open and sends the result to
every page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.errors import ServerUnreachable
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.server import ANSWER_SECONDS
from comfyui_standin import DemoServer
from tests.support.http_client import BOB, finished, page_open, start, told
from tests.support.serving import PAINTED, running_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from ui.documents.headlines import AWAY
from ui.web.server_health import CheckIntervals, ServerHealth

QUICK = CheckIntervals(idle=0.2, recheck=0.05, away=0.1)
# Asks again only where a request went without an answer.
PATIENT = CheckIntervals(idle=600, recheck=0.05, away=0.1)
SECONDS = st.floats(min_value=0, max_value=1e6)


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """Run a slow server."""
    with DemoServer(step_seconds=0.1, painted=PAINTED) as server:
        yield server


def asked(demo: DemoServer) -> int:
    return demo.requests["GET /system_stats"]


@given(idle=SECONDS, recheck=SECONDS, away=SECONDS)
def test_a_request_without_an_answer_only_ever_shortens_a_pause(
    idle: float, recheck: float, away: float
) -> None:
    """The request never delays the next check. It changes nothing while the server is
    unreachable."""
    pace = CheckIntervals(idle, recheck, away)
    short, long = pace.pause(reachable=True)
    assert short <= long == idle
    assert pace.pause(reachable=False) == (away, away)


def test_a_server_is_known_to_be_away_soon() -> None:
    """A pause plus an unanswered check takes at most fifteen seconds. The app notices within two
    that a server is back."""
    pace = CheckIntervals()
    assert pace.pause(reachable=True)[1] + ANSWER_SECONDS <= 15
    assert pace.pause(reachable=False)[1] <= 2


class Answers:
    """Health check of a server with a scripted answer, which counts its calls."""

    def __init__(self) -> None:
        self.well = True
        self.count = 0
        self.counted = threading.Condition()

    def __call__(self) -> bool:
        with self.counted:
            self.count += 1
            self.counted.notify_all()
        return self.well

    async def asked(self, more: int = 1) -> None:
        wanted = self.count + more

        def wait() -> bool:
            with self.counted:
                return self.counted.wait_for(lambda: self.count >= wanted, LONGEST_WAIT)

        assert await asyncio.to_thread(wait), f"asked {self.count} times"


def test_only_changes_are_sent_and_to_all() -> None:
    """The app calls each listener once per change, not once per answer."""

    async def scenario() -> None:
        answers, calls = Answers(), list[str]()
        health = ServerHealth(answers, CheckIntervals(idle=0.01, recheck=0.01, away=0.01))
        one, other = asyncio.Event(), asyncio.Event()

        def change(name: str, event: asyncio.Event) -> Callable[[], None]:
            return lambda: (calls.append(name), event.set())[0]

        with health.listen(change("one", one)), health.listen(change("other", other)):
            await answers.asked(3)
            assert calls == []
            for well in (False, True):
                answers.well = well
                await asyncio.wait_for(asyncio.gather(one.wait(), other.wait()), LONGEST_WAIT)
                assert health.reachable is well
                for event in (one, other):
                    event.clear()
                await answers.asked(3)
        assert sorted(calls) == ["one", "one", "other", "other"]

    awaited(scenario())


def test_a_failed_request_brings_the_next_check_forward() -> None:
    """An unanswered request brings the next check forward. Without an open page, the app doesn't
    check."""

    async def scenario() -> None:
        answers = Answers()
        health = ServerHealth(answers, PATIENT)
        health.recheck()
        assert answers.count == 0
        asking = asyncio.create_task(answers.asked())
        with health.listen(lambda: None):
            await asking
            for _ in range(3):
                asking = asyncio.create_task(answers.asked())
                health.recheck()
                await asking

    awaited(scenario())


def test_open_pages_hear_that_the_server_goes_and_comes(demo: DemoServer) -> None:
    """The app tells the idle pages of two users when the ComfyUI server goes away and when it comes
    back."""
    with (
        running_app(demo.url, pace=QUICK) as app,
        page_open(app) as ann,
        page_open(app, BOB) as bob,
    ):
        for page in (ann, bob):
            assert told(page, lambda _: True)["server_away"] == ""
        for _ in range(2):
            demo.stop()
            for page in (ann, bob):
                assert told(page, lambda news: news["server_away"])["server_away"] == AWAY
            demo.start()
            for page in (ann, bob):
                told(page, lambda news: news["server_away"] == "")


def test_a_page_opened_meanwhile_gets_the_state(demo: DemoServer) -> None:
    """A page that opens while the server is unreachable learns this, even as the only page."""
    with running_app(demo.url, pace=QUICK) as app:
        demo.stop()
        for _ in range(2):
            with page_open(app) as page:
                told(page, lambda news: news["server_away"] == AWAY)
        demo.start()
        with page_open(app) as page:
            told(page, lambda news: news["server_away"] == "")


def test_a_server_that_is_frozen_is_away(demo: DemoServer) -> None:
    """A server that accepts connections but never answers is as unreachable as a dead server."""
    with Client(demo.url) as client, demo.hold("GET /system_stats"):
        assert not client.answers(timeout=0.2)


def test_an_aborted_check_is_not_an_answer(demo: DemoServer) -> None:
    """If the app exits during a check, the check says nothing about the server."""
    with (
        Client(demo.url) as client,
        demo.hold("GET /system_stats") as held,
        ThreadPoolExecutor(1) as other,
    ):
        answer = other.submit(client.answers, timeout=LONGEST_WAIT)
        assert held.reached.wait(LONGEST_WAIT)
        client.abort()
        with pytest.raises(ServerUnreachable):
            answer.result(LONGEST_WAIT)


def test_a_refusal_is_an_answer(demo: DemoServer) -> None:
    """A server that hides this address is reachable. A server behind a proxy that answers 502
    isn't."""
    with Client(demo.url + "/elsewhere") as client:
        assert client.answers(timeout=LONGEST_WAIT)
    with Client(demo.url) as client:
        demo.script("http_502", at="GET /system_stats")
        assert not client.answers(timeout=LONGEST_WAIT)
        assert client.answers(timeout=LONGEST_WAIT)


def test_a_request_that_fails_is_noticed_at_once(demo: DemoServer) -> None:
    """After an unanswered request, the app notifies the pages, no matter how far off the next check
    is."""
    with running_app(demo.url, pace=PATIENT) as app, page_open(app) as page:
        told(page, lambda news: news["server_away"] == "")
        eventually(lambda: asked(demo) == 1)
        demo.stop()
        with pytest.raises(ServerUnreachable):
            app.services.forms.catalog.get(refresh=True)
        told(page, lambda news: news["server_away"] == AWAY)
        demo.start()
        told(page, lambda news: news["server_away"] == "")


def test_a_run_notices_too(demo: DemoServer) -> None:
    """If a run loses the server, the app notifies the pages. The run and the page show the same
    words."""
    with running_app(demo.url, pace=PATIENT) as app, page_open(app) as page:
        run = start(app, **{"5.steps": 60})
        eventually(lambda: run.state.phase == "running")
        demo.stop()
        news = told(
            page, lambda news: news["server_away"] and news["runs"][0]["page"]["said"] == AWAY
        )
        assert news["server_away"] == AWAY
        demo.start()
        told(page, lambda news: news["server_away"] == "")
        run.cancel()


def test_no_end_is_foretold_while_the_server_is_away(demo: DemoServer) -> None:
    """Waiting runs keep their place. The app shows the estimated time again when the ComfyUI server
    is back."""
    with running_app(demo.url, pace=QUICK) as app, page_open(app) as page:
        finished(start(app, **{"5.steps": 1}))
        runs = [start(app, **{"5.steps": 60}) for _ in range(3)]

        def said(news: dict[str, Any]) -> str:
            return " · ".join(entry["page"]["said"] for entry in news["runs"])

        def foretold(news: dict[str, Any]) -> bool:
            return news["runs"][-1]["page"]["due_in"] is not None

        told(page, lambda news: said(news).endswith("2 ahead") and foretold(news))
        demo.stop()
        told(
            page,
            lambda news: (
                news["server_away"] and said(news).endswith("2 ahead") and not foretold(news)
            ),
        )
        demo.start()
        # The first is lost to the restart; those behind it move up.
        told(page, lambda news: not news["server_away"] and foretold(news))
        for run in runs:
            run.cancel()


def test_the_server_is_checked_once_for_all_pages(demo: DemoServer) -> None:
    with (
        running_app(demo.url, pace=PATIENT) as app,
        page_open(app) as one,
        page_open(app) as two,
        page_open(app, BOB) as three,
    ):
        for page in (one, two, three):
            told(page, lambda _: True)
        eventually(lambda: asked(demo) == 1)
    assert asked(demo) == 1
