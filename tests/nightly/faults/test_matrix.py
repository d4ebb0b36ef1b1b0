"""Each fault at each moment of a run leads to the right outcome in time, with a message. The run
starts only once, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.runs.interface import UNWATCHED, Origin, Run
from comfy.runs.registry import LocalRunRegistry
from tests.nightly.faults.table import (
    ANSWERS,
    CELLS,
    DEADLY,
    FAULTS,
    HELD,
    Moment,
    Outcome,
    Scene,
    left_out,
    outcome,
    shows_on,
)
from tests.nightly.faults.timing import HURRIED
from tests.support.link import FaultyLink
from tests.support.samples.histories import bytes_kept
from tests.support.stage import LIMIT, HeldServer, until

TIMING = replace(HURRIED, patience=12.0)
OTHER = "00000000-0000-4000-8000-000000000000"
IMPATIENT = replace(TIMING, patience=0.4)
# A prompt whose connection breaks while the server looks at it is taken all the same, later on a
# busy machine.
CAUTIOUS = replace(TIMING, outcome_delay=1.2)


@pytest.fixture(scope="module")
def lasting() -> Iterator[HeldServer]:
    """Return the server for all cells whose fault doesn't kill the server."""
    stage = HeldServer()
    with stage.demo:
        yield stage


@pytest.fixture
def stage(lasting: HeldServer, fault: str) -> Iterator[HeldServer]:
    """Return an idle server that behaves normally. A cell whose fault kills the server gets its
    own."""
    if fault not in DEADLY:
        yield lasting
        lasting.rest()
        return
    stage = HeldServer()
    with stage.demo:
        yield stage


@pytest.fixture(scope="module")
def one_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    folder = tmp_path_factory.mktemp("history")
    one = RunStore(f"sqlite:///{folder / 'history.db'}", BlobStore(folder / "files"))
    yield one
    one.close()


@pytest.fixture
def history(one_history: RunStore) -> Iterator[RunStore]:
    yield one_history
    for record in one_history.of("me"):
        one_history.delete(record.id, "me")


@contextmanager
def held_at(stage: HeldServer, fault: str, moment: Moment) -> Iterator[Callable[[Run], None]]:
    """Hold the server at this moment until the block ends. Yield a function that waits for the
    moment."""
    if moment is not Moment.WAITING:
        at, after = ("open", 0) if fault in ANSWERS and moment is Moment.BEFORE else HELD[moment]
        with stage.demo.hold(at, after=after) as hold:
            yield lambda run: until(hold.reached.is_set, moment)
        return
    job, may_finish = stage.job()
    with Client(stage.demo.url) as other:
        other.submit(job.prompt, client_id="other", prompt_id=OTHER, extra_data={})
        until(lambda: other.queue().running == (OTHER,), "another's run at work")
        yield lambda run: until(lambda: run.state.queue_place == 1, moment)
        may_finish.set()


@pytest.mark.parametrize(
    ("fault", "moment"), CELLS, ids=[f"{fault}, {moment.name.lower()}" for fault, moment in CELLS]
)
def test_a_run_survives(stage: HeldServer, history: RunStore, fault: str, moment: Moment) -> None:
    """Each run ends as the table's rules say."""
    job, may_finish = stage.job()
    timing = IMPATIENT if fault == "gone" else CAUTIOUS if moment is Moment.BEFORE else TIMING
    with (
        FaultyLink(stage.demo.url) as link,
        Client(link.url) as client,
        closing(LocalRunRegistry(ServerPool(client), history, timing=timing)) as runs,
        ExitStack() as undone,
    ):
        with held_at(stage, fault, moment) as reached:
            run = runs.submit(job, Origin("me"), UNWATCHED)
            if moment in (Moment.END, Moment.FETCHING):
                may_finish.set()
            reached(run)
            cause = FAULTS[fault](
                Scene(link, moment, run, stage.demo.url, stage.demo.restart, stage.demo, undone)
            )
            next(cause)
            shown = run.state.preview_number
        next(cause, None)
        if shows_on(fault, moment):
            until(
                lambda: run.state.preview_number > shown or run.state.phase.finished,
                "previews after the fault",
            )
            assert run.state.preview_number > shown, run.state
        may_finish.set()
        *_, state = run.watch(LIMIT)
    ends_as_expected(state, outcome(fault, moment))
    if state.phase is Phase.DONE:
        the_result_is_kept(stage, history, state)
    nothing_is_left(stage, history, run)
    starts = stage.demo.journal.of(run.state.prompt_id).count("started")
    assert starts <= 1 + state.restarted
    assert state.restarted <= (fault == "restarted")


def ends_as_expected(state: RunState, expected: Outcome) -> None:
    """Check the phase and the message."""
    assert state.phase is expected.phase, state
    if expected.says:
        assert state.error is not None
        assert expected.says in state.error.message
        assert state.error.hint


def the_result_is_kept(stage: HeldServer, history: RunStore, state: RunState) -> None:
    assert "success" in stage.demo.journal.of(state.prompt_id)
    (file,) = state.files
    made = stage.demo.storage.find(f"{file.filename} [output]")
    kept = history.files.path(file.digest)
    assert made is not None
    assert kept is not None
    assert kept.read_bytes() == made.read_bytes()


def nothing_is_left(stage: HeldServer, history: RunStore, run: Run) -> None:
    """Check that the record exists and can be deleted with its files. The server has no connections
    and no work."""
    record = history.get(run.id, "me")
    assert record is not None
    assert (record.state.phase, record.state.files) == (run.state.phase, run.state.files)
    assert history.delete(run.id, "me")
    assert bytes_kept(history.files) == 0
    until(lambda: stage.demo.queue.remaining() == 0, "an empty queue")
    until(lambda: stage.demo.sockets.open == 0, "no sockets at the server")


def test_the_table_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fault is tested at each moment. A cell that makes no sense is left out with a reason."""
    missing = [(fault, moment) for fault in FAULTS for moment in Moment if left_out(fault, moment)]
    with capsys.disabled():
        print(
            f"\n{len(FAULTS)} faults x {len(Moment)} moments: {len(CELLS)} cells, {len(missing)}"
            " left out"
        )
    assert len(CELLS) + len(missing) == len(FAULTS) * len(Moment)
    assert (len(CELLS), len(missing)) == (153, 27)
