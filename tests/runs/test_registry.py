"""Runs from submission to the closed socket, and their events for watchers and owners."""

from __future__ import annotations

import gc
import threading
import time
import uuid
import weakref

import pytest

from comfy.base.errors import ComfyError, RunGoesOn, RunNotFound
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.events import Event, Executing, Preview
from comfy.comfyui.protocol.parse import parse_message
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.protocol.run_state import Phase
from comfy.demo import DemoServer
from comfy.records.record import Job
from comfy.runs.interface import Origin, RunRegistry, Timeouts
from comfy.runs.limits import RunLimits
from tests.runs.registry import LIMIT, Watched, end, queue_of, registry, running, until
from tests.support.sampler import LONG, job, prompt
from tests.support.waiting import eventually

# The straight way


def test_a_run_ends_with_its_image(demo: DemoServer, runs: RunRegistry) -> None:
    """The run executes with previews and ends with a file that the client can download."""
    run = runs.submit(job(), Origin("me"))
    last = list(run.watch(LIMIT))[-1]
    assert last.phase is Phase.DONE
    assert last.preview_number == 4
    assert last.preview is None
    assert last.nodes_done == last.nodes_total == 6
    assert last.started_at is not None
    assert last.finished_at is not None
    assert run.submitted_at <= last.started_at <= last.finished_at
    (file,) = last.files
    with Client(demo.url) as client, client.view(file) as view:
        assert b"".join(view.iter_bytes()).startswith(b"\x89PNG")


@pytest.mark.embedded("a cluster always has a history, which fetches results")
def test_a_run_alone_needs_two_calls_and_one_socket(
    demo: DemoServer, seen: Watched, runs: RunRegistry
) -> None:
    """The app needs one POST, one history query and one WebSocket, which it closes with 1000."""
    assert end(runs.submit(job(), Origin("me"))).phase is Phase.DONE
    assert seen.calls == {"GET /ws": 1, "POST /prompt": 1, "GET /history": 1}
    eventually(lambda: seen.close_codes == [1000])
    assert demo.sockets.open == 0


def test_steps_belong_to_the_executing_node(runs: RunRegistry) -> None:
    """While the sampler works, the state has its title and its steps."""
    named = prompt(7, LONG)
    named["4"]["_meta"] = {"title": "Sampler"}
    run = runs.submit(Job(named, "test"), Origin("me"))
    state = until(run, lambda state: state.step >= 3)
    assert (state.node, state.node_title, state.steps) == ("4", "Sampler", LONG)
    run.cancel()


def test_a_fully_cached_run_has_its_outputs(runs: RunRegistry) -> None:
    """The second run of the same prompt executes nothing and shows the same file."""
    same = job()
    first, second = end(runs.submit(same, Origin("me"))), end(runs.submit(same, Origin("me")))
    assert second.phase is Phase.DONE
    assert second.files == first.files
    assert second.preview_number == 0


def test_a_finished_run_is_freed_with_its_last_reference(demo: DemoServer) -> None:
    """A finished run has no reference cycles, so that thousands of runs need no garbage
    collection."""
    with registry(demo, keep=0) as runs:
        gc.disable()
        try:
            run = runs.submit(job(), Origin("me"))
            assert end(run).phase is Phase.DONE
            gone = weakref.ref(run)
            del run
            eventually(lambda: gone() is None, "it is gone")
        finally:
            gc.enable()


def test_two_runs_never_share_an_id(runs: RunRegistry) -> None:
    """The app refuses the second run while the first is unfinished, and accepts it right after the
    end of the first."""
    run_id = str(uuid.uuid4())
    first = runs.submit(job(LONG), Origin("me", run_id=run_id))
    with pytest.raises(RunGoesOn, match="finished yet"):
        runs.submit(job(6), Origin("me", run_id=run_id))
    assert runs.line_of("me") == (first,)
    first.cancel()
    assert end(first).phase is Phase.STOPPED
    assert end(runs.submit(job(6), Origin("me", run_id=run_id))).phase is Phase.DONE


def test_a_refused_prompt_names_the_invalid_inputs(runs: RunRegistry) -> None:
    """The ComfyUI server refuses a wrong value. The error names the node and the input, and the
    server keeps nothing of the run."""
    state = end(runs.submit(job(0, cfg="much"), Origin("me")))
    assert state.phase is Phase.REFUSED
    assert {(error.node, error.input) for error in state.node_errors} == {
        ("4", "steps"),
        ("4", "cfg"),
    }
    assert state.error is not None


def test_a_partly_refused_prompt_continues(runs: RunRegistry) -> None:
    """The server makes the valid output. The state names the refused one."""
    mixed = prompt(1) | {
        "7": {"class_type": "LoadImage", "inputs": {"image": "missing.png"}},
        "8": {
            "class_type": "SaveImage",
            "inputs": {"images": ["7", 0], "filename_prefix": "second"},
        },
    }
    state = end(runs.submit(Job(mixed, "mixed"), Origin("me")))
    assert state.phase is Phase.DONE
    assert [error.node for error in state.node_errors] == ["7"]
    assert [file.node for file in state.files] == ["6"]


