"""Loops: copies of the nodes between `StartLoop` and `EndLoop`, one per iteration
(docs/comfyui.md#57).

The real server creates them when it reaches the start; here they exist before the run. Clients
can't see the difference, since they only hear of nodes that run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.demo.nodes.base import NodeClass
from comfy.demo.nodes.loops import iterations
from comfy.demo.nodes.values import RawPrompt, is_link
from comfy.demo.storage import Storage

_START, _END = "StartLoop", "EndLoop"


@dataclass(slots=True)
class Expansion:
    """A prompt with its loops' copies: the outputs to run, and for each copy the node that it
    stands for and the node that created it."""

    prompt: RawPrompt = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    displays: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def shown(self, node_id: str) -> str:
        """Return the node of the prompt that a node stands for."""
        while node_id in self.displays:
            node_id = self.displays[node_id]
        return node_id

    def real(self, node_id: str) -> str:
        """Return the node of the prompt that created a node."""
        while node_id in self.parents:
            node_id = self.parents[node_id]
        return node_id

    def about(self, node_id: str) -> Mapping[str, str | None]:
        """Return a node's ids as previews name them."""
        return {
            "node_id": node_id,
            "display_node_id": self.shown(node_id),
            "parent_node_id": self.parents.get(node_id),
            "real_node_id": self.real(node_id),
        }


def expanded(
    prompt: RawPrompt, outputs: tuple[str, ...], nodes: Mapping[str, NodeClass], storage: Storage
) -> Expansion:
    """Return the prompt with all loops expanded, outer loops first."""
    expansion = Expansion(dict(prompt), outputs)
    done: set[str] = set()
    while (start := next(_starts(expansion.prompt, done), None)) is not None:
        done.add(start)
        body, end = _body(expansion.prompt, start)
        if end is not None:
            _expand(expansion, start, body, end)
    if done:
        is_output = {
            name: node_class.describe(storage)["output_node"] for name, node_class in nodes.items()
        }
        made = (one for one in expansion.prompt if one in expansion.displays)
        expansion.outputs = (
            *(one for one in outputs if one in expansion.prompt),
            *(one for one in made if is_output[expansion.prompt[one]["class_type"]]),
        )
    return expansion


def _starts(prompt: RawPrompt, done: set[str]) -> Iterator[str]:
    """Yield the loops to expand. A loop inside another one is expanded in the other one's
    copies."""
    starts = [one for one, node in prompt.items() if node["class_type"] == _START]
    inner = {one for start in starts if start not in done for one in _body(prompt, start)[0]}
    return (one for one in starts if one not in done and one not in inner)


def _body(prompt: RawPrompt, start: str) -> tuple[set[str], str | None]:
    """Return the nodes between a loop's start and its end, and the end."""
    seen: set[tuple[str, int]] = set()
    todo, end = [(start, 0)], None
    while todo:
        node_id, depth = todo.pop()
        class_type = prompt[node_id]["class_type"]
        if class_type == _END and depth == 1:
            end = node_id
            continue
        if (node_id, depth) in seen:
            continue
        seen.add((node_id, depth))
        after = depth + (class_type == _START) - (class_type == _END)
        todo += [(user, after) for user in prompt if node_id in _sources(prompt[user])]
    return {node_id for node_id, _ in seen} - {start}, end


def _sources(node: Mapping[str, Any]) -> set[str]:
    return {value[0] for value in (node.get("inputs") or {}).values() if is_link(value)}


def _expand(expansion: Expansion, start: str, body: set[str], end: str) -> None:
    """Replace a loop's body with its copies."""
    prompt = expansion.prompt
    originals = {node_id: prompt.pop(node_id) for node_id in sorted(body)}
    ending = dict(prompt[end]["inputs"])
    carry = prompt[start]["inputs"].get("initial_iteration_value")
    values = iterations(prompt[start]["inputs"])
    results: list[Any] = []
    before: list[Any] = []
    progress: list[Any] = []
    for position, value in enumerate(values):
        opener = f"{start}.0.0.iteration_{position}"
        prompt[opener] = {
            "class_type": "LoopIteration",
            "inputs": {
                "iteration_index": value,
                "is_first": position == 0,
                "is_last": position == len(values) - 1,
                "current_iteration_value": carry,
                "start": [start, 0],
                **{f"dependency{number}": link for number, link in enumerate(before)},
            },
        }
        names = {node_id: f"{start}.0.0.{position}_{node_id}" for node_id in originals}
        names[start] = opener
        for node_id, node in originals.items():
            prompt[names[node_id]] = {**node, "inputs": _relinked(node["inputs"], names)}
            expansion.displays[names[node_id]] = node_id
            expansion.parents[names[node_id]] = start
        ends = _relinked(ending, names)
        results.append(ends.get("output_value"))
        carry = ends.get("next_iteration_value", carry)
        used = ("output_value", "next_iteration_value", "termination")
        before = [one for name, one in ends.items() if name.startswith(used) and is_link(one)]
        told = f"{start}.0.0.progress_{position}"
        about = {"start_id": expansion.shown(start), "position": position + 1, "total": len(values)}
        linked = {f"dependency{number}": link for number, link in enumerate([*before, *progress])}
        prompt[told] = {"class_type": "LoopProgress", "inputs": {**about, **linked}}
        progress = [[told, 0]]
        for made in (opener, told):
            expansion.displays[made] = expansion.parents[made] = start
    shown = results if ending.get("accumulate") else results[-1:]
    kept = {"accumulate": ending.get("accumulate", False)}
    linked = {f"dependency{number}": link for number, link in enumerate([*before, *progress])}
    outputs = {f"output{number}": one for number, one in enumerate(shown)}
    prompt[end] = {**prompt[end], "inputs": {**kept, **outputs, **linked}}


def _relinked(inputs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: [names.get(value[0], value[0]), value[1]] if is_link(value) else value
        for name, value in inputs.items()
    }
