"""A run's state and its previews survive the way to another process; hostile bodies are refused."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.errors import NodeError
from comfy.base.messages import Message, labeled, message
from comfy.comfyui.protocol.events import (
    AnimatedPreviews,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionSuccess,
    Preview,
)
from comfy.comfyui.protocol.outputs import FileKind, OutputFile, TextOutput
from comfy.comfyui.protocol.run_progress import RunProgress, SamplerSteps
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, waiting
from comfy.records.record import Job
from comfy.records.serialization import state_to_json
from comfy.runs.durations import time_left
from comfyforms.plugins.cluster.messaging.states import (
    MOST_OF_A_PREVIEW,
    MOST_OF_A_STATE,
    preview_from_wire,
    preview_to_wire,
    state_from_wire,
    state_to_wire,
)
from tests.support.distribution import examples

NODES = [str(number) for number in range(30)]
JOB = Job(
    {
        node: {
            "class_type": "KSampler" if node in ("5", "9") else f"Class{node}",
            "inputs": {"steps": 20},
        }
        for node in NODES
    },
    "w",
    frozenset({"7", "8"}),
    titles={"2": "Two", "3": message("{title} ({number})", title="Three", number=3)},
)
BEGUN = waiting("p", JOB.prompt, JOB.outputs, JOB.titles)
RUNNING = replace(
    BEGUN,
    phase=Phase.RUNNING,
    node="9",
    step=4,
    steps=20,
    nodes_finished=frozenset(NODES[:9]),
    files=(OutputFile("a_00001_.png", "x", "output", "image", "7"),),
    texts=(TextOutput("8", "A red bicycle in front of a brick wall. " * 5),),
    error=RunError(message("Can't reach {server}.", server="one"), message("Try again.")),
    started_at=1.7e9,
    queue_remaining=2,
    preview_number=30,
    preview=Preview("9", "p", b"\xff\xd8\xff"),
    verdict=ExecutionInterrupted("p", None),
).measured(1.7e9 + 8)

# The JSON of two surrogates side by side is one character.
WORDS = st.text(st.characters(codec=None).filter(lambda one: not "\udc00" <= one <= "\udfff"))
MAYBE = st.none() | WORDS
MESSAGES = st.recursive(
    WORDS,
    lambda inner: (
        st.builds(labeled, inner, inner)
        | st.builds(lambda one: message("{count} of {name}", count=3, name=one), inner)
    ),
    max_leaves=3,
)
COUNTS = st.integers(0, 10**6)
MOMENTS = st.none() | st.floats(0, 2e11)
SAMPLERS = st.builds(
    lambda round_, more, **steps: SamplerSteps(**steps, round=round_, rounds=round_ + more),
    st.integers(0, 100),
    st.integers(1, 100),
    steps=st.integers(1, 10_000),
    weight=st.floats(1e-9, 1e9),
    taken=st.integers(0, 10_000),
    first=st.integers(0, 10_000),
    first_at=MOMENTS,
    last_at=MOMENTS,
    restarted=st.booleans(),
    interrupted=st.booleans(),
    lost=st.floats(-1e6, 1e6),
)
SOME_NODES = st.frozensets(st.sampled_from(NODES), max_size=4)
ROUNDS = st.dictionaries(st.sampled_from(NODES), st.integers(0, 1000), max_size=2)
STATES = st.builds(
    RunState,
    prompt_id=WORDS,
    phase=st.sampled_from(Phase),
    queue_place=st.none() | COUNTS,
    held=st.booleans(),
    uploading=st.booleans(),
    node=st.none() | st.sampled_from(NODES),
    step=st.integers(-5, 2**70),
    steps=COUNTS,
    note=WORDS,
    away=st.booleans(),
    restarted=st.booleans(),
    preview_number=COUNTS,
    animation=st.none() | st.builds(AnimatedPreviews, st.integers(1, 1000), st.floats(0.1, 120)),
    files=st.lists(
        st.builds(
            OutputFile,
            WORDS,
            WORDS,
            WORDS,
            st.sampled_from(get_args(FileKind)),
            WORDS,
            digest=WORDS,
            size=st.integers(0, 2**60),
            side=st.sampled_from(["", "a", "b"]),
        ),
        max_size=2,
    ).map(tuple),
    texts=st.lists(st.builds(TextOutput, WORDS, WORDS), max_size=2).map(tuple),
    error=st.none()
    | st.builds(RunError, MESSAGES, MESSAGES, MAYBE, st.none() | MESSAGES, MESSAGES),
    node_errors=st.lists(
        st.builds(NodeError, WORDS, MAYBE, WORDS, WORDS, MESSAGES, MESSAGES), max_size=2
    ).map(tuple),
    started_at=MOMENTS,
    finished_at=MOMENTS,
    planned=st.just(BEGUN.planned),
    nodes_finished=SOME_NODES,
    progress=st.builds(
        RunProgress,
        SOME_NODES,
        st.dictionaries(st.sampled_from(NODES), SAMPLERS, max_size=2),
        st.floats(0, 1),
        ROUNDS,
        ROUNDS,
    ),
    queue_remaining=st.none() | COUNTS,
    verdict=st.none()
    | st.builds(ExecutionSuccess, WORDS)
    | st.builds(ExecutionError, WORDS, MAYBE, WORDS, WORDS, WORDS)
    | st.builds(ExecutionInterrupted, WORDS, MAYBE),
    over=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
) | st.sampled_from([10**400, -(10**400), "9" * 4000, 1e308, -1e308, math.nan, math.inf, 0, -1])


def sentences_of(state: RunState) -> list[object]:
    """Return the texts of a state with their templates and values."""
    error = state.error
    texts = [error.message, error.hint, error.node_title, error.detail] if error else []
    texts += [text for one in state.node_errors for text in (one.message, one.details)]
    return [(text.sentence, text.values) if isinstance(text, Message) else text for text in texts]


@settings(max_examples=examples(300))
@given(STATES)
def test_any_state_round_trips(state: RunState) -> None:
    """Messages keep their templates, so each process can translate them."""
    back = state_from_wire(state_to_wire(state), JOB)
    assert back == state
    assert sentences_of(back) == sentences_of(state)


def test_a_running_state_round_trips_without_its_preview() -> None:
    """The nodes' names come from the job, messages included."""
    back = state_from_wire(state_to_wire(RUNNING), JOB)
    assert back == replace(RUNNING, preview=None)
    assert back.planned == BEGUN.planned
    assert isinstance(back.planned.titles["3"], Message)
    assert len(state_to_wire(RUNNING)) < 2000


