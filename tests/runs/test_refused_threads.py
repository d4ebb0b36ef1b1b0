"""Runs on a machine that refuses to start more threads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from comfy.base.errors import RunNotFound, TooManyThreads
from comfy.comfyui.protocol.run_state import Phase, waiting
from comfy.records.record import Record
from comfy.runs.interface import Origin, Run, RunPolicy, RunRegistry
from comfyui_standin import DemoServer
from tests.runs.kept_registry import kept_registry
from tests.runs.registry import end, registry, running, until
from tests.support.sampler import LONG, job

RUN, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def test_a_run_without_a_thread_is_refused_and_delays_no_other(
    demo: DemoServer, tmp_path: Path, refused_threads: set[str]
) -> None:
    """The error says when to try again. The app keeps nothing of the run, and its server gets the
    next one."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        refused_threads.add("run-")
        with pytest.raises(TooManyThreads, match="out of resources") as told:
            runs.submit(job(), Origin("me", run_id=RUN), RunPolicy(keeps_going=True))
        assert told.value.hint
        assert (runs.known(), runs.waiting) == ((), 0)
        with pytest.raises(RunNotFound):
            runs.record(RUN, "me")
        refused_threads.clear()
        assert end(runs.submit(job(), Origin("you"))).phase is Phase.DONE
        assert end(runs.submit(job(), Origin("me", run_id=RUN))).phase is Phase.DONE


def test_closing_stops_runs_despite_a_missing_thread(
    demo: DemoServer, refused_threads: set[str]
) -> None:
    """The app stops the active run. The waiting one stays for the next start."""
    with registry(demo, ahead=1) as runs:
        first, second = (runs.submit(job(LONG), Origin("me")) for _ in range(2))
        running(first)
        until(second, lambda state: state.queue_place == 1)
        refused_threads.add("run-")
        with pytest.raises(TooManyThreads):
            runs.submit(job(), Origin("me"))
        runs.close()
        assert (end(first).phase, second.state.phase) == (Phase.STOPPED, Phase.WAITING)


def test_a_reader_of_a_run_without_a_thread_sees_its_end(
    runs: RunRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client may find the run while the app lists it for a moment."""
    found: list[Run] = []

    def refuse(_: threading.Thread) -> None:
        found.extend(runs.owned("me"))
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TooManyThreads):
            runs.submit(job(), Origin("me"))
    (run,) = found
    assert end(run).phase is Phase.STOPPED


def test_an_unfinished_run_without_a_thread_is_lost_alone(
    demo: DemoServer, tmp_path: Path, refused_threads: set[str]
) -> None:
    """At startup, the app resumes the other runs. The lost run's error says why."""
    with kept_registry(demo, tmp_path) as runs:
        for at, run_id in enumerate((RUN, OTHER)):
            state = waiting(run_id, job().prompt)
            runs.history.begin(Record(run_id, "me", job(), float(at), state, keeps_going=True))
    with kept_registry(demo, tmp_path) as runs:
        refused_threads.add(f"run-{RUN[:8]}")
        runs.resume()
        assert end(runs.get(OTHER, "me")).phase is Phase.DONE
        state = runs.record(RUN, "me").state
        assert (state.phase, state.finished_at is not None) == (Phase.LOST, True)
        assert state.error is not None
        assert "out of resources" in state.error.message


def test_a_run_without_a_stream_thread_reports_the_cause(
    runs: RunRegistry, refused_threads: set[str]
) -> None:
    """The run fails, and the next run succeeds."""
    refused_threads.add("stream-")
    state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert "out of resources" in state.error.message
    refused_threads.clear()
    assert end(runs.submit(job(), Origin("me"))).phase is Phase.DONE
