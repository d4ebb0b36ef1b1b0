"""Progress and results of a run with loops, whose nodes run several times under other ids."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.comfyui.protocol.events import (
    Event,
    Executed,
    Executing,
    ExecutionStart,
    NodeProgress,
    Progress,
    ProgressState,
    ProgressText,
)
from comfy.comfyui.protocol.run_progress import loop_rounds
from comfy.comfyui.protocol.run_state import RunState, advance, waiting
from comfy.runs.durations import time_left


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def loop(rounds: Any = 4, steps: int = 5) -> dict[str, Any]:
    """Return a prompt with a sampler and a saving node in a loop."""
    return {
        "1": node("CheckpointLoaderSimple"),
        "2": node("StartLoop", mode="simple", **{"mode.num_iterations": rounds}),
        "3": node("KSampler", model=["1", 0], seed=["2", 0], steps=steps),
        "4": node("SaveImage", images=["3", 0]),
        "5": node("EndLoop", output_value=["4", 0]),
        "6": node("PreviewImage", images=["5", 0]),
    }


def test_a_loops_nodes_run_once_per_iteration() -> None:
    """Only the nodes between the start and the end are repeated."""
    assert loop_rounds(loop()) == {"3": 4, "4": 4}


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        ({"mode": "simple", "mode.num_iterations": 3}, 3),
        ({"mode": "For", "mode.start_iteration_index": 2, "mode.max_iteration": 9}, None),
        (
            {
                "mode": "For",
                "mode.start_iteration_index": 2,
                "mode.max_iteration": 9,
                "mode.step": 3,
            },
            3,
        ),
        ({"mode": "List", "mode.list": ["1", 0]}, None),
        ({"mode": "simple", "mode.num_iterations": ["1", 0]}, None),
        ({"mode": "simple", "mode.num_iterations": -5}, None),
        ({}, None),
    ],
)
def test_the_number_of_iterations_depends_on_the_mode(
    mode: dict[str, Any], count: int | None
) -> None:
    """A number that is only known at run time isn't planned."""
    prompt = loop() | {"2": node("StartLoop", **mode)}
    assert loop_rounds(prompt) == ({} if count is None else {"3": count, "4": count})


def test_an_inner_loop_runs_in_each_iteration_of_the_outer_one() -> None:
    """The numbers of iterations are multiplied."""
    prompt = {
        "1": node("StartLoop", mode="simple", **{"mode.num_iterations": 3}),
        "2": node("Text", value=["1", 0]),
        "3": node(
            "StartLoop", parent_iteration=["1", 0], mode="simple", **{"mode.num_iterations": 2}
        ),
        "4": node("Join", a=["2", 0], b=["3", 0]),
        "5": node("EndLoop", output_value=["4", 0]),
        "6": node("Text", value=["5", 0]),
        "7": node("EndLoop", output_value=["6", 0]),
        "8": node("PreviewAny", source=["7", 0]),
    }
    assert loop_rounds(prompt) == {"2": 3, "3": 3, "4": 6, "5": 3, "6": 3}


RINGS = st.dictionaries(
    st.sampled_from("123456"),
    st.builds(
        lambda name, links: node(name, **{f"i{at}": [one, 0] for at, one in enumerate(links)}),
        st.sampled_from(["StartLoop", "EndLoop", "Text"]),
        st.lists(st.sampled_from("1234567"), max_size=3),
    ),
)


@given(RINGS)
def test_any_prompt_has_a_plan(prompt: dict[str, Any]) -> None:
    """Circular links and unmatched ends don't matter."""
    assert loop_rounds(prompt) == {}


