"""A run's state converts to JSON, and a record to text, and back without loss."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.errors import NodeError
from comfy.base.messages import message
from comfy.comfyui.protocol.events import ExecutionSuccess, Preview
from comfy.comfyui.protocol.outputs import FileKind, OutputFile, TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, waiting
from comfy.records.record import Job, KeptInput, Record
from comfy.records.serialization import from_text, state_to_json, to_text

WORDS = st.text(st.characters(codec=None), max_size=10)  # lone surrogates and NULs among them
NODES = ["1", "2", "3"]
JOB = Job(
    {node: {"class_type": f"C{node}", "inputs": {}} for node in NODES},
    "w",
    frozenset({"3"}),
    titles={"2": "Two"},
    output_names={"3": "Line drawing", "1": "Photo"},
)
BEGUN = waiting("p", JOB.prompt, JOB.outputs, JOB.titles)
MOMENTS = st.none() | st.floats(0, 2e11)
NODE_OR_NONE = st.none() | st.sampled_from(NODES)
STATES = st.builds(
    RunState,
    prompt_id=WORDS,
    phase=st.sampled_from(Phase),
    queue_place=st.none() | st.integers(0, 1000),
    node=NODE_OR_NONE,
    step=st.integers(0, 2**70),
    steps=st.integers(0, 2**70),
    note=WORDS,
    away=st.booleans(),
    preview_number=st.integers(0, 10**6),
    files=st.lists(
        st.builds(
            OutputFile,
            filename=WORDS,
            subfolder=WORDS,
            type=WORDS,
            kind=st.sampled_from(get_args(FileKind)),
            node=WORDS,
            digest=WORDS,
            size=st.integers(0, 2**60),
        ),
        max_size=3,
    ).map(tuple),
    texts=st.lists(st.builds(TextOutput, WORDS, WORDS), max_size=2).map(tuple),
    error=st.none()
    | st.builds(RunError, WORDS, WORDS, st.none() | WORDS, st.none() | WORDS, WORDS),
    node_errors=st.lists(
        st.builds(NodeError, WORDS, st.none() | WORDS, WORDS, WORDS, WORDS, WORDS), max_size=2
    ).map(tuple),
    started_at=MOMENTS,
    finished_at=MOMENTS,
    planned=st.just(BEGUN.planned),
    progress=st.just(BEGUN.progress),
    nodes_finished=st.frozensets(st.sampled_from(NODES)),
    over=st.booleans(),
)


@given(STATES)
def test_any_state_round_trips(state: RunState) -> None:
    """The state is part of its record."""
    record = Record("r", "ann", JOB, 5.0, state)
    assert from_text(to_text(record)) == record


def test_a_state_is_serialized_deterministically() -> None:
    """The finished nodes come in sorted order, not in the order of a set."""
    nodes = [f"{number:02}" for number in range(40)]
    told = state_to_json(replace(BEGUN, nodes_finished=frozenset(nodes)))
    assert told["nodes_finished"] == nodes


def test_a_state_goes_without_its_preview() -> None:
    """The JSON also leaves out the server's queue length and verdict. Values that follow from the
    job are restored from it."""
    state = replace(
        BEGUN,
        phase=Phase.RUNNING,
        preview=Preview("1", "p", b"\xff\xd8"),
        verdict=ExecutionSuccess("p"),
        queue_remaining=3,
        over=True,
    )
    told = state_to_json(state)
    left_out = {"preview", "verdict", "queue_remaining", "planned", "progress"}
    assert told.keys() == {field.name for field in fields(RunState)} - left_out
    back = from_text(to_text(Record("r", "ann", JOB, 5.0, state))).state
    assert back == replace(state, preview=None, verdict=None, queue_remaining=None)
    assert back.planned.titles["2"] == "Two"
    assert back.planned.with_outputs == frozenset({"3"})


def test_a_message_may_contain_half_a_character() -> None:
    """A server's words may end in the middle of an emoji."""
    error = RunError(message("Can't read {name}.", name="a\ud83d"))
    state = replace(BEGUN, error=error)
    assert state_to_json(state)["error"]["message"] == "Can't read a\ud83d."
    assert from_text(to_text(Record("r", "ann", JOB, 5.0, state))).state == state


def record_told(**changes: Any) -> dict[str, Any]:
    job = replace(JOB, inputs={"1.image": KeptInput("a.png", "ab", (("1", "image"), ("2", "x")))})
    files = tuple(OutputFile(f"{name}.png", "", "output", "image", "3") for name in "ab")
    told = json.loads(to_text(Record("r", "ann", job, 5.0, replace(BEGUN, files=files))))
    for path, value in changes.items():
        *way, last = path.split("__")
        place = told
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[last] = value
    return dict(told)


@pytest.mark.parametrize(
    ("path", "damage", "stays"),
    [
        ("state__files", [5, None, {"filename": "c.png"}], ["c.png"]),
        ("state__files__0__kind", "hologram", ["a.png", "b.png"]),
        ("state__files__1__size", "large", ["a.png", "b.png"]),
        ("state__files", 7, []),
        ("state__error", 7, ["a.png", "b.png"]),
        ("state__started_at", float("inf"), ["a.png", "b.png"]),
        ("state__preview", {"data": "x"}, ["a.png", "b.png"]),
        ("job__prompt__2", 7, ["a.png", "b.png"]),
        ("job__titles", {"prompt": 7, "job": [], "state": {}}, ["a.png", "b.png"]),
        ("job__inputs", {"prompt": 7, "kind": {"name": 5}}, ["a.png", "b.png"]),
        ("job", 7, ["a.png", "b.png"]),
    ],
)
def test_a_damaged_file_entry_does_not_affect_the_others(
    path: str, damage: Any, stays: list[str]
) -> None:
    """The run keeps its readable files in their order."""
    record = from_text(json.dumps(record_told(**{path: damage})))
    assert [file.filename for file in record.state.files] == stays
    assert from_text(to_text(record)) == record


@pytest.mark.parametrize("node", ["x", {"inputs": {}}, {"class_type": "A", "inputs": None}])
def test_a_damaged_prompt_is_dropped_entirely(node: object) -> None:
    """With a node left out, the prompt would be a different workflow."""
    assert from_text(json.dumps(record_told(job__prompt__2=node))).job.prompt == {}


@pytest.mark.parametrize(
    ("told", "targets"),
    [
        ([["1", "image"], ["2"], [], ["2", "x", "y"], [3, 4], "no", ["3", "z"]], ("1", "3")),
        ("no", ()),
        ([[]] * 50, ()),
    ],
)
def test_a_damaged_target_is_dropped(told: object, targets: tuple[str, ...]) -> None:
    """The file's other targets stay."""
    record = from_text(json.dumps(record_told(**{"job__inputs": {"k": {"targets": told}}})))
    assert tuple(node for node, _ in record.job.inputs["k"].targets) == targets
