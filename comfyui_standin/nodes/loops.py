"""Nodes for loops, which servers after 0.33.0 have (docs/comfyui.md#57)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from comfyui_standin.nodes.base import (
    Inputs,
    NodeFailure,
    NodeResult,
    NodeRun,
    node,
)

_MOST = 1000  # iterations
_VALUES = 5  # outputs of a start


def iterations(inputs: Mapping[str, Any], uncounted: int = 0) -> list[int]:
    """Return the index of each iteration of a loop with these inputs of its start. `uncounted`:
    iterations of a loop whose number isn't known; 0 raises NodeFailure for linked numbers."""
    names = {
        "simple": ("num_iterations",),
        "For": ("start_iteration_index", "max_iteration", "step"),
    }.get(inputs["mode"], ())
    numbers = [inputs[f"mode.{name}"] for name in names]
    if uncounted and not (names and all(isinstance(one, int) for one in numbers)):
        return list(range(uncounted))
    if not all(isinstance(one, int) for one in numbers):
        raise NodeFailure("The stand-in can't count a loop's iterations by a link. Type a number.")
    return list(range(*numbers))[:_MOST] if numbers else []


def _start(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Begin the loop; its copies have the values."""
    if inputs["mode"] == "List":
        raise NodeFailure("The stand-in has no lists. Choose another mode.")
    run.tell(f"Iteration 0 / {len(iterations(inputs))}")
    return NodeResult((None,) * _VALUES)


def _iterate(run: NodeRun, inputs: Inputs) -> NodeResult:
    names = ("iteration_index", "is_first", "is_last", "list_item", "current_iteration_value")
    return NodeResult(tuple(inputs.get(name) for name in names))


def _report(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Tell clients that an iteration has ended."""
    run.tell(f"Iteration {inputs['position']} / {inputs['total']}", inputs["start_id"])
    return NodeResult((inputs["position"],))


def _end(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return the last iteration's value, or the images of all iterations."""
    values = [value for name, value in inputs.items() if name.startswith("output")]
    if not inputs["accumulate"]:
        return NodeResult((values[-1] if values else None,))
    if not all(isinstance(value, tuple) for value in values):
        raise NodeFailure("The stand-in only accumulates images.")
    return NodeResult((tuple(image for images in values for image in images),))


_WORK = {
    "StartLoop": _start,
    "EndLoop": _end,
    "LoopIteration": _iterate,
    "LoopProgress": _report,
}
# An iteration runs again, even if nothing has changed.
NODES = [node(name, work, lambda *_: uuid.uuid4().hex) for name, work in _WORK.items()]
