"""Limits on runs of one user, one address and all, and on paid runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError, TooManyPaidRuns, TooManyRuns, TooManyThreads
from comfy.comfyui.protocol.run_progress import RunProgress, SamplerSteps, SamplingWork
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.blobs import BlobStore
from comfy.records.database import nothing_at_start
from comfy.records.record import Job
from comfy.records.starts import RecentStarts, Start
from comfy.records.store import RunStore
from comfy.runs.durations import Durations, RunTimes, time_left
from comfy.runs.interface import Origin
from comfy.runs.limits import Person, RunLimits, RunStarts
from comfyui_standin import DemoServer
from tests.runs.kept_registry import kept_registry, killed_registry
from tests.runs.registry import end, running
from tests.support.postgres import database_of
from tests.support.sampler import LONG, job
from tests.support.samples.paid import APP_KEY, OWN_KEY, PROMPT, shown_digest

ME, YOU = ("me", "192.0.2.1"), ("you", "192.0.2.1")
LIMITS = RunLimits(person=2, address=3, all=4, hourly=5)


@pytest.mark.parametrize(
    ("unfinished", "says"),
    [
        ([ME, ME], "Your limit is 2"),
        ([ME, YOU, YOU], "The queue is full"),
        ([("a", ""), ("b", ""), ("c", ""), ("d", "")], "The queue is full"),
    ],
)
def test_a_run_above_the_limit_is_refused_with_a_sentence(
    unfinished: list[Person], says: str
) -> None:
    """The refusal says what to do. With one run fewer, the app accepts the run."""
    with pytest.raises(ComfyError, match=says) as told:
        LIMITS.check_unfinished(*ME, unfinished)
    assert told.value.hint
    LIMITS.check_unfinished(*ME, unfinished[1:])


def test_users_without_an_address_share_no_address_limit() -> None:
    """Users who sign in share no address with other users."""
    LIMITS.check_unfinished("me", "", [("a", ""), ("b", ""), ("c", "")])


@pytest.fixture(params=["sqlite", "postgres"])
def starts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunStarts]:
    """Starts in each place that counts them."""
    address = database_of(str(request.param), request, tmp_path)
    with contextlib.closing(RunStore(address, BlobStore(tmp_path / "kept"))) as history:
        yield RunStarts(history, LIMITS)


def begin(starts: RunStarts, person: Person, group: str = "") -> None:
    start = Start(*person, group)
    LIMITS.check_hourly(starts.recent(start))
    with starts.counting(start, LIMITS.check_hourly, None, nothing_at_start):
        pass


def test_anonymous_users_are_counted_by_address(starts: RunStarts) -> None:
    """Clients without a cookie share one name. The app counts that name separately for each
    address."""
    for _ in range(5):
        begin(starts, ME)
    with pytest.raises(TooManyRuns, match="You can start at most 5 runs per hour") as told:
        begin(starts, ME)
    assert 3500 < told.value.seconds <= 3600  # when the first is an hour old
    begin(starts, ("me", "192.0.2.2"))
    begin(starts, YOU)


def test_a_batch_counts_as_one_run_in_an_hour(starts: RunStarts) -> None:
    """The number of rows doesn't matter. A second batch or a single run counts too, and exceeds the
    limit."""
    for _ in range(10):
        begin(starts, ME, "a batch")
    for _ in range(4):
        begin(starts, ME)
    begin(starts, ME, "a batch")
    for group in ("", "another batch"):
        with pytest.raises(TooManyRuns, match="You can start at most 5 runs per hour"):
            begin(starts, ME, group)


def test_a_run_that_could_not_start_is_not_counted(starts: RunStarts) -> None:
    """A refused start doesn't count either."""
    for group in ("", "a batch") * 5:
        with (
            pytest.raises(TooManyThreads),
            starts.counting(Start(*ME, group), LIMITS.check_hourly, None, nothing_at_start),
        ):
            raise TooManyThreads("", "")
    assert starts.recent(Start(*ME)) == RecentStarts()
    for _ in range(5):
        begin(starts, ME)
    for _ in range(2):
        with (
            pytest.raises(TooManyRuns),
            starts.counting(Start(*ME), LIMITS.check_hourly, None, nothing_at_start),
        ):
            pass
    assert starts.recent(Start(*ME)).number == 5


