"""A registry's runs: submission to a server whose answers get lost, results, and cancellation."""

from __future__ import annotations

import gc
import threading
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.base.errors import (
    ComfyError,
    PromptRejected,
    RunGoesOn,
    RunNotFound,
    ServerError,
    ServerUnreachable,
)
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.events import Event, Executing, Preview
from comfy.comfyui.protocol.parse import parse_message
from comfy.comfyui.protocol.responses import Queue, Submitted
from comfy.comfyui.protocol.run_state import Phase
from comfy.prompt.model import Prompt
from comfy.records.record import Job
from comfy.runs.attempt import Submission
from comfy.runs.interface import Origin, RunPolicy, RunRegistry, Timeouts
from comfy.runs.limits import RunLimits
from comfy.runs.reconnect import RESTARTED
from comfyui_standin import DemoServer
from tests.runs.registry import HURRIED, LIMIT, Watched, end, queue_of, registry, running, until
from tests.support.leaks import running_threads
from tests.support.sampler import LONG, job, prompt
from tests.support.serving import open_history
from tests.support.waiting import eventually


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


def test_a_run_alone_needs_three_calls_and_one_socket(
    demo: DemoServer, seen: Watched, runs: RunRegistry
) -> None:
    """The app needs one POST, one history query, one file and one WebSocket, which it closes with
    1000."""
    assert end(runs.submit(job(), Origin("me"))).phase is Phase.DONE
    assert seen.calls == {"GET /ws": 1, "POST /prompt": 1, "GET /history": 1, "GET /view": 1}
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


@pytest.mark.parametrize("paid", [False, True])
def test_a_run_starts_again_once_if_its_server_restarts(mortal: DemoServer, *, paid: bool) -> None:
    """The only server loses the run and takes it again. The second time the run is lost, and a
    paid run the first time, because it may have cost credits."""
    with registry(mortal) as runs:
        run = runs.submit(replace(job(LONG), paid=paid), Origin("me"))
        running(run)
        mortal.restart()
        if not paid:
            until(run, lambda state: state.restarted and state.preview_number > 0)
            mortal.restart()
        state = end(run)
    assert (state.phase, state.restarted) == (Phase.LOST, not paid)
    assert state.error == RESTARTED


@pytest.mark.embedded("takes back what a server has")
def test_a_paid_run_that_was_taken_back_says_whether_it_had_begun(
    demo: DemoServer, runs: RunRegistry
) -> None:
    """Also if the server hasn't told yet that it has."""
    paid = replace(job(LONG), paid=True)
    with demo.hold("execution_start") as held:
        first = runs.submit(paid, Origin("me"))
        assert held.reached.wait(LIMIT)
        second = runs.submit(paid, Origin("me"))
        eventually(lambda: len(queue_of(demo).pending) == 1, "the second prompt")
        for run in (second, first):
            run.take_back()
            assert end(run).phase is Phase.STOPPED
    assert first.state.started_at is not None
    assert second.state.started_at is None


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


@pytest.mark.embedded("one of several processes hands its runs over")
def test_closing_the_registry_ends_everything(demo: DemoServer) -> None:
    """The app stops the run at the ComfyUI server and accepts no more. Waiting runs stay."""
    with registry(demo, ahead=1) as runs:
        first, *waiting = (runs.submit(job(LONG), Origin("me")) for _ in range(5))
        running(first)
        for run in waiting:
            until(run, lambda state: state.queue_place is not None)
        runs.close()
        assert first.state.phase is Phase.STOPPED
        assert {run.state.phase for run in waiting} == {Phase.WAITING}
        eventually(lambda: queue_of(demo) == Queue((), ()))
        with pytest.raises(ComfyError):
            runs.submit(job(), Origin("me"))
    eventually(lambda: demo.sockets.open == 0)


def test_many_runs_leave_nothing_behind(demo: DemoServer, nightly: bool) -> None:
    """After 50 runs (200 with --nightly), no thread is left, and the app keeps only the last 10
    runs."""
    before, same = running_threads(), job()
    with registry(demo, Timeouts(), keep=10) as runs:
        for _ in range(20 if nightly else 5):
            batch = [runs.submit(same, Origin("me")) for _ in range(10)]
            assert all(end(run).phase is Phase.DONE for run in batch)
        eventually(lambda: len(runs.owned("me")) == 10)
    eventually(lambda: running_threads() <= before)


POST = "POST /prompt"
PATIENT, AT_ONCE = Timeouts(outcome_delay=60.0), Timeouts(outcome_delay=0.0)
WORKFLOW = prompt(7, 2)


@pytest.fixture(scope="module")
def instant_server() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0) as server:
        yield server


@pytest.fixture
def instant(instant_server: DemoServer) -> Iterator[DemoServer]:
    yield instant_server
    instant_server.behave()


@pytest.fixture
def client(instant: DemoServer) -> Iterator[Client]:
    with Client(instant.url) as one:
        yield one