def test_a_state_without_a_change_fits_into_100_bytes() -> None:
    """Parts with their default are left out."""
    assert state_to_wire(RunState("p")) == b'{"prompt_id":"p"}'


def test_a_large_state_goes_without_its_results() -> None:
    """Its progress arrives all the same."""
    state = replace(RUNNING, texts=(TextOutput("8", "x" * MOST_OF_A_STATE),))
    back = state_from_wire(state_to_wire(state), JOB)
    assert back == replace(RUNNING, texts=(), files=(), preview=None)
    with pytest.raises(ValueError, match="bytes"):
        state_to_wire(replace(RUNNING, note="x" * MOST_OF_A_STATE))


def parts_of(state: RunState) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(state_to_wire(state))
    return parts


def places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of a JSON value."""
    found = [way] if way else []
    if isinstance(value, dict):
        found += [path for key, one in value.items() for path in places(one, (*way, key))]
    if isinstance(value, list):
        found += [path for key, one in enumerate(value) for path in places(one, (*way, key))]
    return found


def check_usable(state: RunState) -> None:
    """Use a state as a page and the forecast do."""
    json.dumps(state_to_json(state)).encode()
    assert 0 <= state.measured(1.7e9 + 20).progress.fraction <= 1
    time_left(state.progress, state.nodes_finished, 1.7e9, 1.7e9 + 20, None)
    assert state.nodes_done <= state.nodes_total == len(NODES)
    assert state.preview is None
    assert hash(state.texts) == hash(tuple(state.texts))
    assert state_from_wire(state_to_wire(state), JOB) == state


@settings(max_examples=examples(300))
@given(STATES, st.data())
def test_attack_a_replaced_part_is_refused_or_harmless(
    state: RunState, data: st.DataObject
) -> None:
    """Other code can use a state even if a part of its body was replaced by any JSON."""
    parts = parts_of(state)
    *way, last = data.draw(st.sampled_from(places(parts)))
    container: Any = parts
    for key in way:
        container = container[key]
    container[last] = data.draw(JSON)
    try:
        hostile = state_from_wire(json.dumps(parts).encode(), JOB)
    except ValueError:
        return
    check_usable(hostile)


@settings(max_examples=examples(300))
@given(st.dictionaries(st.sampled_from([*parts_of(RUNNING), "planned", "preview"]), JSON) | JSON)
def test_attack_any_json_is_refused_or_harmless(value: object) -> None:
    """A body can't replace the nodes of the job."""
    try:
        hostile = state_from_wire(json.dumps(value).encode(), JOB)
    except ValueError:
        return
    check_usable(hostile)


