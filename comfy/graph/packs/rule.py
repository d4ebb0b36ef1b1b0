"""The form of a pack's rule for one node class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comfy.graph.schema import GraphNode
from comfy.graph.widgets import NodeWidget

SavedValues = Sequence[Any] | Mapping[str, Any] | None


def _as_saved(node: GraphNode) -> SavedValues:
    return node.widgets_values


def _none_added(_node: GraphNode) -> Iterable[NodeWidget]:
    return ()


@dataclass(frozen=True, slots=True)
class PackRule:
    """Changes that a pack's script makes to the nodes of a class.

    `values`: returns the saved values as the class's current widgets expect them. `added`: returns
    widgets that the server doesn't declare, with their values. `unconnected`: inputs that receive
    no broadcast of "Anything Everywhere".
    """

    values: Callable[[GraphNode], SavedValues] = _as_saved
    added: Callable[[GraphNode], Iterable[NodeWidget]] = _none_added
    unconnected: frozenset[str] = frozenset()
