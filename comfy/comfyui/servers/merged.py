"""Merge the `/object_info` responses of several servers into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from comfy.base.json_values import as_list, as_mapping
from comfy.comfyui.input_spec import DIFFERS

_SECTIONS = ("required", "optional")


def merged(catalogs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return every server's node classes, each as the first server describes it. Choice lists
    contain all servers' choices and mark differences. Doesn't change its arguments."""
    node_classes: dict[str, Any] = {}
    for catalog in catalogs:
        for class_type, node in catalog.items():
            known = node_classes.get(class_type)
            same = known is None or known == node or not isinstance(node, dict)
            node_classes[class_type] = (known or node) if same else _node(as_mapping(known), node)
    return node_classes


def _node(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    inputs = as_mapping(first.get("input"))
    others = as_mapping(other.get("input"))
    sections = {
        name: _inputs(as_mapping(inputs[name]), as_mapping(others.get(name)))
        for name in _SECTIONS
        if name in inputs
    }
    return {**first, "input": {**inputs, **sections}}


def _inputs(first: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _spec(spec, other.get(name)) for name, spec in first.items()}


def _spec(first: object, other: object) -> object:
    """Merge one input's choice lists, in either spelling (docs/comfyui.md#25)."""
    ours, theirs = _choices(first), _choices(other)
    if ours is None or theirs is None or ours == theirs:
        return first
    head, *rest = as_list(first)
    both = [*ours, *(one for one in theirs if one not in ours)]
    options = {**(as_mapping(rest[0]) if rest else {})}
    if len(both) > len(ours) or any(one not in theirs for one in ours):
        options[DIFFERS] = True
    if isinstance(head, list):
        return [both, options, *rest[1:]]
    return [head, {**options, "options": both}, *rest[1:]]


def _choices(spec: object) -> list[Any] | None:
    """Return an input's choices; None if it isn't a plain list."""
    match spec:
        case [list() as choices, *_]:
            return choices
        case ["COMBO", {"options": [*choices]}, *_]:
            return choices
        case _:
            return None
