"""Forecast of when waiting runs will start."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_progress import sampling_work
from comfy.demo import DemoServer
from comfy.runs.interface import Origin
from comfy.runs.line.forecast import UnfinishedRun, due_in
from tests.runs.kept_registry import kept_registry
from tests.runs.registry import end, running
from tests.support.sampler import LONG, job

ONE, OTHER = "one", "other"


def test_the_forecast_adds_up_the_runs_ahead() -> None:
    """The forecast uses each run's own duration. With two servers, the next run takes the one that
    is free first, unless only one can do it. If a run's duration is unknown, the start of the runs
    after it is unknown too."""
    at_work = UnfinishedRun("a", [ONE], 11.0, is_at_work=True)
    waiting = [
        UnfinishedRun("b", [ONE], 10.0),
        UnfinishedRun("c", [ONE], 2.0),
        UnfinishedRun("d", [ONE], 1.0),
    ]
    due = due_in([at_work, *waiting], None)
    assert due == {"a": 11.0, "b": 11.0, "c": 21.0, "d": 23.0}
    other = UnfinishedRun("e", [OTHER], 4.0, is_at_work=True)
    both = [UnfinishedRun("b", [ONE, OTHER], 5.0), UnfinishedRun("c", [ONE], 1.0)]
    due = due_in([at_work, other, *both], None)
    assert due == {"a": 11.0, "e": 4.0, "b": 4.0, "c": 11.0}
    due = due_in([at_work, UnfinishedRun("b", [ONE], None), waiting[1]], None)
    assert due == {"a": 11.0, "b": 11.0}


def test_the_forecast_counts_prompts_of_other_clients() -> None:
    """The forecast counts the prompts that the server has before the waiting run, regardless of who
    sent them."""
    there, here = UnfinishedRun("a", [ONE], 10.0, before=2), UnfinishedRun("b", [ONE], 10.0)
    assert due_in([there, here], 3.0) == {"a": 6.0, "b": 16.0}
    assert due_in([there, here], None) == {}


def test_steps_count(tmp_path: Path) -> None:
    """After short runs, the forecast counts each waiting run by its own steps, starting at the end
    of the active run. A new forecast includes runs that came since."""
    with DemoServer(step_seconds=0.01) as demo, kept_registry(demo, tmp_path) as runs:
        end(runs.submit(job(2), Origin("me")))
        first = runs.submit(job(LONG), Origin("me"))
        running(first)
        many = [runs.submit(job(steps), Origin("me")).id for steps in (400, 100, 2)]
        due = runs.due_in()
        began = [due[one] for one in many]
        usual = [runs.expected_seconds("test", sampling_work(job(n).prompt)) for n in (400, 100)]
        assert began[0] == due[first.id] > 30
        assert began == pytest.approx(
            [began[0], began[0] + usual[0], began[0] + usual[0] + usual[1]]
        )
        assert usual[0] > 2 * usual[1]