def test_a_failing_node_is_named(runs: RunRegistry) -> None:
    """The error about an exception in a node names the node's title and says what to do."""
    broken = prompt(1)
    broken["1"]["inputs"]["ckpt_name"] = "demo-broken.safetensors"
    state = end(runs.submit(Job(broken, "broken"), Origin("me")))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert (state.error.node, state.error.node_title) == ("1", "CheckpointLoaderSimple")
    assert state.error.hint


@pytest.mark.embedded("opens two registries in one process")
def test_a_run_with_the_same_id_in_another_program_is_ignored(
    demo: DemoServer, seen: Watched
) -> None:
    """Two programs can give a run the same id, for example for the same row of the same batch. The
    other program's failed run doesn't end this run when it asks a silent server. Two active runs
    don't take each other's socket."""
    broken = prompt(1)
    broken["1"]["inputs"]["ckpt_name"] = "demo-broken.safetensors"
    same = str(uuid.uuid4())
    with registry(demo) as runs, registry(demo) as others:
        assert (
            end(others.submit(Job(broken, "broken"), Origin("me", run_id=same))).error is not None
        )
        demo.script("silence", at="execution_start")
        run = runs.submit(job(LONG), Origin("me", run_id=same))
        eventually(lambda: queue_of(demo).running, "it has begun")
        other = others.submit(job(), Origin("me", run_id=same))
        eventually(lambda: seen.calls["GET /history"] > 2, "the server is asked")
        assert not run.state.phase.finished
        run.cancel()
        assert end(other).preview_number == 4
        assert end(run).phase is Phase.STOPPED


def test_a_silent_run_ends_when_the_next_one_starts(demo: DemoServer) -> None:
    """The server has forgotten the first run's socket. The app asks for its end as soon as the
    server starts the next run, long before a silence is over."""
    demo.script("silence", at="progress")
    with registry(demo, Timeouts()) as runs:
        first, second = (runs.submit(job(20), Origin("me")) for _ in range(2))
        running(second)
        until(first, lambda state: state.phase is Phase.DONE)
        assert not second.state.phase.finished
        assert end(second).phase is Phase.DONE


def test_a_follower_sees_the_runs_own_id(runs: RunRegistry) -> None:
    """All messages about the run have this id, including the part before each preview image."""
    heard: list[Event | None] = []
    leave = runs.follow(lambda _owner, _id, frame: heard.append(parse_message(frame)))
    run = runs.submit(job(), Origin("me", run_id=str(uuid.uuid4())))
    assert end(run).prompt_id != run.id
    eventually(lambda: Executing(None, run.id, None) in heard, "the end is told")
    leave()
    previews = [event for event in heard if isinstance(event, Preview)]
    assert {event.prompt_id for event in previews} == {run.id}
    assert {getattr(event, "prompt_id", run.id) for event in heard} == {run.id}


def test_a_missing_server_fails_the_run(mortal: DemoServer) -> None:
    """If the server is missing, the run ends with an error that says what to do."""
    with registry(mortal) as runs:
        mortal.stop()
        state = end(runs.submit(job(), Origin("me")))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert "Can't reach" in state.error.message
    assert state.error.hint


# Watching


def test_a_slow_watcher_sees_the_end_and_delays_no_other(runs: RunRegistry) -> None:
    """A watcher who looks late sees the newest state, then the finished one."""
    run = runs.submit(job(30), Origin("me"))
    states = run.watch(LIMIT)
    next(states)
    end(run)
    assert next(states).phase is Phase.DONE
    assert next(states, None) is None


def test_subscribers_get_events_until_they_leave(runs: RunRegistry) -> None:
    """The run calls each callback for every change. A failing callback does no harm, and a removed
    callback gets no calls."""
    run = runs.submit(job(30), Origin("me"))
    told, gone = threading.Event(), []

    def broken() -> None:
        raise RuntimeError("a watcher's own mistake")

    run.subscribe(broken)
    run.subscribe(told.set)
    leave = run.subscribe(lambda: gone.append(1))
    leave()
    leave()
    assert end(run).phase is Phase.DONE
    assert told.is_set()
    assert not gone


def test_a_watcher_may_give_up(runs: RunRegistry) -> None:
    """`watch` raises TimeoutError if the run isn't finished in time. The run continues."""
    run = runs.submit(job(LONG), Origin("me"))
    with pytest.raises(TimeoutError):
        list(run.watch(0.1))
    assert not run.state.phase.finished


# The queue


