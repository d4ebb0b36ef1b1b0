"""A run's state and progress as messages arrive, also with loops."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.errors import NodeError, PromptRejected
from comfy.comfyui.protocol.events import (
    AnimatedPreviews,
    Event,
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    NodeProgress,
    Preview,
    Progress,
    ProgressState,
    ProgressText,
    Status,
)
from comfy.comfyui.protocol.execution_errors import explain
from comfy.comfyui.protocol.responses import (
    HistoryEntry,
    Queue,
    Submitted,
    parse_history,
    parse_queue,
)
from comfy.comfyui.protocol.run_progress import (
    RunProgress,
    SamplerSteps,
    loop_rounds,
    planned_progress,
    sampling_work,
)
from comfy.comfyui.protocol.run_state import (
    Phase,
    RunError,
    RunState,
    accepted,
    advance,
    concluded,
    failed,
    lost,
    placed,
    refused,
    settled,
    stopped,
    unanswered,
    waiting,
)
from comfy.runs.durations import time_left
from tests.support.distribution import examples

PROMPT = {
    "3": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Sampler"}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "9": {"class_type": "SaveImage", "inputs": {}},
}
IMAGE = {"images": [{"filename": "a.png", "subfolder": "x", "type": "output"}]}


def start() -> RunState:
    return waiting("p", PROMPT)


def after(*events: Event, state: RunState | None = None) -> RunState:
    state = state or start()
    for event in events:
        state = advance(state, event)
    return state


def preview(prompt_id: str | None = "p") -> Preview:
    return Preview("3", prompt_id, b"\xff\xd8\xff")


def test_a_run_waits_until_its_first_event() -> None:
    """A new state waits and knows its nodes. It runs when an event names its prompt."""
    assert start().phase is Phase.WAITING
    assert start().nodes_total == 3
    assert after(ExecutionStart("p")).phase is Phase.RUNNING


def test_step_counts_restart_with_each_node() -> None:
    """Progress counts within a node and starts from 0 with the next node."""
    state = after(ExecutionStart("p"), Executing("3", "p"), Progress(2, 8, "3", "p"))
    assert (state.node, state.node_title, state.step, state.steps) == ("3", "Sampler", 2, 8)
    state = after(Executing("9", "p"), state=state)
    assert (state.node, state.step, state.steps, state.nodes_done) == ("9", 0, 0, 1)


def test_steps_belong_to_the_node_that_takes_them() -> None:
    """While a sampler takes steps, it is the executing node, even if the server has begun an
    asynchronous node after it. Steps of such a node don't hide the sampler's."""
    running = (NodeProgress("3", "3", 2, 8, "running"), NodeProgress("9", "9", 0, 1, "running"))
    sampler = {"class_type": "KSampler", "inputs": {"steps": 8}}
    begun = after(
        Executing("3", "p"), Executing("9", "p"), state=waiting("p", {**PROMPT, "3": sampler})
    )
    for steps in (Progress(2, 8, "3", "p"), ProgressState("p", running)):
        state = after(steps, state=begun)
        assert (state.node, state.step, state.steps, state.nodes_done) == ("3", 2, 8, 0)
        state = after(Progress(1, 5, "9", "p"), state=state)
        assert (state.node, state.step, state.steps) == ("3", 2, 8)
    state = after(Progress(1, 5, "9", "p"), Progress(3, 8, "3", "p"), state=begun)
    assert (state.node, state.step, state.steps) == ("3", 3, 8)


def test_progress_state_counts_nodes_and_steps() -> None:
    """The message about all nodes marks the finished nodes and gives the executing node's steps.
    Step 0 of 1 doesn't count as a step."""
    nodes = (NodeProgress("4", "4", 1, 1, "finished"), NodeProgress("3", "3", 5, 8, "running"))
    state = after(Executing("3", "p"), ProgressState("p", nodes))
    assert (state.nodes_done, state.step, state.steps) == (1, 5, 8)
    state = after(
        Executing("9", "p"), ProgressState("p", (NodeProgress("9", "9", 0, 1, "running"),))
    )
    assert state.steps == 0


def test_only_the_prompts_own_nodes_are_counted() -> None:
    state = after(ExecutionCached("p", ("4", "70:1")))
    assert state.nodes_done == 1


