"""The "Anything Everywhere" nodes of cg-use-everywhere: one output feeds every open input of its
type, without links.

The editor extension adds the missing links just before it creates the prompt. The criteria are the
type, the title and input patterns, color and group restrictions, and priority. Two equally good
broadcasts cancel each other out. Over time, the pack has stored its settings in three places. See
docs/comfyui.md#45.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from comfy.base.errors import WorkflowError
from comfy.graph.live import LiveGraph, LiveInput, LiveNode
from comfy.graph.schema import ALWAYS, INPUT_NODE, Frame, GraphLink, SavedGraph

_SEED, _PROMPTS = "Seed Everywhere", "Prompts Everywhere"
EVERYWHERE = frozenset(
    {"Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3", _SEED, _PROMPTS}
)
_PROMPT_INPUTS = (r"(_|\b)pos(itive|_|\b)", r"(_|\b)neg(ative|_|\b)")

_MOST_SENDERS = 200

# Maximum of pairs of a sender and an input of its type, weighted by `cost`, and of pairs of senders
# and groups.
_MOST_CHECKS = 300_000
_MOST_IN_GROUPS = 2_000_000  # maximum of checks whether a node is in a group

# Patterns come from untrusted files. RE2 runs in time linear to the text's length, with at most
# this much memory per pattern.
_LONGEST_PATTERN, _LONGEST_SUBJECT, _PATTERN_BYTES = 200, 100, 64 * 1024
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A pattern for node titles ("title"), inputs ("input") or groups ("group"). It has no
    `compiled` if RE2 doesn't support it (such as look-around), and then matches nothing."""

    what: str
    compiled: Any
    inverted: bool

    @classmethod
    def of(cls, what: str, pattern: str, *, inverted: bool = False) -> _Pattern:
        """Compile a pattern from a file."""
        options = re2.Options()
        options.max_mem, options.log_errors = _PATTERN_BYTES, False
        try:
            compiled = re2.compile(pattern[: _LONGEST_PATTERN + 1], options)
        except (re2.error, UnicodeEncodeError):  # UnicodeEncodeError: half a surrogate pair
            compiled = None
        return cls(what, compiled if len(pattern) <= _LONGEST_PATTERN else None, inverted)

    @property
    def cost(self) -> int:
        """Return the cost of a search, as a number of plain checks."""
        return 0 if self.compiled is None else int(self.compiled.programsize) // 4

    def fits(self, subject: str) -> bool:
        """Search the start of the text like the editor does."""
        text = subject[:_LONGEST_SUBJECT].encode("utf-8", "replace").decode()
        return (self.compiled is not None and bool(self.compiled.search(text))) != self.inverted


@dataclass(frozen=True, slots=True)
class _Broadcast:
    """An output that is broadcast, and the restrictions on its receivers."""

    origin: str
    slot: int
    type: str
    controller: LiveNode
    patterns: tuple[_Pattern, ...]
    only: frozenset[str] | None
    exact: str | None
    priority: float

    @property
    def cost(self) -> int:
        """Return the cost of `reaches`, as a number of plain checks."""
        return 1 + sum(one.cost for one in self.patterns)

    def reaches(self, node: LiveNode, slot: LiveInput) -> bool:
        """Return whether an input of a matching type receives the broadcast."""
        if node.id == self.origin or (self.only is not None and node.id not in self.only):
            return False
        name = slot.label or slot.name
        if self.exact is not None and name != self.exact:
            return False
        subjects = {"title": node.title, "input": name}
        return all(one.fits(subjects[one.what]) for one in self.patterns)


class _Offers:
    """One graph's broadcasts, by the type of the inputs that may receive them."""

    def __init__(self, offers: Iterable[_Broadcast]) -> None:
        self._by_type: dict[str, list[_Broadcast]] = {}
        self._costs: Counter[str] = Counter()
        for offer in offers:
            settings = _settings(offer.controller)
            types = {offer.type}
            if settings.get("send_to_any"):
                types.add("*")
            if settings.get("string_to_combo") and offer.type == "STRING":
                types.add("COMBO")
            for kind in types:
                self._by_type.setdefault(kind, []).append(offer)
                self._costs[kind] += offer.cost
        self._left = _MOST_CHECKS

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def best(self, node: LiveNode, slot: LiveInput) -> _Broadcast | None:
        """Return the broadcast that an input receives, if any. Raises WorkflowError after too many
        checks."""
        self._left -= self._costs[slot.type]
        if self._left < 0:
            raise _too_large()
        offers = self._by_type.get(slot.type, ())
        return _best([offer for offer in offers if offer.reaches(node, slot)])


def _too_large() -> WorkflowError:
    return WorkflowError(
        "This workflow is too large for its “Anything Everywhere” nodes.",
        "Connect some inputs directly, or split the workflow.",
    )


def broadcast(graph: LiveGraph, document: SavedGraph) -> None:
    """Add the links that a graph's broadcasting nodes imply."""
    senders = [
        node
        for node in graph.nodes.values()
        if node.type in EVERYWHERE and node.saved.mode == ALWAYS
    ]
    if len(senders) > _MOST_SENDERS:
        raise WorkflowError(
            f"This workflow has more than {_MOST_SENDERS} “Anything Everywhere” nodes."
        )
    _check_groups(graph, senders)
    offers = _Offers(offer for sender in senders for offer in _offers(graph, sender))
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
                best = offers.best(node, slot)
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
    settings = node.saved.properties.get("ue_properties")
    return settings if isinstance(settings, dict) else {}


