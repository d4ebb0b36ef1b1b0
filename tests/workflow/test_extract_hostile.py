"""Damaged and malicious files: each contains a workflow or gives an error that says why not."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.base.errors import WorkflowError
from comfy.workflow.extract import find_workflow
from tests.support.distribution import examples
from tests.support.samples.media import (
    every_container,
    flac,
    png_text,
    safetensors,
)

CONTAINERS = every_container()


@pytest.mark.parametrize("kind", ["json", "png", "flac", "safetensors"])
def test_ten_megabytes_in_one_string_are_fine(kind: str) -> None:
    """Some real graphs contain whole images."""
    prompt = {"1": {"class_type": "A", "inputs": {"image": "x" * 10_000_000}}}
    text = json.dumps(prompt)
    made = {
        "json": str.encode,
        "png": lambda t: png_text({"prompt": t}),
        "flac": lambda t: flac({"prompt": t}),
    }
    make: Any = made.get(kind, lambda t: safetensors({"prompt": t}))
    begun = time.process_time()
    assert find_workflow(make(text), "a").prompt == prompt
    assert time.process_time() - begun < 5


@settings(max_examples=examples(400))
@given(data=st.data())
def test_a_damaged_file_gives_a_workflow_or_a_sentence(data: st.DataObject) -> None:
    """Real containers with changed, inserted, removed, doubled or cut-off bytes give a workflow or
    an error that says why not."""
    name = data.draw(st.sampled_from(sorted(CONTAINERS)))
    content = bytearray(CONTAINERS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(["change", "insert", "remove", "cut", "double"])):
            case "change":
                new = data.draw(st.binary(min_size=1, max_size=8))
                content[at : at + len(new)] = new
            case "insert":
                content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "remove":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "cut":
                del content[max(at, 16) :]
            case "double":
                content[at:at] = content[at : at + data.draw(st.integers(1, 400))]
    with_sentence(bytes(content))


@settings(max_examples=examples(300))
@given(
    st.sampled_from(sorted(CONTAINERS)).flatmap(
        lambda name: st.binary(max_size=300).map(lambda rest: CONTAINERS[name][:12] + rest)
    )
)
def test_garbage_after_a_valid_header_gives_a_sentence(data: bytes) -> None:
    """The first bytes decide which reader runs. No reader trusts the bytes after them."""
    with_sentence(data)


def with_sentence(data: bytes) -> None:
    """Check that the reader returns documents or raises a WorkflowError."""
    try:
        carried = find_workflow(data, "damaged")
    except WorkflowError:
        return
    assert carried.prompt is not None or carried.graph is not None
    json.dumps([carried.prompt, carried.graph], allow_nan=False)
