"""Runs from submission to the closed socket, on the stand-in and its misbehaviour."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from waiting import eventually

from comfy.client import Client
from comfy.demo import DemoServer
from comfy.errors import ComfyError, RunNotFound
from comfy.job import Job
from comfy.run import Run
from comfy.run_state import Phase, RunState
from comfy.runs import RunLimits, Runs
from comfy.timing import Timing

HURRIED = Timing(
    call=5, silence=0.3, fresh=0.2, silence_most=0.6, goodbye=0.2, retry=0.05, retry_most=0.2, patience=1.0
)
LIMIT = 15.0


def prompt(seed: int, steps: int = 4, **sampler: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "demo-landscapes.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["1", 1]}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "4": {
            "class_type": "KSampler",
            "_meta": {"title": "Sampler"},
            "inputs": {
                "seed": seed,
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["2", 0],
                "latent_image": ["3", 0],
                **sampler,
            },
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "run"}},
    }


def job(steps: int = 4, *, seed: int | None = None, **sampler: Any) -> Job:
    """A seed of its own for each, as the server keeps what it has made before."""
    return Job(prompt(random.getrandbits(48) if seed is None else seed, steps, **sampler), "test")


LONG = 10_000  # steps that no test waits for


@dataclass(frozen=True)
class Watched:
    """A stand-in, and what it had counted when the test began."""

    server: DemoServer
    requests: Counter[str]
    closed: int

    @property
    def calls(self) -> Counter[str]:
        """Requests since the test began; questions about a history are one kind."""
        found: Counter[str] = Counter()
        for name, count in (self.server.requests - self.requests).items():
            found["GET /history" if "/history/" in name else name] += count
        return found

    @property
    def close_codes(self) -> list[int | None]:
        return self.server.sockets.close_codes[self.closed :]


@pytest.fixture(scope="module")
def one_server() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture
def demo(one_server: DemoServer) -> Iterator[DemoServer]:
    """The stand-in of all tests here, idle and well-behaved."""
    eventually(lambda: one_server.queue.remaining() == 0)
    yield one_server
    one_server.behave()


@pytest.fixture
def seen(demo: DemoServer) -> Watched:
    return Watched(demo, demo.requests, len(demo.sockets.close_codes))


@pytest.fixture
def mortal() -> Iterator[DemoServer]:
    """A stand-in of the test's own, to be stopped and restarted."""
    with DemoServer(step_seconds=0.02) as server:
        yield server


@contextmanager
def registry(demo: DemoServer, timing: Timing = HURRIED, ahead: int = 2, **options: Any) -> Iterator[Runs]:
    """Runs of which some wait in the server's own queue, as those of other programs do."""
    with Client(demo.url) as client:
        runs = Runs(client, timing=timing, ahead=ahead, **options)
        try:
            yield runs
        finally:
            runs.close()


@pytest.fixture
def runs(demo: DemoServer) -> Iterator[Runs]:
    with registry(demo) as one:
        yield one


def end(run: Run) -> RunState:
    *_, state = run.watch(LIMIT)
    return state


def until(run: Run, wanted: Callable[[RunState], bool]) -> RunState:
    for state in run.watch(LIMIT):
        if wanted(state):
            return state
    raise AssertionError(f"it never came so far: {run.state}")


def running(run: Run) -> RunState:
    return until(run, lambda state: state.preview_number > 0)


# The straight way


def test_a_run_ends_with_its_picture(demo: DemoServer, runs: Runs) -> None:
    """Waiting, running with steps and previews, done with the file, which can be fetched."""
    run = runs.submit(job(), owner="me")
    seen = list(run.watch(LIMIT))
    assert [state.phase for state in (seen[0], seen[-1])] == [Phase.WAITING, Phase.DONE]
    last = seen[-1]
    assert last.preview_number == 4
    assert last.preview is None
    assert last.nodes_done == last.nodes_total == 6
    assert last.started_at is not None
    assert last.finished_at is not None
    assert run.submitted_at <= last.started_at <= last.finished_at
    (file,) = last.files
    with runs.client.view(file) as view:
        assert b"".join(view.iter_bytes()).startswith(b"\x89PNG")


