"""What a person reads about a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy.run_state import Phase, RunError, RunState
from ui.view import View, node_words, seconds_words, show, waiting_words

PROMPT = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "2": {"class_type": "KSampler", "inputs": {}},
    "3": {"class_type": "SomebodysNode", "inputs": {}, "_meta": {"title": "Glow"}},
    "4": {"class_type": "SomebodysNode", "inputs": {}},
}


def view_of(**changes: Any) -> View:
    """The view of a run of PROMPT in some state, half a minute after it was submitted."""
    more = {key: changes.pop(key) for key in ("expected", "seeds", "errors", "remarks") if key in changes}
    state = RunState(prompt_id="p", **changes)
    return show(state, workflow="w", prompt=PROMPT, submitted_at=1000, now=1030, **{"expected": None, **more})


@pytest.mark.parametrize(
    ("place", "expected", "said"),
    [
        (None, None, "Waiting for the image server"),
        (0, 9.0, "Next in line"),
        (1, None, "1 run before yours"),
        (2, 20.0, "2 runs before yours, about 40 s"),
    ],
)
def test_a_waiting_run_tells_its_place(place: int | None, expected: float | None, said: str) -> None:
    """A waiting person reads how many are before them, and how long that takes where it is known."""
    assert waiting_words(place, expected) == said
    assert view_of(phase=Phase.WAITING, queue_place=place, expected=expected).headline == said


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("1", "Loading the model (first run takes longer)"),
        ("2", "Sampling"),
        ("2.0.0.5", "Sampling"),
        ("3", "Glow"),
        ("4", "SomebodysNode"),
        ("99", "Working"),
    ],
)
def test_a_node_is_told_in_plain_words(node: str, said: str) -> None:
    """Known kinds of nodes have words of their own, others their title, nodes inside others those of the outer one."""
    assert node_words(PROMPT, node) == said


def test_steps_are_counted() -> None:
    """A sampling run tells step and steps; the bar follows them."""
    view = view_of(phase=Phase.RUNNING, node="2", step=6, steps=24, started_at=1010.0, expected=40.0)
    assert view.headline == "Sampling, step 6 of 24"
    assert view.fraction == 0.25
    assert view.elapsed == 20
    assert view.left == 20


def test_a_run_that_takes_longer_than_ever_promises_nothing() -> None:
    """No time is left to tell once the expected one has passed."""
    assert view_of(phase=Phase.RUNNING, node="2", started_at=1000.0, expected=5.0).left is None


def test_a_failure_says_where_and_what_to_do() -> None:
    """A failed run names the step, the sentence, the advice, and keeps the details apart."""
    error = RunError("The server ran out of memory.", "Try a smaller size.", "2", "Sampler", "OutOfMemoryError: …")
    view = view_of(phase=Phase.FAILED, error=error)
    assert view.headline == "Sampler: The server ran out of memory."
    assert view.advice == "Try a smaller size."
    assert view.detail == "OutOfMemoryError: …"
    assert view.finished


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words(phase: Phase) -> None:
    """No phase is ever without a sentence, and every view can be sent as JSON."""
    view = view_of(phase=phase)
    assert view.headline
    assert json.loads(json.dumps(view.to_json()))["phase"] == phase.value


def test_seeds_keep_their_digits() -> None:
    """Seeds are text, since a browser's numbers would round them."""
    assert view_of(phase=Phase.DONE, seeds=[2**64 - 1]).seeds == ("18446744073709551615",)


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (180, "3 min")])
def test_durations(seconds: float, said: str) -> None:
    """Durations are told as people say them."""
    assert seconds_words(seconds) == said


def test_a_refusal_without_a_field_says_what_the_server_said() -> None:
    """Where there is no field to mark, the server's own objection stands in the place of the hint to look for marks."""
    error = RunError("The server did not accept this workflow.", "Correct the marked fields.")
    view = view_of(phase=Phase.REFUSED, error=error, remarks=["Scale: its picture is no picture."])
    assert view.advice == "Scale: its picture is no picture."
    assert view_of(phase=Phase.REFUSED, error=error, errors={"2.steps": "Too many."}).advice == error.hint


def test_a_part_that_was_left_out_is_told() -> None:
    """A run whose other outputs were refused is done, but says what is missing."""
    view = view_of(phase=Phase.DONE, remarks=["Second save: no picture comes in."])
    assert view.advice == "The server left a part of the workflow out. Second save: no picture comes in."
    assert view_of(phase=Phase.DONE).advice == ""


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.RUNNING])
def test_a_server_that_is_away_is_told(phase: Phase) -> None:
    """While the server does not answer, the person reads that and not the last step seen."""
    assert view_of(phase=phase, node="2", step=3, steps=8, away=True).headline.startswith("The image server does not")


@pytest.mark.parametrize(("step", "previews", "blind"), [(2, 0, False), (3, 0, True), (3, 1, False)])
def test_missing_previews_are_told_when_one_was_due(step: int, previews: int, blind: bool) -> None:
    """That a workflow shows no previews is said once a sampler has taken some steps without one."""
    assert view_of(phase=Phase.RUNNING, node="2", step=step, steps=20, preview_number=previews).blind is blind
