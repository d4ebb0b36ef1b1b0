"""Limits on the length of names anywhere in a workflow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.input_spec import LONGEST_NAME
from comfy.comfyui.object_info import Catalog
from comfy.workflow.model import open_workflow

LONG = "save" * 30_000
FITS = "n" * LONGEST_NAME


def prompt(node_id: str = "1", class_type: str = "A", name: str = "a") -> dict[str, Any]:
    return {node_id: {"class_type": class_type, "inputs": {name: 1}}}


def graph(**more: Any) -> dict[str, Any]:
    return {"nodes": [{"id": 1, "type": "A"}], "links": [], **more}


def drawn(**more: Any) -> dict[str, Any]:
    return graph(nodes=[{"id": 7, "type": "A", **more}])


def subgraph(**more: Any) -> dict[str, Any]:
    return graph(definitions={"subgraphs": [{"id": "s", "name": "S", **drawn(), **more}]})


@pytest.mark.parametrize(
    "workflow",
    [
        prompt(node_id=LONG),
        prompt(class_type=LONG),
        prompt(name=LONG),
        {"prompt": prompt(class_type=LONG)},
        drawn(id=LONG),
        drawn(type=LONG),
        drawn(inputs=[{"name": LONG, "type": "INT"}]),
        drawn(inputs=[{"name": "a", "type": "INT", "widget": {"name": LONG}}]),
        drawn(widgets_values={LONG: 1}),
        subgraph(nodes=[{"id": 7, "type": LONG}]),
        subgraph(inputs=[{"name": LONG, "type": "INT"}]),
        subgraph(definitions={"subgraphs": [drawn(type=LONG)]}),
        graph(extra={"groupNodes": {"G": drawn(type=LONG)}}),
        graph(extra={"groupNodes": {LONG: graph()}}),
    ],
    ids=lambda workflow: json.dumps(workflow).replace(LONG, "…"),
)
def test_a_workflow_with_a_long_name_is_refused(workflow: dict[str, Any]) -> None:
    """The error names the node and its limit, and the hint says what to do."""
    with pytest.raises(
        WorkflowError, match=r"^Node “.*” has .* longer than 200 characters"
    ) as said:
        open_workflow("a.json", json.dumps(workflow).encode())
    assert len(str(said.value)) < 200
    assert "shorten" in said.value.hint


def test_names_up_to_the_limit_are_accepted() -> None:
    for workflow in (prompt(FITS, FITS, FITS), drawn(type=FITS), subgraph(name=FITS)):
        open_workflow("a.json", json.dumps(workflow).encode())


def test_long_names_of_a_server_are_left_out() -> None:
    """The rules that match names see neither the classes nor their inputs."""
    info = {"input": {"required": {"a": ["INT"], LONG: ["INT"], FITS: ["INT"]}}}
    catalog = Catalog({"A": info, LONG: info})
    assert [*catalog] == ["A"]
    assert LONG not in catalog
    assert catalog.get(LONG) is None
    assert [one.name for one in catalog["A"].inputs] == ["a", FITS]