def test_a_run_alone_needs_two_calls_and_one_socket(demo: DemoServer, seen: Watched, runs: Runs) -> None:
    """POST and history, one WebSocket, closed with 1000."""
    assert end(runs.submit(job(), owner="me")).phase is Phase.DONE
    assert seen.calls == {"GET /ws": 1, "POST /prompt": 1, "GET /history": 1}
    eventually(lambda: seen.close_codes == [1000])
    assert demo.sockets.open == 0


def test_steps_are_those_of_the_executing_node(runs: Runs) -> None:
    """While the sampler works, its title and its steps are told."""
    run = runs.submit(job(20), owner="me")
    state = until(run, lambda state: state.step == 3)
    assert (state.node, state.node_title, state.steps) == ("4", "Sampler", 20)
    run.cancel()


def test_a_wholly_cached_run_has_its_outputs(runs: Runs) -> None:
    """The second run of the same prompt executes nothing and shows the same file."""
    same = job()
    first, second = end(runs.submit(same, owner="me")), end(runs.submit(same, owner="me"))
    assert second.phase is Phase.DONE
    assert second.files == first.files
    assert second.preview_number == 0


def test_a_refused_prompt_says_on_which_input(runs: Runs) -> None:
    """A wrong value ends in a refusal with its node and input, and nothing is left at the server."""
    state = end(runs.submit(job(0, cfg="much"), owner="me"))
    assert state.phase is Phase.REFUSED
    assert {(error.node, error.input) for error in state.node_errors} == {("4", "steps"), ("4", "cfg")}
    assert state.error is not None


def test_a_partly_refused_prompt_goes_on(runs: Runs) -> None:
    """The valid output is made, the refused one is told."""
    mixed = prompt(1) | {
        "7": {"class_type": "LoadImage", "inputs": {"image": "missing.png"}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "second"}},
    }
    state = end(runs.submit(Job(mixed, "mixed"), owner="me"))
    assert state.phase is Phase.DONE
    assert [error.node for error in state.node_errors] == ["7"]
    assert [file.node for file in state.files] == ["6"]


def test_a_failing_node_is_named(runs: Runs) -> None:
    """An exception in a node is a sentence with the node's title."""
    broken = prompt(1)
    broken["1"]["inputs"]["ckpt_name"] = "demo-broken.safetensors"
    state = end(runs.submit(Job(broken, "broken"), owner="me"))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert (state.error.node, state.error.node_title) == ("1", "CheckpointLoaderSimple")
    assert state.error.hint


def test_nobody_there_is_a_failed_run(mortal: DemoServer) -> None:
    """A server that is not there ends the run with what to do."""
    with registry(mortal) as runs:
        mortal.stop()
        state = end(runs.submit(job(), owner="me"))
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert "cannot be reached" in state.error.message
    assert state.error.hint


# Watching


def test_a_slow_watcher_sees_the_end_and_holds_up_nobody(runs: Runs) -> None:
    """Whoever looks late sees the newest state, then the finished one."""
    run = runs.submit(job(30), owner="me")
    states = run.watch(LIMIT)
    next(states)
    end(run)
    assert next(states).phase is Phase.DONE
    assert next(states, None) is None


def test_subscribers_are_told_until_they_leave(runs: Runs) -> None:
    """A callback is called for every change; one that fails does no harm; one taken off is left alone."""
    run = runs.submit(job(30), owner="me")
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


def test_a_watcher_may_give_up(runs: Runs) -> None:
    """`watch` ends with TimeoutError when the run is not finished in time; the run goes on."""
    run = runs.submit(job(LONG), owner="me")
    with pytest.raises(TimeoutError):
        list(run.watch(0.1))
    assert not run.state.phase.finished


# The queue


