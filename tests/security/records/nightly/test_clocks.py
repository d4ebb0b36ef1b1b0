"""A wrong or changed clock loses no result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.records.store import RunStore
from tests.support.http_client import finished, start
from tests.support.samples.histories import ANN as ANNA
from tests.support.samples.histories import begun, bytes_kept, ended_record, ids, kept_image
from tests.support.serving import Served, open_history
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.page.test_history import SMALL

DAY = 86400.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Patch the clock, and return a list with the number of days by which it is wrong."""
    wrong, right = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong[0] * DAY)
    return wrong


@contextlib.contextmanager
def remembered(folder: Path, days: list[float]) -> Iterator[RunStore]:
    with contextlib.closing(open_history(folder)) as history:
        now = time.time()
        for number, ago in enumerate(days):
            file = kept_image(history.files, b"%d" % number)
            history.end(ended_record(begun(f"r{number}"), at=now - ago * DAY, files=(file,)))
        yield history


def test_finding_17_a_clock_that_is_ahead_removes_nothing(
    tmp_path: Path, clock: list[float]
) -> None:
    """The clock is 40 days ahead at startup and while runs are added, then right again. All runs
    are still there, in order."""
    with remembered(tmp_path, [29, 20, 3, 0]) as history:
        clock[0] = 40
        history.sweep()
        history.end(ended_record(begun("ahead"), at=time.time()))
        history.sweep()
        assert len(history.of(ANNA)) == 5
        clock[0] = 0
        history.sweep()
        assert ids(history.of(ANNA)) == ["ahead", "r3", "r2", "r1", "r0"]
        history.end(ended_record(begun("now"), at=time.time() + 1))
        assert ids(history.of(ANNA))[:2] == [
            "now",
            "ahead",
        ], "a moment that is to come stands in nobody's way"
        assert bytes_kept(history.files) == 4


def test_finding_17_a_long_shutdown_removes_no_history(tmp_path: Path) -> None:
    """While the newest run is older than the age limit, the app removes nothing by age. After a day
    of use, it removes old runs again."""
    with remembered(tmp_path, [50, 45, 41]) as history:
        history.sweep()
        assert len(history.of(ANNA)) == 3
        history.end(ended_record(begun("today"), at=time.time()))
        history.sweep()
        assert len(history.of(ANNA)) == 4
        history.end(ended_record(begun("yesterday"), at=time.time() - 1.1 * DAY))
        history.sweep()
        assert ids(history.of(ANNA)) == ["today", "yesterday"]


def test_a_clock_that_is_behind_removes_nothing(tmp_path: Path, clock: list[float]) -> None:
    """A small computer may boot with its clock at 1970. The app removes nothing then, and the order
    is as before when the clock is right again."""
    with remembered(tmp_path, [3, 2, 1]) as history:
        clock[0] = -20_000
        history.sweep()
        history.end(ended_record(begun("behind"), at=time.time()))
        history.sweep()
        clock[0] = 0
        history.sweep()
        assert ids(history.of(ANNA)) == ["r2", "r1", "r0"]
        assert bytes_kept(history.files) == 3


def test_finding_17_a_run_dated_in_the_future_still_expires(
    tmp_path: Path, clock: list[float]
) -> None:
    """A run was written while the clock was ten years ahead. Once the clock is right, the run
    counts as written today and expires normally."""
    with remembered(tmp_path, [3, 2]) as history:
        history.end(ended_record(begun("ahead"), at=time.time() + 3650 * DAY))
        history.sweep()
        clock[0] = 29
        for ago in (0, 2):
            history.end(ended_record(begun(f"later{ago}"), at=time.time() - ago * DAY))
        history.sweep()
        assert "ahead" in ids(history.of(ANNA))
        clock[0] = 31
        history.sweep()
        assert ids(history.of(ANNA)) == ["later0", "later2"]


def test_finding_17_a_clock_change_does_not_distort_durations(
    served: Served, clock: list[float]
) -> None:
    """The clock is set back by a year during a run. The predicted duration still is a plausible
    waiting time."""
    demo, app = served
    with demo.hold("executing", after=1) as held:
        run = start(app, **SMALL)
        assert held.reached.wait(LONGEST_WAIT)
        eventually(lambda: run.state.started_at is not None, "it has started")
        clock[0] = -365
        held.release()
        finished(run)
    typical = app.services.runs.expected_seconds(run.job.workflow, None)
    assert typical is not None
    assert 0 <= typical < 60