def test_the_queue_position_is_kept_current(
    demo: DemoServer, seen: Watched, runs: RunRegistry
) -> None:
    """A waiting run knows the number of runs ahead of it, without more than one query per
    second."""
    first = runs.submit(job(LONG), Origin("me"))
    running(first)
    second = runs.submit(job(LONG), Origin("me"))
    until(second, lambda state: state.queue_place == 1)
    third = runs.submit(job(2), Origin("me"))
    until(third, lambda state: state.queue_place == 2)
    start = time.monotonic()
    first.cancel()
    until(third, lambda state: state.queue_place == 1)
    second.cancel()
    assert end(third).phase is Phase.DONE
    assert seen.calls.get("GET /queue", 0) <= 6 + 2 * (time.monotonic() - start)


def test_runs_that_wait_in_the_app_do_not_query_the_queue(seen: Watched, demo: DemoServer) -> None:
    """Among thirty runs, only the ones handed over ask for the queue: once, then once per
    second."""
    with registry(demo, Timeouts(), limits=RunLimits(person=30)) as runs:
        start = time.monotonic()
        many = [runs.submit(job(1), Origin("me")) for _ in range(30)]
        assert all(end(run).phase is Phase.DONE for run in many)
        assert seen.calls.get("GET /queue", 0) <= 30 + 2 * (time.monotonic() - start)


# The registry


def test_runs_are_found_by_their_owner_only(runs: RunRegistry) -> None:
    """Another user's run and a run that never existed raise the same error."""
    run = runs.submit(job(), Origin("me"))
    assert runs.get(run.id, "me") is run
    assert runs.owned("me") == (run,)
    assert runs.owned("you") == ()
    for run_id, owner in ((run.id, "you"), (str(uuid.uuid4()), "me")):
        with pytest.raises(RunNotFound) as error:
            runs.get(run_id, owner)
        assert str(error.value)
    end(run)


def test_finished_runs_are_forgotten_in_time(demo: DemoServer) -> None:
    """The app remembers only the last few finished runs."""
    with registry(demo, keep=3) as runs:
        many = [runs.submit(job(), Origin("me")) for _ in range(6)]
        assert all(end(run).phase is Phase.DONE for run in many)
        eventually(lambda: len(runs.owned("me")) == 3)


def test_a_run_that_begins_again_under_its_id_stays_known(demo: DemoServer) -> None:
    """A run's id may come from its content, and the run may come back after it was deleted. The app
    forgets it after its own end, not after the end of the previous run."""
    again = str(uuid.uuid4())
    with registry(demo, keep=3) as runs:
        end(runs.submit(job(), Origin("me", run_id=again)))
        runs.forget(again, "me")
        with Client(demo.url) as client:  # permanent deletion does the same
            client.forget(again)
        live = runs.submit(job(LONG), Origin("me", run_id=again))
        running(live)
        for _ in range(4):
            other = runs.submit(job(), Origin("other"))
            other.cancel()
            end(other)
        eventually(lambda: len(runs.owned("other")) == 3)
        assert runs.get(again, "me") is live
        live.cancel()
        end(live)


def test_earlier_runs_give_the_usual_duration(runs: RunRegistry) -> None:
    """The second run of a workflow knows how long the first one took."""
    first = runs.submit(job(LONG), Origin("me"))
    assert first.usual_times is None
    first.cancel()
    end(first)
    assert first.usual_times is None
    state = end(runs.submit(job(), Origin("me")))
    assert state.started_at is not None
    assert state.finished_at is not None
    eventually(lambda: first.usual_times is not None)
    second = runs.submit(job(), Origin("you"))
    assert second.usual_times is not None
    assert second.usual_times.seconds == pytest.approx(state.finished_at - state.started_at)
    assert second.usual_times.paces
    end(second)


@pytest.mark.embedded("a process of a cluster hands its runs over")
def test_closing_the_registry_ends_everything(demo: DemoServer) -> None:
    """The app stops all runs on the ComfyUI server and accepts no more."""
    with registry(demo) as runs:
        many = [runs.submit(job(LONG), Origin("me")) for _ in range(5)]
        for run in many:
            until(run, lambda state: state.phase is Phase.RUNNING or state.queue_place is not None)
        runs.close()
        assert {run.state.phase for run in many} == {Phase.STOPPED}
        eventually(lambda: queue_of(demo) == Queue((), ()))
        with pytest.raises(ComfyError):
            runs.submit(job(), Origin("me"))
    eventually(lambda: demo.sockets.open == 0)


def test_many_runs_leave_nothing_behind(demo: DemoServer, nightly: bool) -> None:
    """After 50 runs (200 with --nightly), the number of threads is the same as before, and the app
    keeps only the last 10 runs."""
    before, same = threading.active_count(), job()
    with registry(demo, Timeouts(), keep=10) as runs:
        for _ in range(20 if nightly else 5):
            batch = [runs.submit(same, Origin("me")) for _ in range(10)]
            assert all(end(run).phase is Phase.DONE for run in batch)
        eventually(lambda: len(runs.owned("me")) == 10)
    eventually(lambda: threading.active_count() <= before)