def test_the_place_in_the_queue_is_kept_current(demo: DemoServer, seen: Watched, runs: Runs) -> None:
    """A run that waits knows how many are before it, without asking more than once a second."""
    first = runs.submit(job(LONG), owner="me")
    running(first)
    second = runs.submit(job(LONG), owner="me")
    until(second, lambda state: state.queue_place == 1)
    third = runs.submit(job(2), owner="me")
    until(third, lambda state: state.queue_place == 2)
    start = time.monotonic()
    first.cancel()
    until(third, lambda state: state.queue_place == 1)
    second.cancel()
    assert end(third).phase is Phase.DONE
    assert seen.calls.get("GET /queue", 0) <= 6 + 2 * (time.monotonic() - start)


def test_those_who_wait_here_do_not_ask_for_the_queue(seen: Watched, demo: DemoServer) -> None:
    """Of fifty runs only those handed over ask for the queue: once, then once a second."""
    with registry(demo, Timing(), limits=RunLimits(person=50)) as runs:
        start = time.monotonic()
        many = [runs.submit(job(1), owner="me") for _ in range(50)]
        assert all(end(run).phase is Phase.DONE for run in many)
        assert seen.calls.get("GET /queue", 0) <= 50 + 2 * (time.monotonic() - start)


# Stopping


def test_a_running_run_is_interrupted_and_no_other(demo: DemoServer, seen: Watched, runs: Runs) -> None:
    """Cancel stops this prompt at the server within a second; the next one in the queue is made."""
    run = runs.submit(job(LONG), owner="me")
    running(run)
    other = runs.submit(job(2), owner="me")
    start = time.monotonic()
    run.cancel()
    state = end(run)
    assert time.monotonic() - start < 1
    assert (state.phase, state.error, state.preview) == (Phase.STOPPED, None, None)
    assert end(other).phase is Phase.DONE
    eventually(lambda: seen.close_codes == [1000, 1000])


def test_a_waiting_run_is_taken_from_the_queue(demo: DemoServer, runs: Runs) -> None:
    """Cancel of a waiting run leaves the running one alone and nothing in the queue."""
    first = runs.submit(job(LONG), owner="me")
    running(first)
    second = runs.submit(job(), owner="me")
    until(second, lambda state: state.queue_place == 1)
    second.cancel()
    assert end(second).phase is Phase.STOPPED
    assert runs.client.queue().pending == ()
    assert not first.state.phase.finished


@pytest.mark.parametrize("place", ["POST /jobs/{id}/cancel", "POST /prompt"])
def test_a_slow_server_does_not_hold_up_a_cancel(demo: DemoServer, seen: Watched, runs: Runs, place: str) -> None:
    """Stopped, with the socket closed by 1000, within a second, whatever the server is slow with; then it is told."""
    run = runs.submit(job(LONG), owner="me") if "jobs" in place else None
    if run is not None:
        running(run)
    demo.script("slow", at=place.format(id=run.id if run else ""), seconds=1.5)
    run = run or runs.submit(job(LONG), owner="me")
    eventually(lambda: seen.calls["POST /prompt"] == 1)
    start = time.monotonic()
    run.cancel()
    assert end(run).phase is Phase.STOPPED
    eventually(lambda: seen.close_codes == [1000])
    assert time.monotonic() - start < 1
    eventually(lambda: {"interrupted", "removed"} & set(demo.journal.of(run.id)))
    assert runs.client.queue().running == runs.client.queue().pending == ()


def test_a_run_stopped_elsewhere_says_so(runs: Runs) -> None:
    """Interrupted at the server by somebody else: stopped, in other words."""
    run = runs.submit(job(LONG), owner="me")
    running(run)
    runs.client.cancel(run.id)
    state = end(run)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "somebody else" in state.error.message


def test_a_run_removed_from_the_queue_says_so(demo: DemoServer, runs: Runs) -> None:
    """Taken out of the queue by somebody else, which sends no event: stopped, in words."""
    first = runs.submit(job(LONG), owner="me")
    running(first)
    second = runs.submit(job(), owner="me")
    until(second, lambda state: state.queue_place == 1)
    demo.queue.clear()
    state = end(second)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "queue by somebody else" in state.error.message
    assert not first.state.phase.finished


