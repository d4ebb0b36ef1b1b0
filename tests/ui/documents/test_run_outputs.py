"""A run's outputs by name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.prompt.model import Prompt
from comfy.records.record import Job, Record
from comfy.records.serialization import from_text, to_text
from ui.documents.run_doc import RunOutput, compared_files, run_outputs, texts_in_files

PROMPT: Prompt = {node: {"class_type": "SaveImage", "inputs": {}} for node in "123"}

SIDES: tuple[tuple[str, Literal["", "a", "b"]], ...] = (
    ("1", "a"),
    ("1", "a"),
    ("2", "a"),
    ("1", "b"),
    ("1", "b"),
    ("2", "b"),
    ("2", "b"),
    ("3", ""),
)


def record_of(job: Job, *files: OutputFile, texts: tuple[TextOutput, ...] = ()) -> Record:
    """Return a finished run of the job."""
    state = RunState(prompt_id="p", phase=Phase.DONE, files=files, texts=texts)
    return Record("r", "ann", job, 5.0, state)


def image(node: str) -> OutputFile:
    """Return an image from this node."""
    return OutputFile("a.png", "", "output", "image", node)


def test_outputs_come_in_the_order_of_the_form() -> None:
    """The server lists results in the order of execution."""
    job = Job(PROMPT, "w", output_names={"3": "Line drawing", "1": "Photo", "2": "Unused"})
    record = record_of(job, image("1"), image("3"), image("1"), texts=(TextOutput("3", "a"),))
    expected = (
        RunOutput("3", "Line drawing", (1,), (0,)),
        RunOutput("1", "Photo", (0, 2)),
    )
    assert run_outputs(record) == expected
    assert run_outputs(from_text(to_text(record))) == expected


def test_an_output_is_named_by_its_kind_without_a_title() -> None:
    """The titles of ComfyUI's own classes only say that they save or show it."""
    names = {
        "1": "Save Image 2",
        "2": "Save Audio (MP3)",
        "3": "Preview as Text",
        "4": "Save poster",
    }
    prompt: Prompt = {node: {"class_type": "SaveImage", "inputs": {}} for node in names}
    sound = OutputFile("a.mp3", "", "output", "audio", "2")
    job = Job(prompt, "w", output_names=names)
    record = record_of(job, image("1"), sound, image("4"), texts=(TextOutput("3", "a"),))
    outputs = [str(one.name) for one in run_outputs(record)]
    assert outputs == ["Image", "Audio", "Text", "Save poster"]


def test_runs_without_names_use_the_titles_of_nodes() -> None:
    """Earlier versions stored no names of outputs."""
    text = to_text(record_of(Job(PROMPT, "w", titles={"2": "Glow"}), image("2"), image("1")))
    old = text.replace(', "output_names": {}', "")
    assert old != text
    assert run_outputs(from_text(old)) == (RunOutput("2", "Glow", (0,)), RunOutput("1", "", (1,)))


def test_results_of_expanded_nodes_belong_to_the_outer_node() -> None:
    """The server names them `outer.0.0.inner`."""
    job = Job(PROMPT, "w", output_names={"2": "Frames"})
    record = record_of(job, image("2.0.0.7"), image("2.0.1.7"))
    assert run_outputs(record) == (RunOutput("2", "Frames", (0, 1)),)


def test_pairs_images_that_are_compared() -> None:
    """Each image before belongs to the image after it of the same node."""
    pictures = tuple(replace(image(node), side=side) for node, side in SIDES)
    assert compared_files(record_of(Job(PROMPT, "w"), *pictures)) == {3: 0, 4: 1, 5: 2}


def test_finds_texts_that_are_also_saved_as_files() -> None:
    """Such a text appears once on the page."""
    digest = hashlib.sha256("Grüße".encode()).hexdigest()
    files = (
        OutputFile("a.md", "", "output", "file", "1", "f" * 64),
        OutputFile("b.md", "", "output", "file", "2", digest),
    )
    texts = (TextOutput("3", "other"), TextOutput("3", "Grüße"), TextOutput("1", "Grüße"))
    assert texts_in_files(record_of(Job(PROMPT, "w"), *files, texts=texts)) == {1: 1}
