"""A short soak. The long soak is `python -m tools.soak --runs 1000`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.comfyui.protocol.run_state import Phase, RunError, RunState
from tests.nightly.faults.oracle import Happened, wrong_with
from tests.nightly.faults.plan import planned
from tests.nightly.faults.soak_command import main

GUIDE = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SEED = 20


def test_a_short_soak(capsys: pytest.CaptureFixture[str]) -> None:
    """Each run of several users under random faults ends correctly, and nothing is left behind."""
    runs = 60
    failed = main(["--runs", str(runs), "--seed", str(SEED)])
    said = capsys.readouterr().out
    assert not failed, said
    with capsys.disabled():
        print(f"\n{said}", end="")
    assert said.startswith(f"seed {SEED}: {runs} runs")
    assert "left behind: 0 sockets, 0 threads, 0 temporary files; 0 problems" in said
    assert (
        sum(
            map(
                int,
                re.findall(r"(\d+) (?:done|stopped|failed|refused|lost)\b", said.splitlines()[1]),
            )
        )
        == runs
    )


def test_everything_comes_from_the_seed() -> None:
    """A seed always plans the same runs and faults, and another seed plans others. A longer plan
    begins like a shorter one."""
    assert planned(7, 50) == planned(7, 50)
    assert planned(7, 50) != planned(8, 50)
    assert planned(7, 200)[:50] == planned(7, 50)


def test_the_guide_names_the_long_soak_command() -> None:
    """CONTRIBUTING.md names the right command."""
    assert "python -m tools.soak --runs 1000" in GUIDE


PLAN = replace(planned(1, 1)[0], kind="plain", patience=None, cancelled=None)
WORKED = ("taken", "started", "told", "success")
KILLED = ("taken", "started", "told", "killed")
KILLED_EARLY = ("taken", "killed")


def ended(
    phase: Phase, message: str = "", *journal: str, faults: str = "", **changes: object
) -> Happened:
    error = RunError(message, "Try again.") if message else None
    state = RunState("p", phase=phase, error=error)
    return Happened(
        replace(PLAN, **changes), state, 1.0, frozenset(faults.split()), journal, cancelled=False
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("happened", "says"),
    [
        (ended(Phase.RUNNING), "not ended"),
        (ended(Phase.LOST, "Restarted.", *WORKED), "lost nothing"),
        (ended(Phase.LOST, "Restarted.", *KILLED_EARLY, faults="restarted"), "never begun"),
        (ended(Phase.FAILED, "Broken.", *WORKED), "no node has failed"),
        (ended(Phase.STOPPED, "Someone else stopped it.", *WORKED), "nobody has"),
        (ended(Phase.STOPPED, "", *WORKED), "who did not"),
        (ended(Phase.REFUSED, "Too large.", *WORKED), "has taken it"),
        (ended(Phase.DONE, "", *KILLED), "never finished"),
        (ended(Phase.DONE, "", *WORKED, *WORKED), "too often"),
        (ended(Phase.DONE, "", *KILLED, *KILLED, *WORKED, faults="restarted"), "too often"),
        (ended(Phase.DONE, "", *WORKED, "taken"), "still works"),
        (ended(Phase.DONE, "", *WORKED, kind="invalid"), "although"),
    ],
)
def test_the_judge_reports_errors(happened: Happened, says: str) -> None:
    """The judge reports impossible outcomes."""
    assert any(says in problem for problem in wrong_with(happened, 60.0)), list(
        wrong_with(happened, 60.0)
    )


@pytest.mark.parametrize(
    "happened",
    [
        ended(Phase.LOST, "Restarted.", *KILLED, faults="restarted"),
        ended(Phase.LOST, "Restarted.", *KILLED, *KILLED, faults="restarted"),
        ended(Phase.FAILED, "Broken.", "taken", "started", "error", kind="fails"),
        ended(Phase.STOPPED, "Someone else took it out.", "taken", "removed", faults="interrupted"),
        ended(Phase.REFUSED, "No.", kind="invalid"),
    ],
)
def test_the_judge_accepts_correct_outcomes(happened: Happened) -> None:
    """The judge reports nothing about correct outcomes."""
    assert not list(wrong_with(happened, 60.0))
