"""Limits of batches and of their runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.batches.queue import BatchQueue
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.records.audit import DAY, DayRuns
from comfy.runs.interface import Origin
from comfy.runs.limits import BatchLimits, TooManyRuns
from comfyui_standin import DemoServer
from tests.batches.kept_batches import ANN, BOB, SEED, kept_batches
from tests.support.waiting import eventually

pytestmark = pytest.mark.embedded("replaces the queue of its process")


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.002, painted=64) as server:
        yield server


def test_run_limits_delay_a_batch_but_do_not_end_it(demo: DemoServer, tmp_path: Path) -> None:
    """The registry's limits also apply to batches, but don't end them."""
    with kept_batches(demo.url, tmp_path, person=2) as one:
        batch = one.begin(AxisSpec(SEED, "1..6"))
        assert one.until(batch, "done", "paused").done == 6
        one.batches = BatchQueue(one.starter, BatchLimits(person=1))
        with demo.hold("progress"):
            batch = one.begin(AxisSpec(SEED, "11..16"))
            with pytest.raises(TooManyRuns, match="Your limit is"):
                one.begin(AxisSpec(SEED, "1, 2"))
            other = one.begin(AxisSpec(SEED, "21, 22"), owner=BOB)
        one.until(batch, "done")
        eventually(lambda: one.batches.get(other.id, BOB).state == "done")


class Day:
    """Runs of a day that has one run too many until `end`, in seconds since 1970: some seconds
    after someone asked first. `asked`: times when someone asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.end = seconds, 0.0
        self.asked: list[float] = []

    def __call__(self, _owner: str) -> DayRuns:
        now = time.time()
        self.end = self.end or now + self._seconds
        self.asked.append(now)
        return DayRuns(int(now < self.end), self.end - DAY)


def test_a_batch_asks_again_when_its_limit_ends(demo: DemoServer, tmp_path: Path) -> None:
    day = Day(3.5)
    with kept_batches(demo.url, tmp_path, daily=1, started_today=day) as one:
        batch = one.begin(AxisSpec(SEED, "1"))
        assert one.until(batch, "done").done == 1
    refused = [at for at in day.asked if at < day.end]
    assert refused
    assert len(refused) <= 3  # it waits for the end: to ask each second would be more


def test_a_batch_at_its_limit_can_be_stopped(demo: DemoServer, tmp_path: Path) -> None:
    """Its thread doesn't wait for the end of the limit, nor when the app closes."""

    def threads() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("batch-")]

    with kept_batches(demo.url, tmp_path, daily=1, started_today=Day(3600)) as one:
        stopped, closed = (one.begin(AxisSpec(SEED, "1")) for _ in range(2))
        eventually(lambda: all(one.batches.get(it.id, ANN).why for it in (stopped, closed)))
        one.batches.change(stopped.id, ANN, "stop")
        eventually(lambda: len(threads()) == 1)
    assert not threads()


def test_a_batch_counts_toward_its_address(demo: DemoServer, tmp_path: Path) -> None:
    """The limit per address also holds after a restart and for retried batches. Another user at the
    same address finds the queue full."""
    spec, office = BatchSpec((AxisSpec(SEED, "1..3"),)), Origin(ANN, "10.0.0.1")
    with demo.hold("progress"), kept_batches(demo.url, tmp_path) as first:
        begin = first.batches.start
        stopped, paused = (begin("small", {SEED: None}, spec, office) for _ in range(2))
        first.batches.change(stopped.id, ANN, "stop")
        first.batches.change(paused.id, ANN, "pause")
    with kept_batches(demo.url, tmp_path) as second:
        second.batches = batches = BatchQueue(second.starter, BatchLimits(address=1))
        batches.resume()
        with pytest.raises(TooManyRuns, match="queue is full"):
            batches.start("small", {}, spec, Origin(BOB, "10.0.0.1"))
        with pytest.raises(TooManyRuns, match="queue is full"):
            batches.change(stopped.id, ANN, "retry")
        batches.delete(paused.id, ANN)
        batches.change(stopped.id, ANN, "retry")
        assert second.until(stopped, "done").done == 3
        assert {run.address for run in second.runs.known()} == {"10.0.0.1"}
        batches.start("small", {}, spec, Origin(BOB, "10.0.0.2"))


def test_a_long_paused_batch_makes_room_for_a_new_one(demo: DemoServer, tmp_path: Path) -> None:
    """The queue stops the paused batch, as its owner would, only if a new batch needs room."""
    with demo.hold("progress"), kept_batches(demo.url, tmp_path) as one:
        batch = one.begin(AxisSpec(SEED, "1..3"))
        one.batches.change(batch.id, ANN, "pause")
    with kept_batches(demo.url, tmp_path) as one:
        for paused in (86_400.0, 0.0):
            one.batches = BatchQueue(one.starter, BatchLimits(all=1, paused=paused))
            one.batches.resume()
            if paused:
                with pytest.raises(TooManyRuns, match="queue is full"):
                    one.begin(AxisSpec(SEED, "4, 5"), owner=BOB)
        one.begin(AxisSpec(SEED, "4, 5"), owner=BOB)
        assert one.batches.get(batch.id, ANN).state == "stopped"


def test_one_batch_is_stopped_for_each_new_one(demo: DemoServer, tmp_path: Path) -> None:
    """The queue stops only as many long-paused batches as it must. A batch that can't be stopped,
    here because the database refuses it, doesn't fail the new one."""
    with kept_batches(demo.url, tmp_path) as one:
        one.batches = BatchQueue(one.starter, BatchLimits(all=3, paused=0.0))
        with demo.hold("progress"):
            three = [one.begin(AxisSpec(SEED, "1..3")) for _ in range(3)]
            for batch in three:
                one.batches.change(batch.id, ANN, "pause")
        names = {f"batch-{batch.id[:8]}" for batch in three}
        eventually(
            lambda: names.isdisjoint(thread.name for thread in threading.enumerate()),
            "the batches' threads have ended",
        )
        history = one.runs.history
        with history.engine.begin() as connection:
            connection.exec_driver_sql(
                f"create trigger refusing before update on groups when old.id = '{three[0].id}'"
                " begin select raise(abort, 'refused'); end"
            )
        one.begin(AxisSpec(SEED, "4, 5"), owner=BOB)
        states = [one.batches.get(batch.id, ANN).state for batch in three]
        assert states == ["paused", "stopped", "paused"]
