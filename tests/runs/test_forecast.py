"""Forecast of when waiting runs will start."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from comfy.comfyui.protocol.run_progress import sampling_work
from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Origin
from comfy.runs.line.forecast import UnfinishedRun, due_in
from comfyui_standin import DemoServer
from tests.runs.kept_registry import kept_registry
from tests.runs.registry import LIMIT, end, running, until
from tests.support.sampler import LONG, job
from tests.support.waiting import eventually
from ui.documents.run_doc import run_doc

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
    due = due_in([at_work, *waiting])
    assert due == {"a": 11.0, "b": 11.0, "c": 21.0, "d": 23.0}
    other = UnfinishedRun("e", [OTHER], 4.0, is_at_work=True)
    both = [UnfinishedRun("b", [ONE, OTHER], 5.0), UnfinishedRun("c", [ONE], 1.0)]
    due = due_in([at_work, other, *both])
    assert due == {"a": 11.0, "e": 4.0, "b": 4.0, "c": 11.0}
    due = due_in([at_work, UnfinishedRun("b", [ONE], None), waiting[1]])
    assert due == {"a": 11.0, "b": 11.0}


def test_other_programs_prompts_are_counted_without_an_estimate(tmp_path: Path) -> None:
    """Their duration is unknown. The page says how many prompts the ComfyUI server has before
    the run."""
    there, here = UnfinishedRun("a", [ONE], 10.0, before=2), UnfinishedRun("b", [ONE], 10.0)
    assert due_in([there, here]) == {}
    with DemoServer(step_seconds=0.01) as demo, kept_registry(demo, tmp_path) as runs:
        end(runs.submit(job(2), Origin("me")))
        for _ in range(2):
            body = {"prompt": job(LONG).prompt}
            assert requests.post(f"{demo.url}/prompt", json=body, timeout=LIMIT).ok
        run = runs.submit(job(2), Origin("me"))
        until(run, lambda state: state.queue_place == 2)
        assert runs.due_in() == {}
        assert run_doc(run.record).headline == "2 prompts ahead on the ComfyUI server"


def test_a_missed_estimate_is_dropped(tmp_path: Path) -> None:
    """Once the active run has taken longer than such runs usually do, it is unknown when the next
    one starts."""
    with DemoServer(step_seconds=0) as demo, kept_registry(demo, tmp_path) as runs:
        end(runs.submit(job(2), Origin("me")))
        demo.speed.step = 3
        first = runs.submit(job(2), Origin("me"))
        until(first, lambda state: state.phase is Phase.RUNNING)
        runs.submit(job(2), Origin("me"))
        eventually(lambda: not runs.due_in())
        assert not first.state.phase.finished
        demo.speed.step = 0


def test_steps_count(tmp_path: Path) -> None:
    """After short runs, the forecast counts each waiting run by its own steps, starting at the end
    of the active run. A new forecast includes runs that came since."""
    with DemoServer(step_seconds=0.01) as demo, kept_registry(demo, tmp_path) as runs:
        end(runs.submit(job(2), Origin("me")))
        demo.speed.step = 2
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
