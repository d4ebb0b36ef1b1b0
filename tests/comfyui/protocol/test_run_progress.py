"""A run's progress: a single fraction over all samplers and nodes that never decreases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.comfyui.protocol.events import Event, Executed, Executing, ExecutionCached, Progress
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.protocol.run_progress import (
    RunProgress,
    SamplerSteps,
    planned_progress,
    sampling_work,
)
from comfy.comfyui.protocol.run_state import RunState, advance, placed, unanswered, waiting

TWO_SAMPLERS = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "5": {"class_type": "KSampler", "inputs": {"steps": 20}},
    "7": {"class_type": "KSampler", "inputs": {"steps": 12}},
    "8": {"class_type": "VAEDecode", "inputs": {}},
}


def after(state: RunState, *events: Event) -> RunState:
    """Return the state after these events, at one event per second."""
    for now, event in enumerate(events):
        state = advance(state, event).measured(float(now))
    return state


def steps(node: str, count: int, of: int) -> list[Event]:
    """Return the events of a node that takes `count` of its `of` steps."""
    taken = [Progress(step, of, node, "p") for step in range(1, count + 1)]
    return [Executing(node, "p"), *taken]


@pytest.mark.parametrize(
    ("sampler", "planned"),
    [
        ({"steps": 20}, 20),
        ({"steps": ["2", 0]}, 9),
        ({"steps": 20, "start_at_step": 5, "end_at_step": 10000}, 15),
        ({"sigmas": ["3", 0]}, 30),
        ({"sigmas": ["4", 0]}, 0),
        ({"steps": "many"}, 0),
        ({}, 0),
    ],
)
def test_steps_are_known_from_the_prompt(sampler: dict[str, Any], planned: int) -> None:
    """The number of steps comes from the sampler itself, from a linked node, or from the node of
    its sigmas. Otherwise, it is unknown."""
    prompt = {
        "1": {"class_type": "SamplerCustomAdvanced", "inputs": sampler},
        "2": {"class_type": "PrimitiveInt", "inputs": {"value": 9}},
        "3": {"class_type": "BasicScheduler", "inputs": {"steps": 30}},
        "4": {"class_type": "Ring", "inputs": {"sigmas": ["4", 0]}},
    }
    assert planned_progress(prompt).samplers == ({"1": SamplerSteps(planned)} if planned else {})


def test_the_work_of_samplers_is_known_from_the_prompt() -> None:
    """The work is steps times pixels times images, of all samplers or of some. If the prompt gives
    no size, the work is steps alone. Work in different units isn't added."""
    empty = {"class_type": "EmptyLatentImage", "inputs": {"width": 8, "height": 4, "batch_size": 2}}
    prompt = sampling(empty, LatentUpscaleBy={"scale_by": 2.0})
    assert sampling_work(prompt) == ("", 10 * 64 + 10 * 256, 256)
    assert sampling_work(prompt, {"5"}) == ("", 10 * 64, 64)
    assert sampling_work(prompt, set()) is None
    prompt["1"] = {"class_type": "LoadLatent", "inputs": {}}
    assert sampling_work(prompt) == ("1", 10 + 40, 4)
    other = {"class_type": "KSampler", "inputs": {"steps": 3, "latent_image": ["12", 0]}}
    assert sampling_work({**prompt, "11": other, "12": empty}) is None


def sampling(first: dict[str, Any], **between: dict[str, Any]) -> dict[str, Any]:
    prompt: dict[str, Any] = {
        "1": first,
        "5": {"class_type": "KSampler", "inputs": {"steps": 10, "latent_image": ["1", 0]}},
    }
    at = "5"
    for name, inputs in between.items():
        prompt[name] = {"class_type": name, "inputs": {**inputs, "samples": [at, 0]}}
        at = name
    last = {"class_type": "KSampler", "inputs": {"steps": 10, "latent_image": [at, 0]}}
    return {**prompt, "7": last}


CANVAS = {
    "class_type": "EmptyLatentImage",
    "inputs": {"width": 512, "height": 512, "batch_size": 2},
}
PHOTO = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}