def test_a_workflow_has_a_typical_duration() -> None:
    """One slow run doesn't change a workflow's usual duration. Runs of another workflow count only
    toward the typical duration of all runs."""
    durations = Durations()
    assert (durations.of("a"), durations.typical) == (None, None)
    for seconds in (2.0, 3.0, 100.0):
        durations.add("a", RunTimes(seconds, 1.0, seconds, {"3": seconds}))
    durations.add("a", RunTimes(3.0))  # its steps were used again
    durations.add("b", RunTimes(12.0))
    assert durations.of("a") == RunTimes(3.0, 1.0, 3.0, {"3": 3.0})
    assert (durations.of("b"), durations.of("c")) == (RunTimes(12.0), None)
    assert durations.typical == 24.0


def test_the_expected_duration_scales_with_the_sampling_work() -> None:
    """The time before the first step stays the same. If both runs report comparable work, the rest
    is proportional to the steps and pixels."""
    durations = Durations()
    assert durations.expected("a", None) is None
    for work in (SamplingWork("", 100.0, 1.0), SamplingWork("", 400.0, 1.0)):
        durations.add("a", RunTimes(2.0 + work.amount / 10, 2.0, work=work))
    durations.add("a", RunTimes(0.1))  # all was used again
    assert durations.expected("a", SamplingWork("", 200.0, 1.0)) == 22.0
    assert durations.expected("a", SamplingWork("4", 200.0, 1.0)) == 12.0
    assert durations.expected("a", None) == 12.0


def test_only_the_last_ones_count_and_memory_is_bounded() -> None:
    """The app remembers 5 runs per workflow, 20 runs in all and 200 workflows."""
    durations = Durations()
    durations.add("old", RunTimes(1.0))
    for number in range(200):
        durations.add(f"w{number}", RunTimes(7.0))
    assert durations.of("old") is None
    assert durations.typical == 7.0
    for _ in range(5):
        durations.add("w0", RunTimes(9.0))
    assert durations.of("w0") == RunTimes(9.0)


USUAL = RunTimes(10.0, before=2.0, after=3.0, paces={"5": 1.0, "7": 4.0})
HALF = SamplerSteps(60, 30, 1, 1002.0, 1060.0)  # two seconds a step


@pytest.mark.parametrize(
    ("five", "seven", "usual", "left"),
    [
        (SamplerSteps(60), SamplerSteps(0), USUAL, 1.0 + 60.0 + 3.0),  # a second has passed
        (SamplerSteps(60), SamplerSteps(0), None, None),
        (HALF, SamplerSteps(0), None, 60.0),
        (HALF, SamplerSteps(0), RunTimes(3.0), 60.0),  # an earlier run of three seconds
        (HALF, SamplerSteps(10), None, 60.0 + 20.0),
        (HALF, SamplerSteps(10, weight=4.0), None, 60.0 + 80.0),
        (HALF, SamplerSteps(10, weight=16.0), None, None),  # as many frames
        (HALF, SamplerSteps(10), USUAL, 60.0 + 40.0 + 3.0),
        (HALF.at(60, 60, 1061.0), SamplerSteps(0), USUAL, 3.0),
        (HALF.at(60, 60, 1061.0), SamplerSteps(0), None, None),
        (HALF.at(2, 60, 1061.0).at(3, 60, 1062.0), SamplerSteps(0), USUAL, None),
    ],
)
def test_time_left_goes_by_the_steps_of_this_run(
    five: SamplerSteps, seven: SamplerSteps, usual: RunTimes | None, left: float | None
) -> None:
    """Remaining steps count at their own pace. A node that has not begun counts with its usual
    duration. If a duration is unknown, the app promises nothing."""
    now = five.last_at or 1001.0
    progress = RunProgress(frozenset("57"), {"5": five, "7": seven})
    assert time_left(progress, frozenset(), 1000.0, now, usual) == left


def test_without_steps_the_time_left_comes_from_earlier_runs() -> None:
    """A run without samplers takes its usual total time. If ComfyUI reuses the samplers' results,
    the run takes the usual time after the last step."""
    nothing = RunProgress()
    assert time_left(nothing, frozenset(), 1000.0, 1004.0, RunTimes(10.0)) == 6.0
    assert time_left(nothing, frozenset(), 1000.0, 1001.0, USUAL) == 2.0
    assert time_left(nothing, frozenset(), 1000.0, 1011.0, RunTimes(10.0)) is None