def run(rounds: int = 4, steps: int = 5) -> Iterator[Event]:
    """Yield the messages of the loop's run, as ComfyUI sends them."""
    ended: dict[str, str] = {}

    def states(running: str, shown: str) -> ProgressState:
        nodes = [NodeProgress(key, on, 1, 1, "finished") for key, on in ended.items()]
        return ProgressState("p", (*nodes, NodeProgress(running, shown, 0, 1, "running")))

    def runs(one: str, shown: str, *events: Event) -> Iterator[Event]:
        yield states(one, shown)
        yield Executing(one, "p", shown)
        yield from events
        ended[one] = shown
        nodes = (NodeProgress(key, on, 1, 1, "finished") for key, on in ended.items())
        yield ProgressState("p", tuple(nodes))

    yield ExecutionStart("p")
    yield from runs("1", "1")
    yield from runs("2", "2", ProgressText("2", f"Iteration 0 / {rounds}"))
    for at in range(rounds):
        copy = f"2.0.0.{at}"
        yield from runs(f"2.0.0.iteration_{at}", "2")
        taken = [Progress(step, steps, f"{copy}_3", "p") for step in range(1, steps + 1)]
        yield from runs(f"{copy}_3", "3", *taken)
        image = {"images": [{"filename": f"{at}.png"}], "text": ["same"]}
        yield from runs(f"{copy}_4", "4", Executed("p", f"{copy}_4", image, "4"))
        yield from runs(
            f"2.0.0.progress_{at}", "2", ProgressText("2", f"Iteration {at + 1} / {rounds}")
        )
    yield from runs("5", "5")
    yield from runs("6", "6")


def states_of(prompt: dict[str, Any], rounds: int = 4) -> list[RunState]:
    state, states = waiting("p", prompt), []
    for now, event in enumerate(run(rounds)):
        state = advance(state, event).measured(float(now))
        states.append(state)
    return states


@pytest.mark.parametrize("prompt", [loop(), loop(["1", 0])], ids=["planned", "unknown"])
def test_progress_in_a_loop_never_falls(prompt: dict[str, Any]) -> None:
    """Neither the bar nor the number of finished nodes falls when an iteration begins."""
    states = states_of(prompt)
    for before, after in pairwise(states):
        assert before.progress.fraction <= after.progress.fraction
        assert before.nodes_done <= after.nodes_done
    assert states[-1].nodes_done == states[-1].nodes_total
    assert states[-1].progress.fraction == 1


def test_the_bar_counts_every_iteration() -> None:
    """After two of four iterations, the sampler has taken half of its steps."""
    half = next(one for one in states_of(loop()) if len(one.files) == 2)
    assert half.progress.fraction == pytest.approx(0.45 + 0.1 * 3 / 8, abs=0.03)
    assert not {"3", "4"} & half.nodes_finished


def test_without_samplers_the_bar_counts_every_iteration() -> None:
    """Each execution counts the same: two of 1 + 4 x 2 + 3 executions have ended before the loop,
    and four in its first two iterations."""
    prompt = loop() | {"3": node("Blur", image=["2", 3])}
    half = next(one for one in states_of(prompt) if len(one.files) == 2)
    assert half.progress.fraction == pytest.approx(5 / 12, abs=0.09)


def test_the_remaining_time_covers_the_other_iterations() -> None:
    """The pace of the first iteration holds for the others."""
    state = next(one for one in states_of(loop()) if len(one.files) == 1)
    (sampler,) = state.progress.samplers.values()
    assert (sampler.left, sampler.pace) == (15, 1)
    now = sampler.last_at or 0
    assert time_left(state.progress, state.nodes_finished, 0, now, None) == pytest.approx(15, abs=1)


def test_every_iteration_adds_its_results() -> None:
    """The results so far stay, and a repeated message adds nothing."""
    states = states_of(loop())
    assert [file.filename for file in states[-1].files] == ["0.png", "1.png", "2.png", "3.png"]
    assert [text.text for text in states[-1].texts] == ["same"]
    again = Executed("p", "2.0.0.2_4", {"images": [{"filename": "2.png"}]}, "4")
    assert advance(states[-1], again) == states[-1]


def test_a_node_that_begins_again_is_not_finished() -> None:
    """A node that waited for one of its lazy inputs runs twice."""
    events = (ExecutionStart("p"), Executing("4", "p"), Executing("1", "p"), Executing("4", "p"))
    state = waiting("p", loop())
    for event in events:
        state = advance(state, event)
    assert state.nodes_finished == {"1"}
