"""A server that loses connections or messages, answers late, restarts or stays away."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Origin, RunRegistry, Timeouts
from comfyui_standin import DemoServer
from tests.runs.registry import HURRIED, Watched, end, registry, running, until
from tests.support.sampler import LONG, job


@pytest.mark.parametrize("kind", ["drop", "close", "silence", "half_open", "truncated_frame"])
def test_a_lost_socket_is_opened_again(mortal: DemoServer, kind: Any) -> None:
    """After any failure of the socket, the app finds the run again, previews continue, and its
    image arrives."""
    mortal.script(kind, at="progress", after=2)
    with registry(mortal) as runs:
        run = runs.submit(job(60), Origin("me"))
        until(run, lambda state: state.preview_number > 10)
        state = end(run)
    assert state.phase is Phase.DONE
    assert state.files
    assert mortal.requests["GET /ws"] >= 2


@pytest.mark.parametrize(
    ("kind", "at"),
    itertools.product(
        ["garbage_text", "odd_text", "garbage_binary", "duplicate", "late"],
        ["progress", "executed", "preview"],
    ),
)
def test_odd_messages_do_no_harm(demo: DemoServer, seen: Watched, kind: Any, at: str) -> None:
    """Garbage, duplicates and late frames don't stop a run from finishing on one socket with its
    image."""
    demo.script(kind, at=at)
    with registry(demo, Timeouts()) as runs:
        state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.DONE
    assert len(state.files) == 1
    assert seen.calls["GET /ws"] == 1


@pytest.mark.parametrize("at", ["progress", "executed", "preview"])
def test_a_huge_frame_costs_its_socket_only(demo: DemoServer, seen: Watched, at: str) -> None:
    """A huge frame closes the socket. The run opens another, unless it has already ended, and gets
    its image."""
    demo.script("huge_frame", at=at)
    with registry(demo, Timeouts()) as runs:
        state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.DONE
    assert len(state.files) == 1
    assert seen.calls["GET /ws"] <= 2


@pytest.mark.parametrize(
    ("kind", "at"),
    itertools.product(
        ["lost", "foreign_prompt_id", "no_prompt_id"],
        ["execution_start", "executed", "execution_success", "executing", "progress"],
    ),
)
def test_missing_messages_do_no_harm(
    demo: DemoServer, runs: RunRegistry, kind: Any, at: str
) -> None:
    """If messages are lost or belong to another prompt, the app asks the server and the run still
    finishes."""
    demo.script(kind, at=at, count=9)
    state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.DONE
    assert len(state.files) == 1


def test_a_socket_that_dies_again_and_again(
    demo: DemoServer, seen: Watched, runs: RunRegistry
) -> None:
    """Every new socket dies at its first message. The app still gets the result from the history,
    and doesn't flood the server with requests."""
    demo.script("drop", at="progress", count=1000)
    state = end(runs.submit(job(60), Origin("me")))
    assert state.phase is Phase.DONE
    assert seen.calls["GET /ws"] < 30


@pytest.mark.parametrize("kind", ["cut", "http_500", "http_502", "bad_json"])
def test_a_prompt_that_the_server_did_not_receive_is_sent_again(
    demo: DemoServer, seen: Watched, runs: RunRegistry, kind: Any
) -> None:
    """If the answer is lost and the server doesn't have the prompt, the app sends it again under
    the same id."""
    demo.script(kind, at="POST /prompt", count=2)
    run = runs.submit(job(), Origin("me"))
    assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 3
    assert demo.journal.of(run.id).count("started") == 1


@pytest.mark.parametrize("kind", ["answer_lost", "answer_502"])
def test_a_prompt_whose_answer_is_lost_is_not_sent_twice(
    demo: DemoServer, seen: Watched, runs: RunRegistry, kind: Any
) -> None:
    """If the answer is lost but the server has the prompt, the app finds it there and doesn't send
    it twice."""
    demo.script(kind, at="POST /prompt")
    run = runs.submit(job(), Origin("me"))
    assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 1