PAID_LIMITS = RunLimits(paid=2, paid_all=3)
PAID = Job(PROMPT, "partner", paid=True)  # type: ignore[arg-type]
PAYER, OTHER_PAYER = Origin("user:me"), Origin("user:you")


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


def test_limits_survive_a_restart_and_ignore_free_runs(demo: DemoServer, tmp_path: Path) -> None:
    """A person has a limit, and all persons together have one."""
    with kept_registry(demo, tmp_path, limits=PAID_LIMITS, api_key=lambda _: APP_KEY) as runs:
        end(runs.submit(PAID, PAYER))
        end(runs.submit(job(1), PAYER))
    with kept_registry(demo, tmp_path, limits=PAID_LIMITS, api_key=lambda _: APP_KEY) as runs:
        end(runs.submit(PAID, PAYER))
        with pytest.raises(TooManyPaidRuns, match="at most 2 paid runs") as told:
            runs.submit(PAID, PAYER)
        assert told.value.seconds > 86_000
        end(runs.submit(PAID, OTHER_PAYER))
        with pytest.raises(TooManyPaidRuns, match="All users together"):
            runs.submit(PAID, OTHER_PAYER)
        assert end(runs.submit(job(1), PAYER)).phase is Phase.DONE
        uses = {one.owner: (one.day, one.month) for one in runs.history.state.paid_runs.uses()}
        assert uses == {"user:me": (2, 2), "user:you": (1, 1)}


def test_owners_without_an_account_count_by_address(demo: DemoServer, tmp_path: Path) -> None:
    """A browser that deletes its cookie is another owner at the same address."""
    with kept_registry(demo, tmp_path, limits=PAID_LIMITS, api_key=lambda _: APP_KEY) as runs:
        for name in "ab":
            end(runs.submit(PAID, Origin(f"browser:{name}", "192.0.2.1")))
        with pytest.raises(TooManyPaidRuns):
            runs.submit(PAID, Origin("browser:c", "192.0.2.1"))


def test_a_resumed_run_reads_the_key_again(demo: DemoServer, tmp_path: Path) -> None:
    """The record of a run that waited at the restart has no key. It counts once."""
    slow = job(30)
    with killed_registry(demo.url, tmp_path, slow, slow, slow, PAID, ahead=1):
        pass
    with kept_registry(demo, tmp_path, api_key=lambda _: OWN_KEY, keep_running=True) as runs:
        runs.resume()
        (run,) = [one for one in runs.known() if one.job.paid]
        state = end(run)
        assert [text.text for text in state.texts] == [
            f"a lighthouse (key {shown_digest(OWN_KEY)})"
        ]
        assert [one.day for one in runs.history.state.paid_runs.uses()] == [1]


def test_a_key_that_was_removed_meanwhile_ends_the_run(demo: DemoServer, tmp_path: Path) -> None:
    """The node says so."""
    keys = [APP_KEY]
    with kept_registry(demo, tmp_path, api_key=lambda _: keys[0] if keys else None) as runs:
        keys.clear()
        state = end(runs.submit(PAID, PAYER))
        assert state.phase is Phase.FAILED
        assert state.error is not None
        assert "isn't signed in" in state.error.message


def test_a_run_that_is_stopped_before_it_is_sent_costs_nothing(
    demo: DemoServer, tmp_path: Path
) -> None:
    """It doesn't count."""
    with kept_registry(demo, tmp_path, limits=PAID_LIMITS, api_key=lambda _: APP_KEY) as runs:
        long = runs.submit(job(LONG), PAYER)
        running(long)
        for _ in range(3):
            waits = runs.submit(PAID, PAYER)
            waits.cancel()
            assert end(waits).phase is Phase.STOPPED
        long.cancel()
        end(long)
        assert runs.history.state.paid_runs.uses() == []


def test_old_paid_runs_count_no_longer(demo: DemoServer, tmp_path: Path) -> None:
    """After 24 hours, a run makes room for another one."""
    with kept_registry(demo, tmp_path, limits=PAID_LIMITS, api_key=lambda _: APP_KEY) as runs:
        for _ in range(2):
            end(runs.submit(PAID, PAYER))
        with runs.history.engine.begin() as connection:
            then = time.time() - 25 * 3600
            connection.exec_driver_sql(f"UPDATE paid_runs SET at = {then}")
        end(runs.submit(replace(PAID), PAYER))