class Attempts:
    """Submission that records the ids it sends."""

    def __init__(self, client: Client, timing: Timeouts, *, fails: Exception | None = None) -> None:
        self.id = str(uuid.uuid4())
        self.sent: list[str] = []
        self.fails = fails
        self.submission = Submission(client, client_id="c", timing=timing)

    def prompt(self) -> Prompt:
        if self.fails is not None:
            raise self.fails
        return WORKFLOW

    def next(self, *, started: bool = False, later: float = 0.0) -> Submitted | float:
        now = time.monotonic() + later
        return self.submission.attempt(
            self.id, self.prompt, self.sent.append, started=started, now=now
        )


def test_a_prompt_is_posted_once(instant: DemoServer, client: Client) -> None:
    """The request carries the given id, and the caller gets a notification before the app sends
    it."""
    attempts = Attempts(client, PATIENT)
    answer = attempts.next()
    assert isinstance(answer, Submitted)
    assert (answer.prompt_id, attempts.sent) == (attempts.id, [attempts.id])


@pytest.mark.parametrize("kind", ["answer_lost", "answer_502"])
def test_a_prompt_whose_answer_is_lost_is_found_on_the_server(
    instant: DemoServer, client: Client, kind: str
) -> None:
    """The app finds the prompt on the server and doesn't post it again."""
    attempts = Attempts(client, AT_ONCE)
    instant.script(kind, at=POST)  # type: ignore[arg-type]
    before = instant.requests[POST]
    with pytest.raises((ServerUnreachable, ServerError)):
        attempts.next()
    answer = attempts.next()
    assert isinstance(answer, Submitted)
    assert answer.prompt_id == attempts.id
    assert instant.requests[POST] - before == 1


def test_a_prompt_that_is_nowhere_may_still_be_on_its_way(
    instant: DemoServer, client: Client
) -> None:
    """The app looks for the prompt again a moment later, and doesn't post it before then."""
    attempts = Attempts(client, PATIENT)
    instant.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    sure_at = attempts.next()
    assert isinstance(sure_at, float)
    assert sure_at > time.monotonic()
    assert len(attempts.sent) == 1


def test_a_prompt_that_is_nowhere_is_posted_again(instant: DemoServer, client: Client) -> None:
    """The app posts the prompt under the same id, after a second look that begins when the delay is
    over."""
    attempts = Attempts(client, PATIENT)
    instant.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    assert isinstance(attempts.next(), float)
    assert isinstance(attempts.next(later=PATIENT.outcome_delay), Submitted)
    assert attempts.sent == [attempts.id] * 2
    assert instant.journal.of(attempts.id).count("taken") == 1


def test_a_start_reported_by_the_socket_proves_acceptance(
    instant: DemoServer, client: Client
) -> None:
    """After that message, the app sends neither a query nor the prompt."""
    attempts = Attempts(client, AT_ONCE)
    instant.script("cut", at=POST)
    with pytest.raises(ServerUnreachable):
        attempts.next()
    before = instant.requests.total()
    assert attempts.next(started=True) == Submitted(attempts.id, 0)
    assert instant.requests.total() == before


def test_repeated_server_errors_are_not_retried_forever(
    instant: DemoServer, client: Client
) -> None:
    """After five failed posts, the app gives up. If the submission starts again, the count does
    too."""
    attempts = Attempts(client, AT_ONCE)
    instant.script("http_500", at=POST, count=5)
    for number in range(1, 6):
        with pytest.raises(ServerError) as told:
            attempts.next()
        assert attempts.submission.not_worth_retrying(told.value) is (number == 5)
    attempts.submission.again()
    assert not attempts.submission.not_worth_retrying(told.value)
    assert isinstance(attempts.next(), Submitted)


def test_permanent_errors_are_not_retried(client: Client) -> None:
    """The app gives up immediately on an invalid certificate or a missing login."""
    submission = Attempts(client, PATIENT).submission
    assert submission.not_worth_retrying(
        ServerUnreachable("Its certificate has expired.", passing=False)
    )
    assert submission.not_worth_retrying(ServerError("It asks for a login.", status=401))
    assert not submission.not_worth_retrying(ServerUnreachable("Nothing answers."))


@pytest.mark.parametrize("error", [PromptRejected("No such file."), ServerUnreachable("Away.")])
def test_a_prompt_that_cannot_be_made_was_not_sent(
    instant: DemoServer, client: Client, error: ComfyError
) -> None:
    """For example, a file upload fails. The app doesn't report the prompt as sent, posts nothing,
    and has nothing to look for afterwards."""
    attempts = Attempts(client, PATIENT, fails=error)
    before = instant.requests.total()
    with pytest.raises(type(error)):
        attempts.next()
    assert (attempts.sent, instant.requests.total()) == ([], before)
    attempts.fails = None
    assert isinstance(attempts.next(), Submitted)


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
    first = runs.submit(job(LONG), Origin("me"), RunPolicy(keeps_going=True))
    running(first)
    second = runs.submit(job(), Origin("me"), RunPolicy(keeps_going=True))
    until(second, lambda state: state.queue_place == 1)
    eventually(lambda: demo.queue.remaining() == 2 and not second.waits_here, "it is sent")
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
    assert "it took longer than 0." in state.error.message  # without its time in the queue
