"""The run queue: its order, its limits and its notifications."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError, LimitReached, RunNotFound
from comfy.base.user_groups import UserGroup
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.audit import DAY
from comfy.runs.interface import Origin
from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from tests.runs.kept_registry import kept_registry
from tests.runs.registry import LIMIT, end, running, until
from tests.support.sampler import LONG, job
from tests.support.waiting import LONGEST_WAIT, eventually


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


def test_users_take_turns_at_the_server(demo: DemoServer, tmp_path: Path) -> None:
    """A user with one run doesn't wait for all of another user's runs."""
    ended: list[str] = []
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        mine = [runs.submit(job(2), Origin("me")) for _ in range(5)]
        yours = runs.submit(job(2), Origin("you"))
        order = {run.id: name for run, name in [*((run, "me") for run in mine), (yours, "you")]}
        lock = threading.Lock()

        def note(run_id: str) -> None:
            with lock:
                if runs_by_id[run_id].state.phase.finished and run_id not in ended:
                    ended.append(run_id)

        runs_by_id = {run.id: run for run in [*mine, yours]}
        for run in runs_by_id.values():
            run.subscribe(lambda run_id=run.id: note(run_id))
            note(run.id)
        for run in runs_by_id.values():
            end(run)
        eventually(lambda: len(ended) == 6)
    assert "you" in [order[one] for one in ended][:3]


def test_few_are_ahead_at_the_server(demo: DemoServer, tmp_path: Path) -> None:
    """The app sends only one of its waiting runs to the server. Each of the other runs knows its
    place in the queue."""
    with kept_registry(demo, tmp_path) as runs:
        many = [runs.submit(job(LONG), Origin("me")) for _ in range(6)]
        running(many[0])
        until(many[5], lambda state: state.queue_place == 5)
        eventually(lambda: demo.queue.remaining() == 1)
        assert demo.requests["POST /prompt"] == 1


def test_a_waiting_run_can_be_moved_and_removed(demo: DemoServer, tmp_path: Path) -> None:
    """Only the owner can move a run in the queue. The app never sends a run that was removed while
    it waited."""
    with kept_registry(demo, tmp_path, ahead=1) as runs:
        first, second, third = (runs.submit(job(LONG), Origin("me")) for _ in range(3))
        running(first)
        until(third, lambda state: state.queue_place == 2)
        runs.move(third.id, "me", 0)
        until(third, lambda state: state.queue_place == 1)
        until(second, lambda state: state.queue_place == 2)
        with pytest.raises(RunNotFound):
            runs.move(second.id, "you", 0)
        second.cancel()
        assert end(second).phase is Phase.STOPPED
        first.cancel()
        running(third)
        assert demo.requests["POST /prompt"] == 2


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (RunLimits(person=2), "Your limit is 2"),
        (RunLimits(all=2), "The queue is full"),
        (RunLimits(hourly=2), "You can start at most 2 runs per hour"),
        (RunLimits(groups=lambda _: UserGroup(waiting=2)), "Your limit is 2"),
        (RunLimits(groups=lambda _: UserGroup(runs=2)), "You can start at most 2 runs in 24 hours"),
    ],
)
def test_too_much_is_refused_in_words(
    demo: DemoServer, tmp_path: Path, limits: RunLimits, says: str
) -> None:
    """Past a limit, the app answers with an error and a hint, and records nothing."""
    with kept_registry(demo, tmp_path, limits=limits) as runs:
        for _ in range(2):
            runs.submit(job(LONG), Origin("me"))
        with pytest.raises(ComfyError, match=says) as told:
            runs.submit(job(), Origin("me"))
        assert told.value.hint
        assert len(runs.owned("me")) == 2


def test_active_runs_fill_the_daily_limit_for_a_day(demo: DemoServer, tmp_path: Path) -> None:
    """The refusal doesn't promise another run within the hour."""
    limits = RunLimits(groups=lambda _: UserGroup(runs=1))
    with kept_registry(demo, tmp_path, limits=limits) as runs:
        runs.submit(job(LONG), Origin("me"))
        with pytest.raises(LimitReached) as told:
            runs.submit(job(), Origin("me"))
        assert told.value.seconds > DAY - LIMIT


def test_a_run_waits_for_a_server_of_its_group(demo: DemoServer, tmp_path: Path) -> None:
    """It never goes to another server, and doesn't hold up other users' runs."""
    group = UserGroup(servers=("another",))
    limits = RunLimits(groups=lambda owner: group if owner == "me" else None)
    with kept_registry(demo, tmp_path, limits=limits) as runs:
        mine = runs.submit(job(2), Origin("me"))
        assert end(runs.submit(job(2), Origin("you"))).phase is Phase.DONE
        until(mine, lambda state: state.held)
        assert demo.requests["POST /prompt"] == 1


def test_concurrent_submissions_respect_the_limit(demo: DemoServer, tmp_path: Path) -> None:
    """If 20 clients submit a run at the same time, a limit of two still holds."""
    with kept_registry(demo, tmp_path, limits=RunLimits(person=2)) as runs:
        together = threading.Barrier(20)

        def submit() -> None:
            together.wait(LONGEST_WAIT)
            with contextlib.suppress(ComfyError):
                runs.submit(job(LONG), Origin("me"))

        threads = [threading.Thread(target=submit) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST_WAIT)
        assert len(runs.owned("me")) == 2


def test_limits_count_per_user(demo: DemoServer, tmp_path: Path) -> None:
    """A user with too many waiting runs doesn't keep other users from starting one. When a run
    ends, there is room again."""
    with kept_registry(demo, tmp_path, limits=RunLimits(person=1)) as runs:
        mine = runs.submit(job(LONG), Origin("me"))
        yours = runs.submit(job(), Origin("you"))
        mine.cancel()
        end(mine)
        assert end(runs.submit(job(), Origin("me"))).phase is Phase.DONE
        assert end(yours).phase is Phase.DONE


def test_listeners_get_the_owner_of_each_changed_run(demo: DemoServer, tmp_path: Path) -> None:
    """The listener hears of each beginning and end with the owner, until it leaves."""
    heard: list[str] = []
    with kept_registry(demo, tmp_path) as runs:
        leave = runs.subscribe(heard.append)
        end(runs.submit(job(), Origin("me")))
        eventually(lambda: len(heard) >= 2)
        assert set(heard) == {"me"}
        leave()
        end(runs.submit(job(), Origin("you")))
        assert set(heard) == {"me"}
