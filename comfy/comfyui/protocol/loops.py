"""Loops in a prompt: the nodes between `StartLoop` and `EndLoop`, which ComfyUI runs several times
(docs/comfyui.md#57). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from comfy.base.json_values import as_mapping
from comfy.prompt.model import is_link

_START, _END = "StartLoop", "EndLoop"
_MOST_ROUNDS = 1_000_000
_MOST_STEPS = 100_000  # of a search through a prompt


def loop_rounds(prompt: Mapping[str, Any]) -> Mapping[str, int]:
    """Return how often each node inside loops runs, without nodes whose number is only known at run
    time."""
    starts = [node_id for node_id, node in prompt.items() if _class_of(node) == _START]
    if not starts:
        return {}
    users = _users(prompt)
    rounds: dict[str, list[int | None]] = {}
    for start in starts:
        count = _iterations(prompt, start)
        for node_id in _body(prompt, users, start):
            rounds.setdefault(node_id, []).append(count)
    products = {node: prod(one or 0 for one in counts) for node, counts in rounds.items()}
    return {node: min(count, _MOST_ROUNDS) for node, count in products.items() if count > 1}


def _users(prompt: Mapping[str, Any]) -> Mapping[str, set[str]]:
    users: dict[str, set[str]] = {node_id: set() for node_id in prompt}
    for node_id, node in prompt.items():
        for value in as_mapping(as_mapping(node).get("inputs")).values():
            if is_link(value) and str(value[0]) in users:
                users[str(value[0])].add(node_id)
    return users


def _body(prompt: Mapping[str, Any], users: Mapping[str, set[str]], start: str) -> set[str]:
    """Return the nodes between a loop's start and its end, with the loops inside. The depth tells
    the ends of inner loops from its own."""
    seen: set[tuple[str, int]] = set()
    todo = [(user, 1) for user in users[start]]
    while todo and len(seen) < _MOST_STEPS:
        node_id, depth = todo.pop()
        is_end = _class_of(prompt[node_id]) == _END
        if (node_id, depth) in seen or (is_end and depth == 1):
            continue
        seen.add((node_id, depth))
        after = depth - 1 if is_end else depth + (_class_of(prompt[node_id]) == _START)
        todo += [(user, after) for user in users[node_id]]
    return {node_id for node_id, _ in seen}


def _iterations(prompt: Mapping[str, Any], start: str) -> int | None:
    """Return a loop's number of iterations, None if unknown."""
    inputs = as_mapping(as_mapping(prompt[start]).get("inputs"))
    match inputs.get("mode"):
        case "simple":
            return _whole(inputs.get("mode.num_iterations"))
        case "For":
            first, end, step = (
                _whole(inputs.get(f"mode.{name}"))
                for name in ("start_iteration_index", "max_iteration", "step")
            )
            return len(range(first, end, step)) if first is not None and end and step else None
        case _:
            return None


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_ROUNDS else None


def _class_of(node: object) -> object:
    return as_mapping(node).get("class_type")
