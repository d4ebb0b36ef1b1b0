"""A short soak. The long soak is `python -m comfyforms.plugins.cluster.tests.soak --runs 1000`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from comfyforms.plugins.cluster.tests.app_processes.processes import PromptExecution
from comfyforms.plugins.cluster.tests.soak import Outcome, main, planned, wrong_with

SEED = 34
PLAN = replace(planned(1, 1)[0], stopped=False)


@pytest.mark.parametrize("alone", [[], ["--alone"]], ids=["cluster", "alone"])
def test_a_short_soak(alone: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Records and journal agree on all runs, and nothing is left over."""
    failed = main(["--runs", "40", "--seed", str(SEED), *alone])
    told = capsys.readouterr().out
    assert not failed, told
    with capsys.disabled():
        print(f"\n{told}", end="")


def test_everything_comes_from_the_seed() -> None:
    """A seed always plans the same runs and faults. A longer plan begins like a shorter one."""
    assert planned(7, 50) == planned(7, 200)[:50]
    assert planned(7, 50) != planned(8, 50)


def outcome(phase: str, *executions: str, begins: int = 1, stopped: bool = False) -> Outcome:
    """Return the end of a run with executions that ended like these. “forgotten”: after the end,
    and before the next execution, the server was killed."""
    found = tuple(
        PromptExecution(
            *("p", "gpu-1", 3 * at, 3 * at + 1, end.split()[0]),
            forgotten=3 * at + 2 if end in ("killed", "success forgotten") else None,
        )
        for at, end in enumerate(executions)
    )
    return Outcome(replace(PLAN, stopped=stopped), "p", phase, found, begins)


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (outcome("done", "success", "success"), "executed twice"),
        (outcome("done", "success", "interrupted"), "executed twice"),
        (outcome("done", "killed"), "no server has finished"),
        (outcome("done"), "no server has finished"),
        (outcome("lost", "success"), "no server was killed"),
        (outcome("stopped", "interrupted"), "its user hasn't"),
        (outcome(""), "its user hasn't"),
        (outcome("done", "started"), "still executes"),
        (outcome("running", "success"), "it is running"),
        (outcome("failed", "error"), "it is failed"),
    ],
)
def test_the_judge_reports_errors(ended: Outcome, says: str) -> None:
    """The judge reports impossible ends."""
    assert any(says in problem for problem in wrong_with(ended))


@pytest.mark.parametrize(
    "ended",
    [
        outcome("done", "success"),
        outcome("done", "killed", "success"),
        outcome("done", "success forgotten", "success"),
        outcome("lost", "killed"),
        outcome("lost", "success", begins=4),
        outcome("stopped", "interrupted", stopped=True),
        outcome("", stopped=True),
    ],
)
def test_the_judge_accepts_correct_ends(ended: Outcome) -> None:
    """The judge reports nothing about correct ends."""
    assert not list(wrong_with(ended))
