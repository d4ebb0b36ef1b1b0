"""Run a prompt without one of its images, like the editor's bypass, and detect if that is
impossible.

Removing a node leaves its users without an input. An optional input is removed, too. A node that
needs the input is bypassed: each of its outputs is replaced by an incoming value of the same type,
preferably from the input at the same position. If no input has that type, or the node is a sampler,
the users of that output are next. See docs/comfyui.md#36. Unlike there, an input without a value is
skipped in favor of the next one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from comfy.comfyui.input_spec import AUTOGROW, COMBO, InputSpec, compatible
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Link, Node, Prompt, links, sources_first, with_inputs
from comfy.prompt.trace import find_outputs

# Types that steer sampling. A node that takes one and outputs none creates results.
_STEERING = frozenset({"MODEL", "GUIDER", "CONDITIONING"})

# Types of widget inputs that may return to their start value when they lose a link. Texts may not:
# an empty prompt can't replace a text that was read from the image.
_RESTARTED = frozenset({"INT", "FLOAT", "BOOLEAN", COMBO})


def expendable(
    prompt: Prompt,
    catalog: Mapping[str, NodeSpec],
    nodes: Collection[str],
    needed: Collection[str] | None = None,
) -> set[str]:
    """Return these nodes, except for those without which the prompt gives no result; `needed`: see
    `take_out`."""
    graph = _Graph(prompt, catalog) if nodes else None
    return {node for node in nodes if graph and graph.take_out([node], needed)}


def take_out(
    prompt: Prompt,
    catalog: Mapping[str, NodeSpec],
    nodes: Iterable[str],
    needed: Collection[str] | None = None,
) -> Prompt | None:
    """Return a new prompt without these nodes, or None if every result requires one of them.

    `needed`: output nodes that count; at least one must stay (default: the nodes that save
    something, or all). A node that would only save another loaded file unchanged doesn't count.
    Nodes that only served the removed ones are removed, too. A class that the server lacks can't be
    bypassed, so the nodes that feed it are required.
    """
    graph = _Graph(prompt, catalog)
    if not graph.take_out(nodes, needed):
        return None
    rest = {node_id: graph.rerouted(node_id) for node_id in prompt if node_id not in graph.removed}
    served = _behind(prompt, graph.outputs)
    left = _behind(rest, [node for node in rest if node in graph.outputs or node not in served])
    return {node_id: node for node_id, node in rest.items() if node_id in left}


class _Graph:
    """A prompt during the removal of nodes. `removed`: the nodes removed by the last `take_out`."""

    def __init__(self, prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> None:
        self.prompt = prompt
        self.catalog = catalog
        self.outputs = {output.node: output for output in find_outputs(prompt, catalog)}
        self.users = _users(prompt)
        self.order = _sources_first(self.users)
        self.places = {node_id: place for place, node_id in enumerate(self.order)}
        self.removed: set[str] = set()
        self.found: dict[tuple[Link, str], Link | None] = {}

    def spec(self, node_id: str) -> NodeSpec | None:
        return self.catalog.get(self.prompt[node_id]["class_type"])

    def active(self, node_id: str) -> dict[str, InputSpec]:
        spec = self.spec(node_id)
        return spec.active_inputs(self.prompt[node_id]["inputs"]) if spec else {}

    def take_out(self, nodes: Iterable[str], needed: Collection[str] | None) -> bool:
        """Remove these nodes and every node that can't stay. Return False if no result is left, or
        if a removed node feeds a class that the server lacks."""
        self.removed = {node for node in nodes if node in self.prompt}
        if not self._remove_dependents():
            return False
        counted = needed
        if counted is None:
            counted = {node for node, output in self.outputs.items() if not output.is_aside}
        changed = self._fed()
        return any(
            node not in changed or not self._only_loads(node)
            for node in counted or self.outputs
            if node in self.prompt and node not in self.removed
        )

    def _fed(self) -> set[str]:
        """Return the nodes that the removed ones feed."""
        return {user for node_id in self.removed for user in self.users[node_id]}

    def _remove_dependents(self) -> bool:
        """Remove every node that can't stay. Return False if a removed node feeds a class that the
        server lacks.

        Sources are visited before their users, so one round is enough unless the links form a
        cycle.
        """
        before = -1
        while len(self.removed) != before:
            before = len(self.removed)
            self.found.clear()
            seen = self._fed() | self.removed
            todo = sorted(self.places[node_id] for node_id in seen - self.removed)
            while todo:
                place = heappop(todo)
                node_id = self.order[place]
                if self.spec(node_id) is None:
                    return False
                if self._cannot_stay(node_id, list(self._cut(node_id))):
                    self.removed.add(node_id)
                    for user in self.users[node_id]:
                        if user not in seen and self.places[user] > place:
                            seen.add(user)
                            heappush(todo, self.places[user])
        return True

    def source_behind(self, link: Link, kind: str) -> Link | None:
        """Return the output that replaces this one once the removed nodes are bypassed; None if
        there isn't one that fits `kind`."""
        todo, seen = [link], set()
        answer = None
        while todo and answer is None:
            node_id, slot = here = todo.pop()
            if (here, kind) in self.found:
                answer = self.found[here, kind]
            elif node_id in self.prompt and here not in seen:
                seen.add(here)
                if node_id in self.removed:
                    todo.extend(reversed(list(self._ways(node_id, slot))))
                elif compatible(self._output_type(node_id, slot), kind):
                    answer = here
        self.found[link, kind] = answer
        return answer

    def rerouted(self, node_id: str) -> Node:
        """Return a copy of a remaining node: links rerouted around the removed nodes, inputs
        without a source left out."""
        inputs = dict(self.prompt[node_id]["inputs"])
        cut = list(self._cut(node_id))
        active = self.active(node_id) if cut else {}
        shrunk: set[str] = set()
        for name, spec, link in cut:
            if link is not None:
                inputs[name] = list(link)
            elif spec is not None and spec.required and _restarts(spec):
                inputs[name] = spec.start
            else:
                del inputs[name]
                shrunk.update(one.name for one in active.values() if one.grown(name))
        for name in shrunk:
            inputs = _closed_up(inputs, active[name])
        return with_inputs(self.prompt[node_id], inputs)

    def _only_loads(self, node_id: str) -> bool:
        """Return whether this node's sources have changed and now only load files."""
        now = {link.node for _, link in links(self.rerouted(node_id))}
        before = {link.node for _, link in links(self.prompt[node_id])}
        return now != before and all(self._is_loader(source) for source in now)

    def _is_loader(self, node_id: str) -> bool:
        spec = self.spec(node_id) if node_id in self.prompt else None
        return spec is not None and any(one.upload for one in spec.inputs)

    def _cut(self, node_id: str) -> Iterator[tuple[str, InputSpec | None, Link | None]]:
        """Yield the inputs that removed nodes fed: name, spec, and the link that replaces
        theirs."""
        cut = [
            (name, link) for name, link in links(self.prompt[node_id]) if link.node in self.removed
        ]
        active = self.active(node_id) if cut else {}
        for name, link in cut:
            spec = active.get(name)
            yield name, spec, self.source_behind(link, spec.type if spec else "*")

    def _cannot_stay(
        self, node_id: str, cut: Iterable[tuple[str, InputSpec | None, Link | None]]
    ) -> bool:
        lost = {name: spec for name, spec, link in cut if link is None}
        if any(_is_needed(spec) for spec in lost.values()):
            return True
        inputs = self.prompt[node_id]["inputs"]
        for group in self.active(node_id).values() if lost else ():
            if group.type == AUTOGROW and any(group.grown(name) for name in lost):
                if group.member and group.member.is_widget:
                    return (
                        # Removing one of a formula's variables (a, b, c …) would change its
                        # meaning.
                        True
                    )
                left = sum(1 for name in inputs if name not in lost and group.grown(name))
                if left < group.least and (left or group.required):
                    return True
        return False

    def _ways(self, node_id: str, slot: int) -> Iterator[Link]:
        """Yield the links that a bypassed node may pass to an output, best first."""
        if _makes(self.spec(node_id)):
            return
        output_type = self._output_type(node_id, slot)
        active = [spec for spec in self.active(node_id).values() if not spec.is_group]
        sockets = [spec for spec in active if not spec.is_widget] + [
            spec for spec in active if spec.is_widget
        ]
        fitting = [spec for spec in sockets if compatible(spec.type, output_type)]
        order = [
            *(spec for spec in sockets[slot : slot + 1] if spec in fitting),
            *(spec for spec in fitting if spec.type == output_type),
            *fitting,
        ]
        linked = dict(links(self.prompt[node_id]))
        for name in dict.fromkeys(spec.name for spec in order):
            if name in linked:
                yield linked[name]

    def _output_type(self, node_id: str, slot: int) -> str:
        spec = self.spec(node_id)
        return spec.output_types[slot] if spec and 0 <= slot < len(spec.output_types) else "*"


