"""The links that cg-use-everywhere implies: one output feeds every open input of its type.

The editor extension adds the missing links just before it creates the prompt. The criteria are the
type, the title and input patterns, color and group restrictions, and priority. Two equally good
broadcasts cancel each other out. See docs/comfyui.md#45.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import compatible
from comfy.graph.broadcasts import (
    EVERYWHERE,
    Broadcast,
    broadcast_settings,
    broadcasts,
    group_pattern,
    is_grouped,
    sends,
)
from comfy.graph.live import LiveGraph, LiveInput, LiveNode
from comfy.graph.packs.registry import rule_of
from comfy.graph.schema import INPUT_NODE, OUTPUT_NODE, GraphLink, SavedGraph

_MOST_SENDERS = 200
_MOST_NAMES = 200  # maximum of outputs whose name is a pattern

# Maximum of pairs of a sender and an input of its type, weighted by `cost`, and of pairs of senders
# and groups.
_MOST_CHECKS = 300_000
_MOST_IN_GROUPS = 2_000_000  # maximum of checks whether a node is in a group

_OUTPUT_TITLE = "subgraph output node"


class _Offers:
    """One graph's broadcasts, by the type of the inputs that may receive them."""

    def __init__(self, offers: Iterable[Broadcast]) -> None:
        self._by_type: dict[str, list[Broadcast]] = {}
        self._costs: Counter[str] = Counter()
        names = 0
        for offer in offers:
            names += offer.name is not None and offer.name.pattern is not None
            if names > _MOST_NAMES:
                raise _too_large()
            for kind in {offer.type, "*"} if offer.to_any else {offer.type}:
                self._by_type.setdefault(kind, []).append(offer)
                self._costs[kind] += offer.cost
        self._left = _MOST_CHECKS

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def best(self, kind: str, reaches: Callable[[Broadcast], bool]) -> Broadcast | None:
        """Return the broadcast that an input of a type receives, if any. Raises WorkflowError after
        too many checks."""
        self._left -= self._costs[kind]
        if self._left < 0:
            raise _too_large()
        offers = [offer for offer in self._by_type.get(kind, ()) if reaches(offer)]
        offers.sort(key=lambda offer: -offer.priority)
        if len(offers) > 1 and offers[0].priority == offers[1].priority:
            return None
        return offers[0] if offers else None


def _too_large() -> WorkflowError:
    return WorkflowError(
        "This workflow is too large for its “Anything Everywhere” nodes.",
        "Connect some inputs directly, or split the workflow.",
    )


def broadcast(graph: LiveGraph, document: SavedGraph) -> None:
    """Add the links that a graph's broadcasting nodes imply."""
    senders = [node for node in graph.nodes.values() if sends(node)]
    if len(senders) > _MOST_SENDERS:
        raise WorkflowError(
            f"This workflow has more than {_MOST_SENDERS} “Anything Everywhere” nodes."
        )
    _check_groups(graph, senders)
    is_root = graph.id not in document.subgraphs
    offers = _Offers(
        offer for sender in senders for offer in broadcasts(graph, sender, is_root=is_root)
    )
    if not offers:
        return
    found = [*_fed_inputs(graph, offers, is_root=is_root), *_fed_outputs(graph, offers)]
    for number, link in enumerate(found, start=_last_link(graph, document) + 1):
        _connect(graph, replace(link, id=number))


def _last_link(graph: LiveGraph, document: SavedGraph) -> int:
    """Return the highest number of a link. Sockets may still name links that no longer exist."""
    numbers = [document.last_link_id, *graph.links]
    for node in graph.nodes.values():
        numbers += [slot.link for slot in node.inputs if slot.link is not None]
        numbers += [link for slot in node.outputs for link in slot.links]
    numbers += [link for port in graph.inputs for link in port.links]
    numbers += [link for port in graph.outputs for link in port.links]
    return max(numbers)


def _fed_inputs(graph: LiveGraph, offers: _Offers, *, is_root: bool) -> Iterator[GraphLink]:
    """Yield the new links to open inputs, also of bypassed nodes, which pass them on."""
    for node in graph.nodes.values():
        if node.type in EVERYWHERE or node.saved.properties.get("rejects_ue_links"):
            continue
        settings = broadcast_settings(node)
        for index, slot in enumerate(node.inputs):
            if slot.link in graph.links or not _accepts(node, slot, settings, is_root=is_root):
                continue
            shown = _display_name(node, slot)
            best = offers.best(
                slot.type,
                lambda offer: offer.reaches(node.id, node.title, slot, shown),  # noqa: B023
            )
            if best is not None and _fits(graph, best, slot.type):
                yield GraphLink(0, best.origin, best.slot, node.id, index, best.type)


def _fed_outputs(graph: LiveGraph, offers: _Offers) -> Iterator[GraphLink]:
    """Yield the new links to a subgraph's open outputs."""
    for index, port in enumerate(graph.outputs):
        if any(link in graph.links for link in port.links):
            continue
        best = offers.best(
            port.type,
            lambda offer: offer.reaches(OUTPUT_NODE, _OUTPUT_TITLE, port),  # noqa: B023
        )
        if best is not None and best.origin != INPUT_NODE:
            yield GraphLink(0, best.origin, best.slot, OUTPUT_NODE, index, best.type)


def _connect(graph: LiveGraph, link: GraphLink) -> None:
    if link.target == OUTPUT_NODE:
        ports = list(graph.outputs)
        ports[link.target_slot] = replace(ports[link.target_slot], links=(link.id,))
        graph.outputs, graph.links[link.id] = tuple(ports), link
    else:
        graph.connect(link, graph.nodes[link.target].inputs[link.target_slot])


def _display_name(node: LiveNode, slot: LiveInput) -> str:
    spec = node.spec.by_name.get(slot.name) if node.spec else None
    name = spec.options.get("display_name") if spec else None
    return name if isinstance(name, str) else ""


def _fits(graph: LiveGraph, best: Broadcast, kind: str) -> bool:
    """Return whether the editor connects the output, which may have another type than its link."""
    node = graph.nodes.get(best.origin)
    output = node.output(best.slot) if node else None
    return output is None or compatible(output.type, kind)


def _accepts(
    node: LiveNode, slot: LiveInput, settings: Mapping[str, Any], *, is_root: bool
) -> bool:
    """Return whether an input accepts broadcasts. Sockets do by default, widgets only if set."""
    if slot.name in rule_of(node.type).unconnected:
        return False
    if slot.widget is None and slot.held is None:
        return not as_mapping(settings.get("input_ue_unconnectable")).get(slot.name)
    for place in (settings, node.saved.properties):
        allowed = place.get("widget_ue_connectable")
        if isinstance(allowed, dict):
            return bool(allowed.get(slot.name))
    # A file saved without the pack: the sockets that it has for widgets accept broadcasts.
    saved = any(one.name == slot.name for one in node.saved.inputs)
    return is_root and saved and (node.missing or node.widget_at(slot) is not None)


def _check_groups(graph: LiveGraph, senders: list[LiveNode]) -> None:
    """Raise WorkflowError if searching the groups would take too long."""
    patterns = [group_pattern(sender) for sender in senders]
    asking = sum(
        pattern is not None or is_grouped(sender)
        for sender, pattern in zip(senders, patterns, strict=True)
    )
    checks = sum(1 + one.cost for one in patterns if one) * len(graph.groups)
    if asking * len(graph.nodes) * len(graph.groups) > _MOST_IN_GROUPS or checks > _MOST_CHECKS:
        raise _too_large()