def _saved_before_sockets(document: SavedGraph) -> bool:
    """Return whether the file is older than frontend 1.16. There only widgets converted to inputs
    had a socket, so a socket meant that the input accepts broadcasts (docs/comfyui.md#45)."""
    version = _VERSION.match(str(document.extra.get("frontendVersion", ""))[:40])
    return version is None or (int(version[1]), int(version[2])) < (1, 16)


def _open(node: LiveNode, slot: LiveInput, *, before_sockets: bool) -> bool:
    """Return whether an input accepts broadcasts. Sockets do by default, widgets only if set."""
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
        chosen = [one for one in patterns if one.what == "input"] or [_Pattern.of("input", "seed")]
        yield _Broadcast(sender.id, 0, "INT", sender, tuple(chosen), only, None, priority)
        return
    fed = [
        (index, slot, link, _kind(graph, link))
        for index, slot in enumerate(sender.inputs)
        if (link := _link(graph, slot))
    ]
    times = Counter(kind for *_, kind in fed)
    for index, slot, link, kind in fed:
        here, exact = patterns, None
        if sender.type == _PROMPTS and index < len(_PROMPT_INPUTS):
            here = (*patterns, _Pattern.of("input", _PROMPT_INPUTS[index]))
        elif times[kind] > 1:
            exact = slot.label or slot.name
        bonus = 20 if times[kind] > 1 and not patterns else 0
        yield _Broadcast(
            link.origin, link.origin_slot, kind, sender, here, only, exact, priority + bonus
        )


def _link(graph: LiveGraph, slot: LiveInput) -> GraphLink | None:
    return graph.links.get(slot.link) if slot.link is not None else None


def _kind(graph: LiveGraph, link: GraphLink) -> str:
    """Return a link's type. Files write "*" even if the source has a more specific type."""
    origin = graph.nodes.get(link.origin)
    output = origin.output(link.origin_slot) if origin else None
    if link.origin == INPUT_NODE and link.origin_slot < len(graph.inputs):
        return graph.inputs[link.origin_slot].type
    return output.type if output and output.type != "*" else link.type


def _patterns(sender: LiveNode) -> Iterator[_Pattern]:
    """Yield title and input patterns. Since version 7 they are properties, before that they were
    the widgets of `Everywhere?`."""
    settings, values = _settings(sender), sender.saved.widgets_values
    old = values if isinstance(values, tuple) and sender.type == "Anything Everywhere?" else ()
    for index, what in enumerate(("title", "input")):
        pattern = settings.get(f"{what}_regex") or (old[index] if index < len(old) else None)
        if isinstance(pattern, str) and pattern not in ("", ".*"):
            inverted = bool(settings.get(f"{what}_regex_invert"))
            yield _Pattern.of(what, pattern, inverted=inverted)


def _priority(sender: LiveNode, patterns: tuple[_Pattern, ...]) -> float:
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
    """Return a restriction: 0 for none, 1 for nodes with the sender's group or color, 2 for all
    other nodes."""
    value = _settings(sender).get(
        f"{what}_restricted", sender.saved.properties.get(f"{what}_restricted")
    )
    return int(value) if isinstance(value, int) else 0


def _only(graph: LiveGraph, sender: LiveNode) -> frozenset[str] | None:
    """Return the nodes that a broadcast is restricted to, or None for all."""
    everyone = set(graph.nodes)
    allowed = everyone
    for what in ("group", "color"):
        match _restriction(sender, what):
            case 1:
                allowed = allowed & _like(graph, sender, what)
            case 2:
                allowed = allowed - _like(graph, sender, what)
    if (pattern := _group_pattern(sender)) is not None:
        allowed = allowed & _within(graph, [one for one in graph.groups if pattern.fits(one.title)])
    return None if allowed is everyone else frozenset(allowed)


def _check_groups(graph: LiveGraph, senders: list[LiveNode]) -> None:
    """Raise WorkflowError if searching the groups would take too long."""
    patterns = [_group_pattern(sender) for sender in senders]
    asking = sum(
        pattern is not None or _restriction(sender, "group") != 0
        for sender, pattern in zip(senders, patterns, strict=True)
    )
    checks = sum(1 + one.cost for one in patterns if one) * len(graph.groups)
    if asking * len(graph.nodes) * len(graph.groups) > _MOST_IN_GROUPS or checks > _MOST_CHECKS:
        raise _too_large()


def _group_pattern(sender: LiveNode) -> _Pattern | None:
    settings = _settings(sender)
    pattern = settings.get("group_regex")
    if not isinstance(pattern, str) or pattern in ("", ".*"):
        return None
    return _Pattern.of("group", pattern, inverted=bool(settings.get("group_regex_invert")))


def _like(graph: LiveGraph, sender: LiveNode, what: str) -> set[str]:
    """Return the nodes in the sender's groups, or with its color."""
    if what == "color":
        return {node.id for node in graph.nodes.values() if node.saved.color == sender.saved.color}
    return _within(graph, [group for group in graph.groups if group.holds(sender.saved)])


def _within(graph: LiveGraph, groups: list[Frame]) -> set[str]:
    return {
        node.id for node in graph.nodes.values() if any(group.holds(node.saved) for group in groups)
    }