@pytest.mark.parametrize(
    ("prompt", "weight"),
    [
        (sampling(CANVAS), 1),
        (sampling(CANVAS, LatentUpscale={"width": 1024, "height": 1024}), 4),
        (sampling(CANVAS, LatentUpscaleBy={"scale_by": 1.5}), 2.25),
        (sampling(CANVAS, VAEDecode={}, RepeatLatentBatch={"amount": 8}), 8),
        (sampling(PHOTO, LatentUpscaleBy={"scale_by": 2}), 4),
        (sampling(PHOTO, LatentUpscale={"width": 1024, "height": 1024}), 1),
        (sampling(CANVAS, UpscaleModelLoader={}), 1),
        (sampling(CANVAS, LatentUpscaleBy={"scale_by": 10**400}), 1),
        (sampling(CANVAS, LatentUpscale={"width": 10**400, "height": -5}), 1),
        (sampling({"class_type": "Ring", "inputs": {"samples": ["5", 0]}}), 1),
    ],
)
def test_a_steps_weight_grows_with_its_pixels(prompt: dict[str, Any], weight: float) -> None:
    """The weight depends on the sizes that the graph gives for both samplers. The bar follows the
    weights."""
    samplers = planned_progress(prompt).samplers
    assert [samplers[node].weight for node in "57"] == [1, weight]
    state = after(waiting("p", prompt), *steps("1", 0, 0), *steps("5", 10, 10))
    others = len(prompt) - 2
    assert state.progress.fraction == pytest.approx(0.9 / (1 + weight) + 0.1 / others)


def test_two_samplers_share_one_progress_bar() -> None:
    """The second sampler continues where the first one ended, and the last node brings the fraction
    to 1."""
    state = after(waiting("p", TWO_SAMPLERS), *steps("1", 0, 0), *steps("5", 20, 20))
    half = state.progress.fraction
    assert half == pytest.approx(0.9 * 20 / 32 + 0.05)
    state = after(state, *steps("7", 6, 12))
    assert state.progress.fraction == pytest.approx(0.9 * 26 / 32 + 0.05)
    state = after(state, *steps("7", 12, 12), *steps("8", 0, 0), Executed("p", "8", {}))
    assert state.progress.fraction == 1


def test_cached_nodes_do_not_count_as_progress() -> None:
    """A sampler with a cached result leaves the whole progress bar to the other sampler."""
    state = after(waiting("p", TWO_SAMPLERS), ExecutionCached("p", ("1", "5")))
    assert state.progress.fraction == 0
    state = after(state, *steps("7", 6, 12))
    assert state.progress.fraction == pytest.approx(0.45)


def test_unplanned_steps_count_for_their_node() -> None:
    """If the server reports the number of steps only during the run, each node counts the same."""
    prompt = {node: {"class_type": "Tiles", "inputs": {}} for node in "12"}
    state = after(waiting("p", prompt), *steps("1", 5, 10))
    assert state.progress.fraction == 0.25


def test_the_pace_ignores_the_first_step() -> None:
    """The first step may have loaded the model. A sampler that counts from the start has begun
    again."""
    slow = SamplerSteps(20).at(1, 20, 60.0)
    assert slow.pace is None
    assert slow.at(3, 20, 64.0).pace == 2.0
    assert slow.at(3, 20, 64.0).at(1, 20, 65.0).restarted


def test_an_unreachable_server_does_not_lower_the_pace() -> None:
    """The time until the next step counts only as much as such a step takes."""
    paces: dict[int, list[float | None]] = {}
    for taken in (1, 3):
        state = after(waiting("p", TWO_SAMPLERS), *steps("5", taken, 20))
        state = unanswered(state).measured(30.0)
        paces[taken] = []
        for now, step in ((60.0, 5), (61.0, 6), (62.0, 7)):
            state = placed(state, Queue(("p",), ()))
            state = advance(state, Progress(step, 20, "5", "p")).measured(now)
            paces[taken].append(state.progress.samplers["5"].pace)
    assert paces == {1: [None, 1.0, 1.0], 3: [1.0, 1.0, 1.0]}


NEWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "5", "7", "8", "x", None]),
        st.integers(-3, 30),
        st.integers(0, 10**400),
        st.frozensets(st.sampled_from("1578")),
    ),
    max_size=30,
)


@given(NEWS)
def test_progress_never_falls(news: list[tuple[str | None, int, int, frozenset[str]]]) -> None:
    """For any messages in any order, the fraction stays within its bounds and never falls."""
    progress: RunProgress = planned_progress(TWO_SAMPLERS)
    for now, (node, step, total, done) in enumerate(news):
        before, progress = progress, progress.measured(node, step, total, done, float(now))
        assert before.fraction <= progress.fraction <= 1
    everything = progress.measured(None, 0, 0, frozenset(TWO_SAMPLERS), 99.0)
    assert everything.fraction == 1


@given(st.integers(1, 10_000))
def test_a_finished_run_has_full_progress(steps: int) -> None:
    """The fraction of a finished run is exactly 1, regardless of rounding."""
    prompt = {"1": {"class_type": "KSampler", "inputs": {"steps": steps}}}
    progress = planned_progress(prompt).measured(None, 0, 0, frozenset("1"), 0.0)
    assert progress.fraction == 1