def test_a_run_time_node_shows_its_display_node() -> None:
    """The event's `display_node` names the node that has a title."""
    assert after(Executing("3.0.1", "p", "3")).node_title == "Sampler"


@pytest.mark.parametrize(
    "event",
    [
        ExecutionStart("q"),
        ExecutionCached("q", ("4",)),
        Executing(None, "q"),
        Progress(1, 2, "3", "q"),
        preview("q"),
        Executed("q", "9", IMAGE),
        ExecutionSuccess("q"),
        ExecutionInterrupted("q", None),
        ExecutionError("q", None, "", "", ""),
    ],
)
def test_events_of_other_prompts_change_nothing(event: Event) -> None:
    """The run ignores a foreign prompt id, before and while it runs."""
    assert after(event) == start()
    running = after(ExecutionStart("p"))
    assert after(event, state=running) is running


def test_events_without_an_id_are_ignored_while_waiting() -> None:
    """Previews and texts without a prompt id belong to the prompt that runs. An `executing` without
    an id belongs to the app's own run, which has resumed."""
    strays = (preview(None), Progress(1, 2, "3", None), ProgressText("3", "hello"))
    assert after(*strays, AnimatedPreviews(3, 8.0)) == start()
    over = after(ExecutionStart("p"), ExecutionSuccess("p"), Executing(None, "p"))
    assert after(*strays, AnimatedPreviews(3, 8.0), state=over) is over
    assert after(Executing("3", None)).phase is Phase.RUNNING


def test_only_the_newest_preview_is_stored() -> None:
    """The state keeps a single preview image and counts all previews."""
    state = after(ExecutionStart("p"), *(preview() for _ in range(5)))
    assert state.preview_number == 5
    assert state.preview == preview()


def test_a_repeated_event_changes_nothing() -> None:
    """A message without news returns the same object, and no waiting thread wakes up."""
    state = after(Executing("3", "p"), Progress(2, 8, "3", "p"), Status(1))
    for event in (Executing("3", "p"), Progress(2, 8, "3", "p"), Status(1)):
        assert advance(state, event) is state


def test_a_run_is_done_only_when_its_history_arrives() -> None:
    """After `execution_success` and `executing null` the run is over. It's done only when its
    history arrives."""
    state = after(
        ExecutionStart("p"),
        Executed("p", "9", IMAGE),
        ExecutionSuccess("p"),
        Executing(None, "p"),
    )
    assert (state.phase, state.over) == (Phase.RUNNING, True)
    state = settled(
        state, HistoryEntry("p", {"9": {"images": [{"filename": "b.png"}]}}, ExecutionSuccess("p"))
    )
    assert state.phase is Phase.DONE
    assert [file.filename for file in state.files] == ["b.png"]


def test_without_history_the_streams_result_counts() -> None:
    """If the history is unavailable, the stream's report of the end counts. Without a report the
    run is lost."""
    gone = RunError("Gone.")
    state = after(Executed("p", "9", IMAGE), ExecutionSuccess("p"))
    assert concluded(state, gone).phase is Phase.DONE
    assert concluded(after(ExecutionStart("p")), gone).phase is Phase.LOST
    assert concluded(after(ExecutionStart("p")), gone).error is gone


def test_only_wanted_outputs_count() -> None:
    """A job may name the nodes whose outputs matter."""
    state = waiting("p", PROMPT, {"9"})
    entry = HistoryEntry("p", {"9": IMAGE, "8": IMAGE}, ExecutionSuccess("p"))
    assert {file.node for file in settled(state, entry).files} == {"9"}


@pytest.mark.parametrize(
    ("node", "metadata", "owner"),
    [
        ("9", {"node_id": "24", "display_node": "24"}, "9"),
        ("9", {"node_id": "3", "display_node": "3"}, "9"),
        ("4.0.0.1", {"node_id": "4.0.0.1", "display_node": "9"}, "9"),
        ("4.0.0.1", {"node_id": "4.0.0.1", "display_node": "24"}, "4"),
        ("4.0.0.2", {"node_id": "4.0.0.1", "display_node": "9"}, "4"),
        ("4.0.0.1", {}, "4"),
        ("24.0.0.1", {}, "24.0.0.1"),
    ],
)
def test_cached_metadata_of_an_earlier_prompt_names_no_owner(
    node: str, metadata: dict[str, str], owner: str
) -> None:
    """An output belongs to its own node, or to the node of this prompt that created its node. The
    events and the history agree."""
    answer = {"p": {"outputs": {node: IMAGE}, "meta": {node: metadata}}}
    entry = parse_history(answer, "p")
    assert entry is not None
    assert [file.node for file in settled(start(), entry).files] == [owner]
    if metadata.get("node_id", node) == node:
        event = Executed("p", node, IMAGE, metadata.get("display_node"))
        assert [file.node for file in after(event).files] == [owner]


