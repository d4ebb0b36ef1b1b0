"""Concurrent requests from several users or tabs for the same batch."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from comfy.base.errors import BatchNotFound, ComfyError, TooManyRuns
from comfy.batches.open_batch import BatchChange
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import AxisSpec
from comfy.runs.interface import UNWATCHED, Origin
from comfy.runs.limits import BatchLimits
from comfyui_standin import DemoServer
from tests.batches.kept_batches import ANN, SEED, Batches, kept_batches, read_only
from tests.support.waiting import LONGEST_WAIT, eventually

ROUNDS = 5  # of presses at once: without one batch for both, most of them went wrong


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.002, painted=64) as server:
        yield server


def at_once(*presses: tuple[BatchChange | Literal["delete"], str], one: Batches) -> None:
    """Apply these changes to these batches concurrently."""
    together = threading.Barrier(len(presses))

    def press(change: BatchChange | Literal["delete"], batch_id: str) -> None:
        together.wait(LONGEST_WAIT)
        if change == "delete":
            one.batches.delete(batch_id, ANN)
        else:
            one.batches.change(batch_id, ANN, change)

    with ThreadPoolExecutor() as people:
        for pressed in [people.submit(press, *each) for each in presses]:
            pressed.result()


def test_a_batch_retried_during_a_stop_can_be_stopped(demo: DemoServer, tmp_path: Path) -> None:
    """In either order, no row keeps running that the user can't stop."""
    with kept_batches(demo.url, tmp_path) as one:
        for _ in range(ROUNDS):
            with demo.hold("progress"):
                batch = one.begin(AxisSpec(SEED, "1..4"))
                one.batches.change(batch.id, ANN, "stop")
                eventually(lambda: not one.runs.line_of(ANN))
                at_once(("retry", batch.id), ("stop", batch.id), one=one)
                one.batches.change(batch.id, ANN, "stop")
            eventually(lambda: not one.runs.line_of(ANN))
            assert one.batches.get(batch.id, ANN).state == "stopped"
            eventually(lambda begun=batch: one.states(begun) == ["stopped"] * 4)


def test_batches_that_run_again_at_once_keep_to_the_limit(demo: DemoServer, tmp_path: Path) -> None:
    """The limit leaves room for a single batch. The queue refuses the other, which stays
    stopped."""
    with kept_batches(demo.url, tmp_path) as one, demo.hold("progress"):
        ended = []
        for _ in range(2):
            batch = one.begin(AxisSpec(SEED, "1..2"))
            one.batches.change(batch.id, ANN, "stop")
            eventually(lambda: not one.runs.line_of(ANN))
            ended.append(batch.id)
        one.batches = BatchQueue(one.starter, BatchLimits(person=1))
        with pytest.raises(TooManyRuns):
            at_once(*(("retry", each) for each in ended), one=one)
        states = sorted(one.batches.get(each, ANN).state for each in ended)
        assert states == ["running", "stopped"]


def test_deleted_rows_do_not_run_again(demo: DemoServer, tmp_path: Path) -> None:
    """The rows stay deleted even if another request retries them at the same time."""
    with kept_batches(demo.url, tmp_path) as one, demo.hold("progress"):
        for _ in range(ROUNDS):
            batch = one.begin(AxisSpec(SEED, "1..2"))
            one.batches.change(batch.id, ANN, "stop")
            eventually(lambda: not one.runs.line_of(ANN))
            with contextlib.suppress(BatchNotFound):  # the deletion was first
                at_once(("delete", batch.id), ("retry", batch.id), one=one)
            eventually(lambda: not one.runs.line_of(ANN))
            assert one.batches.of(ANN) == one.batches.recent(ANN) == ()


def test_a_run_that_is_canceled_is_deleted_with_its_batch(demo: DemoServer, tmp_path: Path) -> None:
    """The app deletes the run although its record is only written afterwards."""
    with kept_batches(demo.url, tmp_path) as one:
        history = one.runs.history
        with demo.hold("progress") as reached:
            batch = one.begin(AxisSpec(SEED, "1"))
            assert reached.reached.wait(LONGEST_WAIT)
            one.batches.delete(batch.id, ANN, with_runs=True)
        eventually(lambda: history.unlisted(time.time() + 1), "it is to be deleted")
        assert history.of(ANN) == ()


def test_a_batch_whose_runs_cannot_be_deleted_is_kept(demo: DemoServer, tmp_path: Path) -> None:
    """The user gets an error and can delete the batch again."""
    with kept_batches(demo.url, tmp_path) as one:
        history = one.runs.history
        batch = one.begin(AxisSpec(SEED, "1, 2"))
        one.until(batch, "done")
        with read_only(tmp_path, "runs"), pytest.raises(ComfyError):
            one.batches.delete(batch.id, ANN, with_runs=True)
        assert one.batches.of(ANN)
        one.batches.delete(batch.id, ANN, with_runs=True)
        assert (history.of(ANN), one.batches.of(ANN)) == ((), ())


def test_a_batch_counts_as_one_run_toward_the_hourly_limit(
    demo: DemoServer, tmp_path: Path
) -> None:
    """A batch counts as a single run toward the hourly limit and continues beyond it. Its owner may
    then start another run. If a press starts several runs, each run counts."""
    with kept_batches(demo.url, tmp_path, hourly=3) as one:
        one.until(one.begin(AxisSpec(SEED, "11..16")), "done")
        started = one.starter.start_several("small", {SEED: 1}, Origin(ANN), 4, UNWATCHED)
        assert len(started.runs) == 2
        assert "You can start at most 3 runs per hour" in str(started.refused)
        for run in started.runs:
            assert run.join(LONGEST_WAIT)


def test_a_new_batch_is_not_read_back_from_the_database(
    demo: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch's thread gets the checked values. The app reads their JSON only after a restart."""
    monkeypatch.delattr("comfy.batches.queue.load_batch")
    with kept_batches(demo.url, tmp_path) as one:
        batch = one.begin(AxisSpec(SEED, "1..3"))
        assert one.until(batch, "done").done == 3
