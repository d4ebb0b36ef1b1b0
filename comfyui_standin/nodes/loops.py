"""Nodes for loops, which servers after 0.33.0 have (docs/comfyui.md#57)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from comfyui_standin.nodes.base import (
    Inputs,
    NodeClass,
    NodeFailure,
    NodeResult,
    NodeRun,
    Spec,
    Work,
    fixed,
    spec,
    v3_node_info,
)

_MOST = 1000  # iterations
_VALUES = 5  # outputs of a start
_ANY = "COMFY_MATCHTYPE_V3"
_CARRIED = spec(_ANY, template={"template_id": "carried_value"})


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


def _whole(default: int, lowest: int | None = None) -> Spec:
    limits = {} if lowest is None else {"min": lowest}
    return spec("INT", default=default, **limits)


def _node(run: Work, name: str, title: str, **about: Any) -> tuple[str, NodeClass]:
    info = v3_node_info(
        name, title, about.pop("category", "utilities/looping"), module="nodes_loop", **about
    )
    # An iteration runs again, even if nothing has changed.
    return name, NodeClass(fixed(info), run, lambda *_: uuid.uuid4().hex)


_MODES = {
    "simple": {"num_iterations": _whole(4, 0)},
    "For": {
        "start_iteration_index": _whole(0),
        "max_iteration": _whole(4),
        "step": _whole(1, 1),
    },
    "List": {"list": spec(_ANY, template={"template_id": "list_item"})},
}

NODES = [
    _node(
        _start,
        "StartLoop",
        "Start Loop",
        required={
            "mode": spec(
                "COMFY_DYNAMICCOMBO_V3",
                options=[
                    {"key": key, "inputs": {"required": inputs}} for key, inputs in _MODES.items()
                ],
            ),
            "cache_iterations": spec("BOOLEAN", default=False, advanced=True),
        },
        optional={
            "parent_iteration": spec("INT", forceInput=True),
            "initial_iteration_value": _CARRIED,
        },
        outputs=["INT", "BOOLEAN", "BOOLEAN", _ANY, _ANY],
        output_names=[
            "iteration_index",
            "is_first",
            "is_last",
            "list_item",
            "current_iteration_value",
        ],
    ),
    _node(
        _end,
        "EndLoop",
        "End Loop",
        required={"accumulate": spec("BOOLEAN", default=False)},
        optional={"output_value": _CARRIED, "next_iteration_value": _CARRIED},
        outputs=[_ANY],
        output_names=["outputs"],
    ),
    _node(
        _iterate,
        "LoopIteration",
        "LoopIteration",
        required={"iteration_index": _whole(0)},
        outputs=["INT", "BOOLEAN", "BOOLEAN", _ANY, _ANY],
    ),
    _node(
        _report,
        "LoopProgress",
        "LoopProgress",
        required={"start_id": spec("STRING"), "position": _whole(0), "total": _whole(0)},
        outputs=["INT"],
        output_node=True,
    ),
]