def test_cancel_twice_and_after_the_end(runs: Runs) -> None:
    """A second cancel and a late one change nothing."""
    run = runs.submit(job(), owner="me")
    assert end(run).phase is Phase.DONE
    run.cancel()
    run.cancel()
    assert run.state.phase is Phase.DONE


def test_a_page_that_left_ends_its_run_after_the_grace_time(demo: DemoServer) -> None:
    """The last detach starts the clock, an attach stops it, and the end says why."""
    with registry(demo, grace=0.3) as runs:
        run = runs.submit(job(LONG), owner="me")
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
        assert "watching" in state.error.message
        eventually(lambda: runs.client.queue().running == ())


def test_nobody_ever_came(demo: DemoServer) -> None:
    """A watched run to which nobody attaches ends by the grace time; an unwatched one goes on."""
    with registry(demo, grace=0.3) as runs:
        watched, unwatched = (runs.submit(job(LONG), owner="me", watched=watched) for watched in (True, False))
        assert end(watched).phase is Phase.STOPPED
        assert not unwatched.state.phase.finished


def test_a_deadline_ends_a_run_whoever_watches(runs: Runs) -> None:
    """Past its deadline an unfinished run is stopped and says so."""
    run = runs.submit(job(LONG), owner="me", deadline=0.4)
    run.attach()
    state = end(run)
    assert state.phase is Phase.STOPPED
    assert state.error is not None
    assert "longer than 0.4 seconds" in state.error.message


# Doubt


@pytest.mark.parametrize("kind", ["drop", "close", "silence", "half_open", "truncated_frame"])
def test_a_lost_socket_is_opened_again(mortal: DemoServer, kind: Any) -> None:
    """Whatever happens to the socket, the run is found again, previews go on, and its picture arrives."""
    mortal.script(kind, at="progress", after=2)
    with registry(mortal) as runs:
        run = runs.submit(job(60), owner="me")
        until(run, lambda state: state.preview_number > 10)
        state = end(run)
    assert state.phase is Phase.DONE
    assert state.files
    assert mortal.requests["GET /ws"] >= 2


@pytest.mark.parametrize("kind", ["garbage_text", "odd_text", "garbage_binary", "duplicate", "late", "huge_frame"])
@pytest.mark.parametrize("at", ["progress", "executed", "preview"])
def test_odd_messages_do_no_harm(demo: DemoServer, seen: Watched, kind: Any, at: str) -> None:
    """Garbage, twins, late and huge frames leave a run with one socket and its picture."""
    demo.script(kind, at=at)
    with registry(demo, Timing()) as runs:
        state = end(runs.submit(job(), owner="me"))
    assert state.phase is Phase.DONE
    assert len(state.files) == 1
    assert seen.calls["GET /ws"] == 1


@pytest.mark.parametrize("kind", ["lost", "foreign_prompt_id", "no_prompt_id"])
@pytest.mark.parametrize("at", ["execution_start", "executed", "execution_success", "executing", "progress"])
def test_missing_messages_do_no_harm(demo: DemoServer, runs: Runs, kind: Any, at: str) -> None:
    """Messages that are lost, or speak of other prompts or of none, cost at most a question."""
    demo.script(kind, at=at, count=9)
    state = end(runs.submit(job(), owner="me"))
    assert state.phase is Phase.DONE
    assert len(state.files) == 1


def test_a_socket_that_dies_again_and_again(demo: DemoServer, seen: Watched, runs: Runs) -> None:
    """Every new socket dies at its first message: history has the result all the same, and nobody is hammered."""
    demo.script("drop", at="progress", count=1000)
    state = end(runs.submit(job(60), owner="me"))
    assert state.phase is Phase.DONE
    assert seen.calls["GET /ws"] < 30


