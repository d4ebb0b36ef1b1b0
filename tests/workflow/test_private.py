"""Workflows that people opened: each for the person who brought it, and not more than the memory
takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy.errors import WorkflowError
from comfy.workflow.model import open_workflow
from comfy.workflow.private import LARGEST, MARK, PrivateWorkflows, weight

PROMPT: dict[str, Any] = {"1": {"class_type": "A", "inputs": {"text": "a cat"}}}


def put(opened: PrivateWorkflows, owner: str, number: int = 0, padding: int = 0) -> str:
    """Open a workflow; the name it goes by."""
    data = json.dumps(PROMPT | {"n": number, "x": "x" * padding}).encode()
    return opened.put(owner, open_workflow("a cat.json", data), "a cat.json", data).name


def test_a_workflow_is_open_for_its_person_alone() -> None:
    """Whoever brought it finds it again with its file; for anybody else it is not there."""
    opened = PrivateWorkflows()
    name = put(opened, "ann")
    assert name.startswith(MARK)
    assert opened.get("ann", name).prompt == PROMPT
    assert opened.file("ann", name)[0] == "a cat.json"
    for owner, other in (("bob", name), ("", name), ("ann", name + "0"), ("ann", MARK)):
        with pytest.raises(WorkflowError, match="isn't available"):
            opened.get(owner, other)


def test_each_person_has_so_many() -> None:
    """The one opened longest ago goes first, and only the person's own."""
    opened = PrivateWorkflows(keep=3)
    other = put(opened, "bob")
    names = [put(opened, "ann", number) for number in range(5)]
    for name in names[:2]:
        with pytest.raises(WorkflowError):
            opened.get("ann", name)
    assert all(opened.get("ann", name) for name in names[2:])
    assert opened.get("bob", other)
    assert [one.name for one in opened.opened_by("ann")] == names[:1:-1]


def test_all_together_take_so_much() -> None:
    """Files and what is made of them are counted; the newest always stays."""
    opened = PrivateWorkflows(size=10_000)
    names = [put(opened, f"person {number}", number, padding=4000) for number in range(5)]
    still = [name for number, name in enumerate(names) if number in (3, 4)]
    assert [
        opened.get(f"person {number}", name).name for number, name in ((3, names[3]), (4, names[4]))
    ] == still
    with pytest.raises(WorkflowError):
        opened.get("person 0", names[0])
    huge = put(opened, "eve", padding=20_000)
    assert opened.get("eve", huge)


def test_what_would_fill_the_memory_is_refused() -> None:
    """A small file that becomes very many values is not kept, and the sentence says so."""
    count = LARGEST // 100
    data = ('{"1": {"class_type": "A", "inputs": {"a": [' + "0," * count + "0]}}}").encode()
    workflow = open_workflow("a.json", data)
    opened = PrivateWorkflows()
    with pytest.raises(WorkflowError, match="more parts"):
        opened.put("ann", workflow, "a.json", data)


def test_weight_counts_every_value() -> None:
    """A list, an object, a number and a text each take some memory, a text its length too."""
    assert weight(None) == weight(1) == weight([]) == weight({}) == 100
    assert weight({"a": [1, 2, {"b": "text"}]}) == 100 * 6 + 4
