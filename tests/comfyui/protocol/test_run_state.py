"""A run's state as messages arrive."""

from __future__ import annotations

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
    waiting,
)
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