def _makes(spec: NodeSpec | None) -> bool:
    """Return whether this is a sampler or similar. Bypassing it would pass an empty latent off as a
    result."""
    takes = {one.type for one in spec.inputs} if spec else set()
    return not takes.isdisjoint(_STEERING) and _STEERING.isdisjoint(
        spec.output_types if spec else ()
    )


def _restarts(spec: InputSpec) -> bool:
    return spec.is_widget and spec.value_type in _RESTARTED and spec.start is not None


def _is_needed(spec: InputSpec | None) -> bool:
    """Return whether a node needs this input: it is required, or the server doesn't declare it."""
    return spec is None or (spec.required and not _restarts(spec))


def _closed_up(inputs: Mapping[str, Any], group: InputSpec) -> dict[str, Any]:
    """Return the inputs with an autogrow group moved up to its first slots, which the server
    requires."""
    members = [name for name in group.slots if name in inputs]
    places = dict(zip(members, group.slots, strict=False))
    return {places.get(name, name): value for name, value in inputs.items()}


def _users(prompt: Prompt) -> dict[str, list[str]]:
    """Return the nodes that each node feeds, once per link."""
    users: dict[str, list[str]] = {node_id: [] for node_id in prompt}
    for node_id, node in prompt.items():
        for _, link in links(node):
            if link.node in prompt:
                users[link.node].append(node_id)
    return users


def _sources_first(users: Mapping[str, list[str]]) -> list[str]:
    """Return all nodes, each after those that feed it; nodes in a cycle come last."""
    sources = Counter(chain.from_iterable(users.values()))
    ready, ring = sources_first(users, {node_id: sources[node_id] for node_id in users})
    return ready + ring


def _behind(prompt: Prompt, ends: Iterable[str]) -> set[str]:
    """Return these nodes and all nodes that feed them."""
    seen: set[str] = set()
    todo = list(ends)
    while todo:
        node_id = todo.pop()
        if node_id not in seen and node_id in prompt:
            seen.add(node_id)
            todo.extend(link.node for _, link in links(prompt[node_id]))
    return seen
