"""Runs stopped by their page, from elsewhere, or because no page watches them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.protocol.run_state import Phase
from comfy.demo import DemoServer
from comfy.runs.interface import Origin, RunPolicy, RunRegistry
from tests.runs.registry import HURRIED, LIMIT, Watched, end, queue_of, registry, running, until
from tests.support.sampler import LONG, job
from tests.support.serving import open_history
from tests.support.waiting import eventually


def test_a_running_run_is_interrupted_and_no_other(
    demo: DemoServer, seen: Watched, runs: RunRegistry
) -> None:
    """Canceling a run stops only its prompt at the server. The next run in the queue finishes."""
    run = runs.submit(job(LONG), Origin("me"))
    running(run)
    other = runs.submit(job(2), Origin("me"))
    run.cancel()
    state = end(run)
    assert (state.phase, state.error, state.preview) == (Phase.STOPPED, None, None)
    assert end(other).phase is Phase.DONE
    eventually(lambda: seen.close_codes == [1000, 1000])


def test_canceling_a_waiting_run_removes_it_from_the_queue(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """Canceling a waiting run removes it from the queue and leaves the active run alone."""
    first = runs.submit(job(LONG), Origin("me"))
    running(first)
    second = runs.submit(job(), Origin("me"))
    until(second, lambda state: state.queue_place == 1)
    second.cancel()
    assert end(second).phase is Phase.STOPPED
    assert queue_of(demo).pending == ()
    assert not first.state.phase.finished


@pytest.mark.parametrize("place", ["POST /jobs/{id}/cancel", "POST /prompt"])
def test_a_slow_server_does_not_hold_up_a_cancel(
    demo: DemoServer, seen: Watched, runs: RunRegistry, place: str
) -> None:
    """The app stops the run and closes the socket with code 1000 before the slow server has
    answered. The server receives the cancellation afterwards."""
    run = runs.submit(job(LONG), Origin("me")) if "jobs" in place else None
    if run is not None:
        running(run)
    with demo.hold(place.format(id=run.id if run else "")) as held:
        run = run or runs.submit(job(LONG), Origin("me"))
        eventually(lambda: held.reached.is_set() or "jobs" in place)
        run.cancel()
        assert end(run).phase is Phase.STOPPED
        eventually(lambda: seen.close_codes == [1000])
    eventually(lambda: {"interrupted", "removed"} & set(demo.journal.of(run.id)))
    assert queue_of(demo) == Queue((), ())


@pytest.mark.parametrize("dies", [False, True])
def test_missing_files_do_not_hold_up_a_cancel(tmp_path: Path, *, dies: bool) -> None:
    """If the server is gone or slow, the app stops the run long before its patience ends. The
    record also shows this. The run has no files."""
    patient = replace(HURRIED, call=LIMIT, patience=10 * LIMIT)
    with (
        DemoServer(step_seconds=0) as demo,
        closing(open_history(tmp_path)) as history,
        registry(demo, patient, history=history) as runs,
    ):
        with demo.hold("GET /view") as held:
            run = runs.submit(job(2), Origin("me"))
            assert held.reached.wait(LIMIT)
            if dies:
                demo.stop()
                until(run, lambda state: state.away)
            run.cancel()
            assert end(run).phase is Phase.STOPPED
        assert (run.state.files, run.state.error) == ((), None)
        assert runs.record(run.id, "me").state.phase is Phase.STOPPED
        record = history.get(run.id, "me")
        assert record is not None
        assert record.state.phase is Phase.STOPPED


def test_a_run_that_finished_before_its_cancel_keeps_its_files(
    demo: DemoServer, tmp_path: Path
) -> None:
    """The server has already finished the run, so the app still fetches its files."""
    patient = replace(HURRIED, silence=LIMIT, fresh=LIMIT, cancel_limit=LIMIT, patience=LIMIT)
    with (
        closing(open_history(tmp_path)) as history,
        registry(demo, patient, history=history) as runs,
    ):
        with demo.hold("GET /history") as held:
            run = runs.submit(job(2), Origin("me"))
            assert held.reached.wait(LIMIT)
            run.cancel()
            state = end(run)
        assert state.phase is Phase.DONE
        assert [bool(file.digest) for file in state.files] == [True]


def test_a_run_stopped_by_another_client_has_its_own_message(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """If another client interrupts the run at the server, it ends as stopped, with a different
    message."""
    run = runs.submit(job(LONG), Origin("me"))
    running(run)
    with Client(demo.url) as other:
        other.cancel(run.id)
    state = end(run)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "Someone else" in state.error.message


def test_a_run_removed_by_another_client_has_its_own_message(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """If another client removes the run from the queue, the server sends no event. The run ends as
    stopped, with a message."""
    first = runs.submit(job(LONG), Origin("me"))
    running(first)
    second = runs.submit(job(), Origin("me"))
    until(second, lambda state: state.queue_place == 1)
    demo.queue.clear()
    state = end(second)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "Someone else stopped this run" in state.error.message
    assert not first.state.phase.finished


def test_cancel_twice_and_after_the_end(runs: RunRegistry) -> None:
    """A second cancel or a late one changes nothing."""
    run = runs.submit(job(), Origin("me"))
    assert end(run).phase is Phase.DONE
    run.cancel()
    run.cancel()
    assert run.state.phase is Phase.DONE


def test_a_page_that_left_ends_its_run_after_the_grace_time(demo: DemoServer) -> None:
    """When the last page detaches, the grace time starts. Attaching a page stops it. The stopped
    run says why."""
    with registry(demo, grace=0.3) as runs:
        run = runs.submit(job(LONG), Origin("me"))
        run.attach()
        run.attach()
        run.detach()
        with pytest.raises(TimeoutError):
            list(run.watch(0.6))
        run.detach()
        run.attach()
        with pytest.raises(TimeoutError):
            list(run.watch(0.6))
        run.detach()
        state = end(run)
        assert state.phase is Phase.STOPPED
        assert state.error is not None
        assert "page was closed" in state.error.message
        eventually(lambda: queue_of(demo).running == ())


def test_no_page_ever_came(demo: DemoServer) -> None:
    """A watched run that no browser attaches to ends after the grace time. An unwatched run
    continues."""
    with registry(demo, grace=0.3) as runs:
        watched, unwatched = (
            runs.submit(job(LONG), Origin("me"), RunPolicy(watched=watched))
            for watched in (True, False)
        )
        assert end(watched).phase is Phase.STOPPED
        assert not unwatched.state.phase.finished


def test_runs_continue_without_pages_where_they_keep_running(demo: DemoServer) -> None:
    """With `keep_running`, a watched run continues after its last page has left."""
    with registry(demo, grace=0.0, keep_running=True) as runs:
        run = runs.submit(job(LONG), Origin("me"))
        run.attach()
        run.detach()
        with pytest.raises(TimeoutError):
            list(run.watch(0.6))
        assert run.record.keeps_going


def test_a_deadline_ends_a_watched_run(runs: RunRegistry) -> None:
    """After its deadline, the app stops an unfinished run and says why."""
    run = runs.submit(job(LONG), Origin("me"), RunPolicy(deadline=0.4))
    run.attach()
    state = end(run)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "longer than 0.4 seconds" in state.error.message
