"""Order of a prompt's nodes, and the signatures that tell which earlier results can be reused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from comfy.demo.nodes.base import NodeClass
from comfy.demo.nodes.values import NodeResult, RawPrompt, is_link
from comfy.demo.storage import Storage


class Signatures:
    """Per-node signatures that decide whether a cached result is valid. Computed once per run."""

    def __init__(self, prompt: RawPrompt, nodes: Mapping[str, NodeClass], storage: Storage) -> None:
        self._prompt = prompt
        self._nodes = nodes
        self._storage = storage
        self._known: dict[str, str] = {}

    def of(self, node_id: str) -> str:
        """Return the signature, equal for nodes with the same result. A node in a cycle or with a
        broken link has its own."""
        if node_id not in self._known:
            self._known[node_id] = f"unfinished {node_id}"
            self._known[node_id] = self._compute(node_id)
        return self._known[node_id]

    def _compute(self, node_id: str) -> str:
        node = self._prompt[node_id]
        values = node.get("inputs") or {}  # only nodes that lead to an output have been validated
        inputs = {
            name: [self.of(value[0]), value[1]]
            if is_link(value) and value[0] in self._prompt
            else value
            for name, value in sorted(values.items())
        }
        fingerprint = self._nodes[node["class_type"]].fingerprint
        seen = fingerprint(self._storage, values) if fingerprint is not None else ""
        text = json.dumps([node["class_type"], inputs, seen])
        return hashlib.sha256(text.encode()).hexdigest()


def order(
    prompt: RawPrompt,
    nodes: Mapping[str, NodeClass],
    storage: Storage,
    outputs: tuple[str, ...],
    results: Mapping[str, NodeResult | None],
) -> list[str]:
    """Return the execution order of nodes, optimized for early results.

    Among the nodes whose inputs are ready, an output comes first, then a node that feeds an output
    directly, then one two links away. On ties, the node discovered first on the way back from the
    outputs comes first (as recorded).
    """
    needs: dict[str, set[str]] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node_id = stack.pop()
            if node_id in needs:
                continue
            links = [value[0] for value in prompt[node_id]["inputs"].values() if is_link(value)]
            missing = (
                [source for source in links if results[source] is None]
                if results[node_id] is None
                else []
            )
            needs[node_id] = set(missing)
            stack += missing
    is_output = {
        one: nodes[prompt[one]["class_type"]].describe(storage)["output_node"] for one in needs
    }
    discovered = list(needs)
    ordered: list[str] = []

    def distance(node_id: str, reach: int = 2) -> int:
        if is_output[node_id]:
            return 0
        if reach == 0:
            return 1
        return 1 + min(
            (distance(one, reach - 1) for one in discovered if node_id in needs[one]), default=reach
        )

    while len(ordered) < len(discovered):
        ready = [one for one in discovered if one not in ordered and needs[one] <= set(ordered)]
        ordered.append(min(ready, key=distance))
    return ordered