@pytest.mark.parametrize("kind", ["cut", "http_500", "http_502", "bad_json"])
def test_a_prompt_that_was_not_taken(demo: DemoServer, seen: Watched, runs: Runs, kind: Any) -> None:
    """The answer is cut off or none, and the prompt is nowhere to be found: it is posted again, under the same id."""
    demo.script(kind, at="POST /prompt", count=2)
    run = runs.submit(job(), owner="me")
    assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 3
    assert demo.journal.of(run.id).count("started") == 1


@pytest.mark.parametrize("kind", ["answer_lost", "answer_502"])
def test_a_prompt_that_was_taken_without_a_word(demo: DemoServer, seen: Watched, runs: Runs, kind: Any) -> None:
    """The prompt is at the server though its answer was lost: it is found there, and not posted twice."""
    demo.script(kind, at="POST /prompt")
    run = runs.submit(job(), owner="me")
    assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 1


@pytest.mark.parametrize("kind", ["http_500", "http_502", "bad_json", "cut"])
def test_history_that_cannot_be_had_at_once(demo: DemoServer, runs: Runs, kind: Any) -> None:
    """Errors of the server at the end are borne for a while."""
    run = runs.submit(job(), owner="me")
    demo.script(kind, at=f"GET /history/{run.id}", count=2)
    assert end(run).phase is Phase.DONE


def test_a_prompt_that_is_taken_late(demo: DemoServer, seen: Watched) -> None:
    """The server takes a prompt only after we have given up its answer: it is waited for, and not posted twice."""
    demo.script("slow", at="POST /prompt", seconds=0.6)
    with registry(demo, Timing(call=0.3, goodbye=3.0, retry=0.05)) as runs:
        run = runs.submit(job(), owner="me")
        assert end(run).phase is Phase.DONE
    assert seen.calls["POST /prompt"] == 1
    assert demo.journal.of(run.id).count("started") == 1


def test_a_server_that_fails_at_a_prompt(demo: DemoServer, seen: Watched) -> None:
    """A 500 for every POST is a failed run with its number, after a few attempts."""
    demo.script("http_500", at="POST /prompt", count=100)
    with registry(demo, replace(HURRIED, patience=60.0)) as runs:
        state = end(runs.submit(job(), owner="me"))
    assert seen.calls["POST /prompt"] == 5
    assert state.phase is Phase.FAILED
    assert state.error is not None
    assert "500" in state.error.message


def test_a_prompt_too_large(demo: DemoServer, seen: Watched, runs: Runs) -> None:
    """A 413 is a refusal in words, and final."""
    demo.script("http_413", at="POST /prompt")
    state = end(runs.submit(job(), owner="me"))
    assert state.phase is Phase.REFUSED
    assert state.error is not None
    assert "larger than the server accepts" in state.error.message
    assert seen.calls["POST /prompt"] == 1


def test_a_server_that_comes_late(mortal: DemoServer) -> None:
    """A server that is away when the run begins is waited for, and the person sees why."""
    mortal.stop()
    with registry(mortal, Timing(retry=0.05, retry_most=0.1)) as runs:
        run = runs.submit(job(), owner="me")
        assert until(run, lambda state: state.away).phase is Phase.WAITING
        mortal.start()
        assert end(run).phase is Phase.DONE
    assert mortal.journal.of(run.id).count("started") == 1


def test_a_run_that_waited_is_sent_again_after_a_restart(mortal: DemoServer) -> None:
    """The server dies while one run is at work and the next waits: the first is lost, the other one made."""
    with registry(mortal) as runs:
        first = runs.submit(job(LONG), owner="me")
        running(first)
        second = runs.submit(job(), owner="me")
        until(second, lambda state: state.queue_place == 1)
        mortal.restart()
        assert end(first).phase is Phase.LOST
        assert end(second).phase is Phase.DONE
    assert mortal.journal.of(second.id)[:2] == ("taken", "killed")
    assert mortal.journal.of(second.id).count("started") == 1


