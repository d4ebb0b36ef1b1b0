"""The "Anything Everywhere" nodes of cg-use-everywhere: one output for every open input of its
type, without wires.

The editor extension adds the missing links just before the prompt is made. What decides is the
type, the title and input patterns, colour and group restrictions, and priority; two equally good
broadcasts cancel each other out. The pack has kept its settings in three
places over time. See docs/comfyui.md#45.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.errors import WorkflowError
from comfy.graph.live import LiveGraph, LiveInput, LiveNode
from comfy.graph.schema import ALWAYS, INPUT_NODE, Frame, GraphLink, SavedGraph
from comfy.messages import plural

_SEED, _PROMPTS = "Seed Everywhere", "Prompts Everywhere"
EVERYWHERE = frozenset(
    {"Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3", _SEED, _PROMPTS}
)
_PROMPT_INPUTS = (r"(_|\b)pos(itive|_|\b)", r"(_|\b)neg(ative|_|\b)")

_MOST_SENDERS = 200

# Patterns come from files: these limits keep one from running for minutes.
_LONGEST_PATTERN, _MOST_REPEATS, _LONGEST_SUBJECT = 200, 3, 100


@dataclass(frozen=True, slots=True)
class _Broadcast:
    """One output on the air, and who may take it."""

    origin: str
    slot: int
    type: str
    controller: LiveNode
    patterns: tuple[tuple[str, str, bool], ...]
    only: frozenset[str] | None
    exact: str | None
    priority: float

    def reaches(self, node: LiveNode, slot: LiveInput) -> bool:
        if node.id == self.origin or (self.only is not None and node.id not in self.only):
            return False
        settings = _settings(self.controller)
        loose = (slot.type == "*" and settings.get("send_to_any")) or (
            slot.type == "COMBO" and self.type == "STRING" and settings.get("string_to_combo")
        )
        if slot.type != self.type and not loose:
            return False
        name = slot.label or slot.name
        if self.exact is not None and name != self.exact:
            return False
        subjects = {"title": node.title, "input": name}
        return all(
            _matches(pattern, subjects[what]) != inverted
            for what, pattern, inverted in self.patterns
        )


def broadcast(graph: LiveGraph, document: SavedGraph) -> None:
    """Add the links that the broadcasting nodes of one graph stand for."""
    senders = [
        node
        for node in graph.nodes.values()
        if node.type in EVERYWHERE and node.saved.mode == ALWAYS
    ]
    if len(senders) > _MOST_SENDERS:
        raise WorkflowError(
            plural(
                "This workflow has more than {count} “Anything Everywhere” node.",
                "This workflow has more than {count} “Anything Everywhere” nodes.",
                count=_MOST_SENDERS,
            )
        )
    offers = [offer for sender in senders for offer in _offers(graph, sender)]
    if not offers:
        return
    number = max(graph.links, default=0)
    before_sockets = _saved_before_sockets(document)
    for node in graph.nodes.values():
        if (
            node in senders
            or node.saved.mode != ALWAYS
            or node.saved.properties.get("rejects_ue_links")
        ):
            continue
        for slot in node.inputs:
            if (slot.link is None or slot.link not in graph.links) and _open(
                node, slot, before_sockets=before_sockets
            ):
                best = _best([offer for offer in offers if offer.reaches(node, slot)])
                if best is not None:
                    number += 1
                    link = GraphLink(
                        number, best.origin, best.slot, node.id, node.inputs.index(slot), best.type
                    )
                    graph.connect(link, slot)


def _best(offers: list[_Broadcast]) -> _Broadcast | None:
    offers.sort(key=lambda offer: -offer.priority)
    if len(offers) > 1 and offers[0].priority == offers[1].priority:
        return None
    return offers[0] if offers else None


def _settings(node: LiveNode) -> Mapping[str, Any]:
    found = node.saved.properties.get("ue_properties")
    return found if isinstance(found, dict) else {}


def _saved_before_sockets(document: SavedGraph) -> bool:
    """Before front end 1.16 only widgets converted to inputs had a socket, so a socket meant "may
    be fed" (docs/comfyui.md#45)."""
    version = re.match(r"(\d+)\.(\d+)", str(document.extra.get("frontendVersion", "")))
    return version is None or (int(version[1]), int(version[2])) < (1, 16)


def _open(node: LiveNode, slot: LiveInput, *, before_sockets: bool) -> bool:
    """Whether an input takes broadcasts: sockets unless told not to, widgets only if told to."""
    refused = _settings(node).get("input_ue_unconnectable")
    if slot.widget is None:
        return not (isinstance(refused, dict) and refused.get(slot.name))
    for settings in (_settings(node), node.saved.properties):
        allowed = settings.get("widget_ue_connectable")
        if isinstance(allowed, dict) and slot.name in allowed:
            return bool(allowed[slot.name])
    return before_sockets and any(saved.name == slot.name for saved in node.saved.inputs)