@pytest.mark.parametrize("kind", ["http_500", "http_502", "bad_json", "cut"])
def test_errors_while_fetching_the_history_are_tolerated(
    demo: DemoServer, runs: RunRegistry, kind: Any
) -> None:
    """The app tolerates the server's errors at the end of a run for a while."""
    run = runs.submit(job(), Origin("me"))
    demo.script(kind, at=f"GET /history/{run.id}", count=2)
    assert end(run).phase is Phase.DONE


def test_a_prompt_accepted_after_the_timeout_is_not_sent_twice(
    demo: DemoServer, seen: Watched
) -> None:
    """If the server accepts a prompt only after the app's timeout, the app waits and doesn't send
    the prompt twice."""
    demo.script("slow", at="POST /prompt", seconds=0.6)
    with registry(demo, Timeouts(call=0.3, outcome_delay=3.0, retry=0.05)) as runs:
        run = runs.submit(job(), Origin("me"))
        assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 1
    assert demo.journal.of(run.id).count("started") == 1


def test_a_server_that_fails_at_a_prompt(demo: DemoServer, seen: Watched) -> None:
    """If the server answers every POST with 500, the run fails after a few attempts. The message
    contains the status."""
    demo.script("http_500", at="POST /prompt", count=100)
    with registry(demo, replace(HURRIED, patience=60.0)) as runs:
        state = end(runs.submit(job(), Origin("me")))
    assert seen.calls["POST /prompt"] == 5
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert "500" in state.error.message


def test_a_prompt_too_large(demo: DemoServer, seen: Watched, runs: RunRegistry) -> None:
    """After a 413, the app refuses the run with a message and doesn't try again."""
    demo.script("http_413", at="POST /prompt")
    state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.REFUSED
    assert state.error is not None
    assert "larger than the server accepts" in state.error.message
    assert seen.calls["POST /prompt"] == 1


def test_a_server_that_comes_late(mortal: DemoServer) -> None:
    """If the server is away when a run starts, the app waits for the server and the user sees
    why."""
    mortal.stop()
    with registry(mortal, Timeouts(retry=0.05, retry_most=0.1)) as runs:
        run = runs.submit(job(), Origin("me"))
        assert until(run, lambda state: state.away).phase is Phase.WAITING
        mortal.start()
        assert end(run).phase is Phase.DONE
    assert mortal.journal.of(run.id).count("started") == 1


def test_a_run_that_waited_is_sent_again_after_a_restart(mortal: DemoServer) -> None:
    """The server dies during one run while the next waits. The second run never started, so its
    new start isn't a second one."""
    with registry(mortal) as runs:
        first = runs.submit(job(LONG), Origin("me"))
        running(first)
        second = runs.submit(job(), Origin("me"))
        until(second, lambda state: state.queue_place == 1)
        mortal.restart()
        first.cancel()  # otherwise it may start again before the second
        assert end(second).phase is Phase.DONE
    assert mortal.journal.of(second.id)[:2] == ("taken", "killed")
    assert mortal.journal.of(second.id).count("started") == 1


def test_a_restarted_server_has_forgotten(mortal: DemoServer) -> None:
    """After a restart, neither the queue nor the history knows the run. If runs may not start
    again, the app reports the run as lost, with the reason."""
    with registry(mortal, retries=False) as runs:
        run = runs.submit(job(LONG), Origin("me"))
        running(run)
        mortal.restart()
        state = end(run)
    assert state.phase is Phase.LOST
    assert state.error is not None
    assert "restarted" in state.error.message


def test_a_server_that_stays_away_is_given_up(mortal: DemoServer) -> None:
    """The app's patience ends, and the error says how long it waited."""
    with registry(mortal) as runs:
        run = runs.submit(job(LONG), Origin("me"))
        running(run)
        mortal.stop()
        state = end(run)
    assert state.phase is Phase.LOST
    assert state.error is not None
    assert "not answered for 1 seconds" in state.error.message


def test_cancel_while_the_server_is_away(mortal: DemoServer) -> None:
    """The user can stop a run immediately, even if the app hears nothing of it."""
    with registry(mortal, Timeouts(retry=60, retry_most=60)) as runs:
        run = runs.submit(job(LONG), Origin("me"))
        running(run)
        mortal.stop()
        run.cancel()
        assert end(run).phase is Phase.STOPPED