def test_node_names_of_the_job_replace_titles() -> None:
    """A job can name its nodes. Other nodes keep their title from the prompt."""
    titles = waiting("p", PROMPT, titles={"3": "Painting", "99": "Nobody"}).planned.titles
    assert titles == waiting("p", PROMPT).planned.titles | {"3": "Painting"}
    raw = {"3": PROMPT["3"] | {"_meta": {"title": " two\nlines "}}}
    assert waiting("p", raw).planned.titles == {"3": "two lines"}


def test_a_prompt_id_chosen_by_the_server_is_adopted() -> None:
    """Old servers choose the prompt id themselves. The app adopts the id from their answer."""
    state = accepted(start(), Submitted("q", 1))
    assert after(ExecutionStart("p"), state=state).phase is Phase.WAITING
    assert after(ExecutionStart("q"), state=state).phase is Phase.RUNNING


def test_the_queue_position_counts_earlier_prompts() -> None:
    """The running prompt and prompts with smaller numbers come first. The wait ends when the prompt
    runs."""
    queue = parse_queue(
        {"queue_running": [[1, "a"]], "queue_pending": [[7, "p"], [3, "b"], [9, "c"]]}
    )
    state = placed(start(), queue)
    assert state.queue_place == 2
    state = placed(state, Queue(("p",), ()))
    assert (state.phase, state.queue_place) == (Phase.RUNNING, None)
    assert placed(state, Queue((), ())) is state


def test_a_run_that_is_still_queued_is_not_over() -> None:
    """The queue corrects a stream that reported the end too early. It doesn't correct a report that
    came after the app requested the queue."""
    over, queue = after(ExecutionSuccess("p"), Executing(None, "p")), Queue(("p",), ())
    state = placed(over, queue, still=True)
    assert (state.over, state.verdict) == (False, None)
    assert placed(over, queue) is over


FINISHED = [
    settled(start(), HistoryEntry("p", {"9": IMAGE}, ExecutionSuccess("p"))),
    stopped(start()),
    lost(start(), RunError("Gone.")),
    refused(
        start(),
        PromptRejected("No.", node_errors=[NodeError("3", "cfg", "KSampler", "t", "m", "d")]),
    ),
    failed(start(), RunError("Broken.")),
]
EVENTS = st.one_of(
    st.builds(Status, st.integers(0, 9)),
    st.builds(ExecutionStart, st.sampled_from("pq")),
    st.builds(ExecutionCached, st.sampled_from("pq"), st.just(("4", "x"))),
    st.builds(Executing, st.sampled_from(["3", "9", "x", None]), st.sampled_from(["p", "q", None])),
    st.builds(
        Progress,
        st.integers(0, 9),
        st.integers(0, 9),
        st.just("3"),
        st.sampled_from(["p", "q", None]),
    ),
    st.builds(preview, st.sampled_from(["p", "q", None])),
    st.builds(Executed, st.sampled_from("pq"), st.just("9"), st.just(IMAGE)),
    st.builds(ExecutionSuccess, st.sampled_from("pq")),
    st.builds(ExecutionInterrupted, st.sampled_from("pq"), st.none()),
    st.builds(
        ExecutionError,
        st.sampled_from("pq"),
        st.just("3"),
        st.just("K"),
        st.just("E"),
        st.just("m"),
    ),
)


@pytest.mark.parametrize("state", FINISHED, ids=lambda state: state.phase.value)
def test_a_finished_state_never_changes(state: RunState) -> None:
    """No later message or answer changes the end of a run."""
    entry = HistoryEntry("p", {}, ExecutionInterrupted("p", None))
    assert (
        after(ExecutionStart("p"), preview(), ExecutionError("p", "3", "", "", ""), state=state)
        is state
    )
    assert settled(state, entry) is state
    assert stopped(state, RunError("Other.")) is state
    assert placed(state, Queue(("p",), ())) is state
    assert accepted(state, Submitted("q", 1)) is state
    assert concluded(state, RunError("Other.")) is state
    assert refused(state, PromptRejected("Other.")) is state