def _offers(graph: LiveGraph, sender: LiveNode) -> Iterator[_Broadcast]:
    patterns = tuple(_patterns(sender))
    only = _only(graph, sender)
    priority = _priority(sender, patterns)
    if sender.type == _SEED:
        chosen = [pattern for pattern in patterns if pattern[0] == "input"] or [
            ("input", "seed", False)
        ]
        yield _Broadcast(sender.id, 0, "INT", sender, tuple(chosen), only, None, priority)
        return
    fed = [
        (place, slot, link, _kind(graph, link))
        for place, slot in enumerate(sender.inputs)
        if (link := _link(graph, slot))
    ]
    times = Counter(kind for *_, kind in fed)
    for place, slot, link, kind in fed:
        here, exact = patterns, None
        if sender.type == _PROMPTS and place < len(_PROMPT_INPUTS):
            here = (*patterns, ("input", _PROMPT_INPUTS[place], False))
        elif times[kind] > 1:
            exact = slot.label or slot.name
        bonus = 20 if times[kind] > 1 and not patterns else 0
        yield _Broadcast(
            link.origin, link.origin_slot, kind, sender, here, only, exact, priority + bonus
        )


def _link(graph: LiveGraph, slot: LiveInput) -> GraphLink | None:
    return graph.links.get(slot.link) if slot.link is not None else None


def _kind(graph: LiveGraph, link: GraphLink) -> str:
    """The type on a link; files write "*" where the source knows better."""
    origin = graph.nodes.get(link.origin)
    output = origin.output(link.origin_slot) if origin else None
    if link.origin == INPUT_NODE and link.origin_slot < len(graph.inputs):
        return graph.inputs[link.origin_slot].type
    return output.type if output and output.type != "*" else link.type


def _patterns(sender: LiveNode) -> Iterator[tuple[str, str, bool]]:
    """Title and input patterns: since version 7 among the properties, before that the widgets of
    `Everywhere?`."""
    settings, values = _settings(sender), sender.saved.widgets_values
    old = values if isinstance(values, tuple) and sender.type == "Anything Everywhere?" else ()
    for place, what in enumerate(("title", "input")):
        pattern = settings.get(f"{what}_regex") or (old[place] if place < len(old) else None)
        if isinstance(pattern, str) and pattern not in ("", ".*"):
            yield what, pattern, bool(settings.get(f"{what}_regex_invert"))


def _priority(sender: LiveNode, patterns: tuple[tuple[str, str, bool], ...]) -> float:
    chosen = _settings(sender).get("priority")
    if isinstance(chosen, int | float) and chosen:
        return chosen
    restricted = bool(_restriction(sender, "group")), bool(_restriction(sender, "color"))
    return (
        10
        + 10 * (sender.type in (_SEED, _PROMPTS))
        + 20 * bool(patterns)
        + 3 * restricted[0]
        + 6 * restricted[1]
    )


def _restriction(sender: LiveNode, what: str) -> int:
    """0: none, 1: only nodes of my group or colour, 2: only the others."""
    value = _settings(sender).get(
        f"{what}_restricted", sender.saved.properties.get(f"{what}_restricted")
    )
    return int(value) if isinstance(value, int) else 0


def _only(graph: LiveGraph, sender: LiveNode) -> frozenset[str] | None:
    """The nodes a broadcast is restricted to, or None for all."""
    everyone = set(graph.nodes)
    allowed = everyone
    for what in ("group", "color"):
        match _restriction(sender, what):
            case 1:
                allowed = allowed & _like(graph, sender, what)
            case 2:
                allowed = allowed - _like(graph, sender, what)
    pattern = _settings(sender).get("group_regex")
    if isinstance(pattern, str) and pattern not in ("", ".*"):
        inverted = bool(_settings(sender).get("group_regex_invert"))
        allowed = allowed & _within(
            graph, [one for one in graph.groups if _matches(pattern, one.title) != inverted]
        )
    return None if allowed is everyone else frozenset(allowed)


def _like(graph: LiveGraph, sender: LiveNode, what: str) -> set[str]:
    """The nodes that share a group, or the colour, with a sender."""
    if what == "color":
        return {node.id for node in graph.nodes.values() if node.saved.color == sender.saved.color}
    return _within(graph, [group for group in graph.groups if group.holds(sender.saved)])


def _within(graph: LiveGraph, groups: list[Frame]) -> set[str]:
    return {
        node.id for node in graph.nodes.values() if any(group.holds(node.saved) for group in groups)
    }


def _matches(pattern: str, subject: str) -> bool:
    """`re.search` for patterns nobody vouches for: those that could run away match nothing."""
    repeats = len(re.findall(r"[*+{]", pattern))
    if len(pattern) > _LONGEST_PATTERN or repeats > _MOST_REPEATS or re.search(r"\)[*+{]", pattern):
        return False
    try:
        return re.search(pattern, subject[:_LONGEST_SUBJECT]) is not None
    except (re.error, OverflowError, RecursionError):
        return False
