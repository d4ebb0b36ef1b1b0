"""Nodes of a run's prompt, which are the same in all its states. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.prompt.model import own_title


@dataclass(frozen=True, slots=True)
class PlannedNodes:
    """Nodes of a run's prompt, the same in all its states: their names for users by id, and the
    nodes whose outputs count; None = all."""

    titles: Mapping[str, str] = field(default_factory=dict)
    with_outputs: frozenset[str] | None = None

    def owner(self, node: str, display_node: str | None) -> str:
        """Return the prompt's node that a node's output belongs to.

        The server names the node that a node created at run time stands for. The name counts only
        for such nodes, and only if the prompt has it: it may come from an earlier prompt
        (docs/comfyui.md#63). Otherwise, the created node's id tells (docs/comfyui.md#64).
        """
        created_by = node.partition(".")[0]
        owners = (one for one in (node, display_node or "", created_by) if one in self.titles)
        return next(owners, node)


def planned_nodes(
    prompt: Mapping[str, Any],
    outputs: Iterable[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> PlannedNodes:
    """Return a prompt's nodes. `outputs`: the nodes whose outputs count; None = all.

    `titles`: the nodes' names for users. A node without one there has its title in the prompt, else
    its class.
    """
    called = titles or {}
    named = {
        node_id: called.get(node_id) or own_title(node) or str(node.get("class_type", ""))
        for node_id, node in prompt.items()
    }
    return PlannedNodes(named, None if outputs is None else frozenset(outputs))
