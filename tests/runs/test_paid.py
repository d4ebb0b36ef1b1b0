"""Paid runs in a registry: limits that survive a restart, and the key, which no record has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.base.errors import TooManyPaidRuns
from comfy.comfyui.protocol.run_state import Phase
from comfy.demo import DemoServer
from comfy.records.record import Job
from comfy.runs.interface import Origin
from comfy.runs.limits import RunLimits
from tests.runs.kept_registry import kept_registry, killed_registry
from tests.runs.registry import end, running
from tests.support.sampler import LONG, job
from tests.support.samples.paid import APP_KEY, OWN_KEY, PROMPT, shown_digest

LIMITS = RunLimits(paid=2, paid_all=3)
PAID = Job(PROMPT, "partner", paid=True)  # type: ignore[arg-type]
ME, YOU = Origin("user:me"), Origin("user:you")


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


def test_limits_survive_a_restart_and_ignore_free_runs(demo: DemoServer, tmp_path: Path) -> None:
    """A person has a limit, and all persons together have one."""
    with kept_registry(demo, tmp_path, limits=LIMITS, api_key=lambda _: APP_KEY) as runs:
        end(runs.submit(PAID, ME))
        end(runs.submit(job(1), ME))
    with kept_registry(demo, tmp_path, limits=LIMITS, api_key=lambda _: APP_KEY) as runs:
        end(runs.submit(PAID, ME))
        with pytest.raises(TooManyPaidRuns, match="at most 2 paid runs") as told:
            runs.submit(PAID, ME)
        assert told.value.seconds > 86_000
        end(runs.submit(PAID, YOU))
        with pytest.raises(TooManyPaidRuns, match="All users together"):
            runs.submit(PAID, YOU)
        assert end(runs.submit(job(1), ME)).phase is Phase.DONE
        assert runs.history is not None
        uses = {one.owner: (one.day, one.month) for one in runs.history.state.paid_runs.uses()}
        assert uses == {"user:me": (2, 2), "user:you": (1, 1)}


def test_owners_without_an_account_count_by_address(demo: DemoServer, tmp_path: Path) -> None:
    """A browser that deletes its cookie is another owner at the same address."""
    with kept_registry(demo, tmp_path, limits=LIMITS, api_key=lambda _: APP_KEY) as runs:
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
        assert runs.history is not None
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
        state = end(runs.submit(PAID, ME))
        assert state.phase is Phase.FAILED
        assert state.error is not None
        assert "isn't signed in" in state.error.message


def test_a_run_that_is_stopped_before_it_is_sent_costs_nothing(
    demo: DemoServer, tmp_path: Path
) -> None:
    """It doesn't count."""
    with kept_registry(demo, tmp_path, limits=LIMITS, api_key=lambda _: APP_KEY) as runs:
        long = runs.submit(job(LONG), ME)
        running(long)
        for _ in range(3):
            waits = runs.submit(PAID, ME)
            waits.cancel()
            assert end(waits).phase is Phase.STOPPED
        long.cancel()
        end(long)
        assert runs.history is not None
        assert runs.history.state.paid_runs.uses() == []


def test_old_paid_runs_count_no_longer(demo: DemoServer, tmp_path: Path) -> None:
    """After 24 hours, a run makes room for another one."""
    with kept_registry(demo, tmp_path, limits=LIMITS, api_key=lambda _: APP_KEY) as runs:
        for _ in range(2):
            end(runs.submit(PAID, ME))
        assert runs.history is not None
        with runs.history.engine.begin() as connection:
            then = time.time() - 25 * 3600
            connection.exec_driver_sql(f"UPDATE paid_runs SET at = {then}")
        end(runs.submit(replace(PAID), ME))