def test_a_restarted_server_has_forgotten(mortal: DemoServer) -> None:
    """After a restart neither queue nor history know the run: lost, with the reason."""
    with registry(mortal) as runs:
        run = runs.submit(job(LONG), owner="me")
        running(run)
        mortal.restart()
        state = end(run)
    assert state.phase is Phase.LOST
    assert state.error is not None
    assert "restarted" in state.error.message


def test_a_server_that_stays_away_is_given_up(mortal: DemoServer) -> None:
    """Patience has an end, and it is told."""
    with registry(mortal) as runs:
        run = runs.submit(job(LONG), owner="me")
        running(run)
        mortal.stop()
        state = end(run)
    assert state.phase is Phase.LOST
    assert state.error is not None
    assert "not answered for 1 seconds" in state.error.message


def test_cancel_while_the_server_is_away(mortal: DemoServer) -> None:
    """A run in doubt can be stopped at once."""
    with registry(mortal, Timing(retry=5)) as runs:
        run = runs.submit(job(LONG), owner="me")
        running(run)
        mortal.stop()
        start = time.monotonic()
        run.cancel()
        assert end(run).phase is Phase.STOPPED
        assert time.monotonic() - start < 1


# The registry


def test_runs_are_found_by_their_owner_only(runs: Runs) -> None:
    """Somebody else's run and one that never was are the same error."""
    run = runs.submit(job(), owner="me")
    assert runs.get(run.id, "me") is run
    assert runs.owned("me") == (run,)
    assert runs.owned("you") == ()
    for run_id, owner in ((run.id, "you"), (str(uuid.uuid4()), "me")):
        with pytest.raises(RunNotFound) as error:
            runs.get(run_id, owner)
        assert error.value.hint
    end(run)


def test_finished_runs_are_forgotten_in_time(demo: DemoServer) -> None:
    """Only the last few finished runs are remembered."""
    with registry(demo, keep=3) as runs:
        many = [runs.submit(job(), owner="me") for _ in range(6)]
        assert all(end(run).phase is Phase.DONE for run in many)
        eventually(lambda: len(runs.owned("me")) == 3)


def test_earlier_runs_tell_how_long_it_takes(runs: Runs) -> None:
    """The second run of a workflow knows how long the first one took."""
    first = runs.submit(job(LONG), owner="me")
    assert first.expected_seconds is None
    first.cancel()
    end(first)
    assert first.expected_seconds is None
    state = end(runs.submit(job(), owner="me"))
    assert state.started_at is not None
    assert state.finished_at is not None
    eventually(lambda: runs._expected("test") is not None)
    second = runs.submit(job(), owner="you")
    assert second.expected_seconds == pytest.approx(state.finished_at - state.started_at)
    end(second)


def test_closing_the_registry_ends_everything(demo: DemoServer) -> None:
    """All runs are stopped at the server within a second, and nothing more can be submitted."""
    with registry(demo) as runs:
        many = [runs.submit(job(LONG), owner="me") for _ in range(5)]
        for run in many:
            until(run, lambda state: state.phase is Phase.RUNNING or state.queue_place is not None)
        start = time.monotonic()
        runs.close()
        assert time.monotonic() - start < 1
        assert {run.state.phase for run in many} == {Phase.STOPPED}
        eventually(lambda: runs.client.queue().running == runs.client.queue().pending == ())
        with pytest.raises(ComfyError):
            runs.submit(job(), owner="me")
    eventually(lambda: demo.sockets.open == 0)


def test_many_runs_leave_nothing_behind(demo: DemoServer) -> None:
    """After two hundred runs there are as many threads as before, and no run beyond those kept."""
    before, same = threading.active_count(), job()
    with registry(demo, Timing(), keep=10) as runs:
        for _ in range(20):
            batch = [runs.submit(same, owner="me") for _ in range(10)]
            assert all(end(run).phase is Phase.DONE for run in batch)
        eventually(lambda: len(runs.owned("me")) == 10)
    eventually(lambda: threading.active_count() <= before)