@settings(max_examples=examples(200))
@given(st.lists(EVENTS, max_size=30))
def test_events_in_any_order_keep_the_state_consistent(events: list[Event]) -> None:
    """Node counts stay within bounds, only the history finishes a run, and the preview count never
    decreases."""
    state = start()
    for event in events:
        before, state = state, advance(state, event)
        assert not state.phase.finished
        assert 0 <= state.nodes_done <= state.nodes_total
        assert state.preview_number >= before.preview_number
        assert before.phase is Phase.WAITING or state.phase is Phase.RUNNING


def test_an_interruption_by_another_client_is_reported() -> None:
    """If another client stops the run, a sentence says so. If the user stops it, there's no
    sentence."""
    elsewhere = settled(start(), HistoryEntry("p", {}, ExecutionInterrupted("p", "3")))
    assert elsewhere.phase is Phase.STOPPED
    assert elsewhere.error is not None
    assert "Someone else" in elsewhere.error.message
    assert stopped(start()).error is None


@pytest.mark.parametrize(
    ("type_", "message", "word"),
    [
        ("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory.", "memory"),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB", "memory"),
        (
            "RuntimeError",
            "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory",
            "memory",
        ),
        (
            "safetensors._safetensors_rust.SafetensorError",
            "Error while deserializing header",
            "model file",
        ),
        ("PIL.UnidentifiedImageError", "cannot identify image file 'x.png'", "image"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'x'", "missing"),
        (
            "RuntimeError",
            "mat1 and mat2 shapes cannot be multiplied (77x2048 and 768x320)",
            "fit together",
        ),
        ("RuntimeError", "CUDA error: device-side assert triggered", "graphics card"),
        ("OSError", "[Errno 28] No space left on device", "disk"),
        ("SomethingOdd", "?", "step in the workflow failed"),
        ("", "", "step in the workflow failed"),
    ],
)
def test_exceptions_become_sentences(type_: str, message: str, word: str) -> None:
    """Every exception has a sentence and a hint. Well-known exceptions have their own."""
    sentence, hint = explain(type_, message)
    assert word in sentence
    assert sentence.endswith(".")
    assert hint.endswith(".")


TWO_SAMPLERS = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "5": {"class_type": "KSampler", "inputs": {"steps": 20}},
    "7": {"class_type": "KSampler", "inputs": {"steps": 12}},
    "8": {"class_type": "VAEDecode", "inputs": {}},
}


def timed_after(state: RunState, *events: Event) -> RunState:
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
    state = timed_after(waiting("p", prompt), *steps("1", 0, 0), *steps("5", 10, 10))
    others = len(prompt) - 2
    assert state.progress.fraction == pytest.approx(0.9 / (1 + weight) + 0.1 / others)


def test_two_samplers_share_one_progress_bar() -> None:
    """The second sampler continues where the first one ended, and the last node brings the fraction
    to 1."""
    state = timed_after(waiting("p", TWO_SAMPLERS), *steps("1", 0, 0), *steps("5", 20, 20))
    half = state.progress.fraction
    assert half == pytest.approx(0.9 * 20 / 32 + 0.05)
    state = timed_after(state, *steps("7", 6, 12))
    assert state.progress.fraction == pytest.approx(0.9 * 26 / 32 + 0.05)
    state = timed_after(state, *steps("7", 12, 12), *steps("8", 0, 0), Executed("p", "8", {}))
    assert state.progress.fraction == 1


def test_cached_nodes_do_not_count_as_progress() -> None:
    """A sampler with a cached result leaves the whole progress bar to the other sampler."""
    state = timed_after(waiting("p", TWO_SAMPLERS), ExecutionCached("p", ("1", "5")))
    assert state.progress.fraction == 0
    state = timed_after(state, *steps("7", 6, 12))
    assert state.progress.fraction == pytest.approx(0.45)


def test_unplanned_steps_count_for_their_node() -> None:
    """If the server reports the number of steps only during the run, each node counts the same."""
    prompt = {node: {"class_type": "Tiles", "inputs": {}} for node in "12"}
    state = timed_after(waiting("p", prompt), *steps("1", 5, 10))
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
        state = timed_after(waiting("p", TWO_SAMPLERS), *steps("5", taken, 20))
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