def with_sampler(**changes: object) -> bytes:
    parts = parts_of(RUNNING)
    parts["progress"]["samplers"]["9"] |= changes
    return json.dumps(parts).encode()


def with_part(**changes: object) -> bytes:
    return json.dumps(parts_of(RUNNING) | changes).encode()


BOMB: Any = "x" * 10
for _ in range(39):
    BOMB = {"sentence": "{a}{a}{a}{a}", "plural": "", "values": {"a": BOMB}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"prompt_id":' * 5000,
        b'{"prompt_id":"p"' + b" " * MOST_OF_A_STATE + b"}",
        pickle.dumps({"prompt_id": "p"}),
        b"{}",
        b'{"prompt_id":"p"}{"prompt_id":"q"}',
        with_part(phase="exploded"),
        with_part(prompt_id=5),
        with_part(step=10**400),
        with_part(started_at=1e300),
        with_part(started_at=math.nan),
        with_part(nodes_finished=["gone"]),
        with_part(nodes_finished={"1": 1}),
        with_part(progress={"samplers": {"gone": {"steps": 5}}}),
        with_part(animation={"frames": 10**9, "rate": 1.0}),
        with_part(animation={"frames": 10, "rate": 0}),
        with_part(verdict={"prompt_id": 5}),
        with_part(error={"hint": "no message"}),
        with_sampler(steps=0),
        with_sampler(rounds=0),
        with_sampler(weight=0),
        with_sampler(weight=math.inf),
        with_sampler(last_at=math.inf),
        with_sampler(taken=10**20),
    ],
)
def test_attack_a_malformed_state_raises_one_error(body: bytes) -> None:
    """Bodies of the wrong type, size, depth or range raise ValueError and nothing else."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - any text
        state_from_wire(body, JOB)
    assert len(str(error.value)) < 1000


def test_attack_nested_messages_can_not_fill_the_memory() -> None:
    """A text that would repeat its values 4 to the power of 39 times shows a template."""
    state = state_from_wire(with_part(error={"message": BOMB}), JOB)
    assert state.error is not None
    assert len(state.error.message) <= 100_000


PREVIEWS = st.builds(
    Preview, MAYBE, MAYBE, st.binary(min_size=1), st.none() | st.integers(0, 2**32 - 1)
)


@given(PREVIEWS)
def test_any_preview_round_trips(preview: Preview) -> None:
    """The image's bytes follow a line of JSON as they are."""
    data = preview_to_wire(preview)
    assert preview_from_wire(data) == preview
    assert data.endswith(b"\n" + preview.data)


@settings(max_examples=examples(300))
@given(JSON | st.fixed_dictionaries({"node": JSON, "prompt_id": JSON, "frame": JSON}), st.binary())
def test_attack_any_preview_is_refused_or_has_the_right_types(head: object, image: bytes) -> None:
    """The JSON before the image may be anything."""
    try:
        preview = preview_from_wire(json.dumps(head).encode() + b"\n" + image)
    except ValueError:
        return
    assert preview_from_wire(preview_to_wire(preview)) == preview
    assert isinstance(preview.node, str | None)
    assert preview.frame is None or type(preview.frame) is int


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xd8\xff",
        b"\n\xff\xd8\xff",
        b'{"node":"1","prompt_id":"p","frame":null}',
        b'{"node":"1","prompt_id":"p","frame":null}\n',
        b'{"node":"1","prompt_id":"p","frame":null}\n' + b"x" * MOST_OF_A_PREVIEW,
        b'{"node":"1","prompt_id":"p","frame":-1}\nx',
        b'{"node":"1","prompt_id":"p","frame":1e400}\nx',
        b'{"node":1,"prompt_id":"p","frame":1}\nx',
        b'{"node":"1","prompt_id":"p","frame":"first"}\nx',
        b'{"frames":2,"rate":"fast"}\n',
        b'{"frames":1000000000,"rate":1}\n',
        b'{"frames":2,"rate":NaN}\n',
        b"[" * 60_000 + b"\nx",
    ],
)
def test_attack_a_malformed_preview_raises_one_error(body: bytes) -> None:
    """It raises ValueError and nothing else."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - any text
        preview_from_wire(body)
    assert len(str(error.value)) < 1000
