"""The links that cg-use-everywhere implies: one output feeds every open input of its type.

The editor extension adds the missing links just before it creates the prompt. The criteria are the
type, the title and input patterns, color and group restrictions, and priority. Two equally good
broadcasts cancel each other out. See docs/comfyui.md#45.

Broadcasts of cg-use-everywhere: what its nodes send, and the settings that restrict the
receivers.

A node of the pack broadcasts the outputs that are linked to its inputs. Any other node whose
property `ue_convert` is set broadcasts its outputs. Before version 7, the settings were in the
node's properties and widgets, and the pack still reads these. It can't read nodes from before the
editor's version 1.16, which work here as they did then. See docs/comfyui.md#45.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import re2

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_mapping
from comfy.comfyui.input_spec import compatible
from comfy.graph.live import LiveGraph, LiveInput, LiveNode
from comfy.graph.packs import rule_of
from comfy.graph.schema import (
    INPUT_NODE,
    OUTPUT_NODE,
    Frame,
    GraphLink,
    InputSlot,
    Port,
    SavedGraph,
)

_SEED, _PROMPTS = "Seed Everywhere", "Prompts Everywhere"
EVERYWHERE = frozenset(
    {"Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3", _SEED, _PROMPTS}
)
_PATTERNS = ("title", "input", "group")
_PROMPT_INPUTS = (r"(_|\b)pos(itive|_|\b)", r"(_|\b)neg(ative|_|\b)")
# Patterns come from untrusted files. RE2 runs in time linear to the text's length, with at most
# this much memory per pattern.
_LONGEST_PATTERN, _LONGEST_SUBJECT, _PATTERN_BYTES = 200, 100, 64 * 1024
_MOST_SENDERS = 200
_MOST_NAMES = 200  # maximum of outputs whose name is a pattern
# Maximum of pairs of a sender and an input of its type, weighted by `cost`, and of pairs of senders
# and groups.
_MOST_CHECKS = 300_000
_MOST_IN_GROUPS = 2_000_000  # maximum of checks whether a node is in a group
_OUTPUT_TITLE = "subgraph output node"


class _Rule(IntEnum):
    """Rule that a receiver must match if a node broadcasts several outputs of one type."""

    EXACT = 0
    START = 1
    END = 2
    TITLE = 3
    PATTERN = 4


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
class _Name:
    """A broadcast's own name, which its receivers must match by a rule."""

    text: str
    rule: int
    pattern: _Pattern | None

    @classmethod
    def of(cls, text: str, rule: object) -> _Name:
        """Read the rule from a file. Unknown rules match everything."""
        number = rule if isinstance(rule, int) else 0
        pattern = _Pattern.of("input", text) if number == _Rule.PATTERN else None
        return cls(text, number, pattern)

    def fits(self, node_title: str, input_name: str) -> bool:
        match self.rule:
            case _Rule.EXACT:
                return input_name == self.text
            case _Rule.START:
                shorter = min(len(input_name), len(self.text))
                return input_name[:shorter] == self.text[:shorter]
            case _Rule.END:
                shorter = min(len(input_name), len(self.text))
                return not shorter or input_name[-shorter:] == self.text[-shorter:]
            case _Rule.TITLE:
                return node_title == self.text
        return self.pattern is None or self.pattern.fits(input_name)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """An output that is broadcast, and the restrictions on its receivers."""

    origin: str
    slot: int
    type: str
    patterns: tuple[_Pattern, ...]
    only: frozenset[str] | None
    name: _Name | None
    priority: float
    to_any: bool

    @property
    def cost(self) -> int:
        """Return the cost of `reaches`, as a number of plain checks."""
        named = self.name.pattern if self.name else None
        return 1 + sum([one.cost for one in self.patterns]) + (named.cost if named else 0)

    def reaches(self, node_id: str, title: str, slot: LiveInput | Port, shown: str = "") -> bool:
        """Return whether an input of a matching type receives the broadcast.

        `shown`: the input's name if the server declares a display name.
        """
        if node_id == self.origin or (self.only is not None and node_id not in self.only):
            return False
        name = slot.label or slot.name
        if self.name is not None and not self.name.fits(title, name):
            return False
        subjects = {"title": title, "input": slot.label or shown or slot.name}
        return all(one.fits(subjects[one.what]) for one in self.patterns)


def sends(node: LiveNode) -> bool:
    """Return whether a node broadcasts something."""
    live = not (node.muted or node.bypassed)
    return live and (node.type in EVERYWHERE or bool(node.saved.properties.get("ue_convert")))


def _broadcast_settings(node: LiveNode) -> Mapping[str, Any]:
    """Return a node's settings as the pack completes them after loading."""
    properties = node.saved.properties
    own = as_mapping(properties.get("ue_properties"))
    if _is_current(own.get("version")):
        settings: Mapping[str, Any] = own
    elif node.type in EVERYWHERE:
        values = node.saved.widgets_values
        unread = _is_old(node) and node.type != "Anything Everywhere?"
        patterns = values if isinstance(values, tuple) and not unread else ()
        settings = {
            "group_restricted": properties.get("group_restricted"),
            "color_restricted": properties.get("color_restricted"),
            **{f"{what}_regex": value for what, value in zip(_PATTERNS, patterns, strict=False)},
            **(own if _is_old(node) else {}),
        }
    else:
        settings = {key: value for key, value in own.items() if key != "input_ue_unconnectable"}
    if node.type == _SEED:
        pattern = settings.get("input_regex") or "seed|seed"
        settings = {**settings, "seed_inputs": True, "input_regex": pattern}
    return settings


def _is_old(sender: LiveNode) -> bool:
    """Return whether a node of the pack is from before the editor's version 1.16. The pack removes
    all inputs of such a node, and takes a seed for a pattern."""
    properties = sender.saved.properties
    own = as_mapping(properties.get("ue_properties"))
    places = (own.get("widget_ue_connectable"), properties.get("widget_ue_connectable"))
    new = isinstance(own.get("version"), str) or any(isinstance(one, dict) for one in places)
    return sender.type in EVERYWHERE and not new


def _is_current(version: object) -> bool:
    """Return whether the pack takes a version for 7.0 or later: it only counts the parts."""
    return isinstance(version, str) and version.count(".") > 0


def broadcasts(graph: LiveGraph, sender: LiveNode, *, is_root: bool) -> Iterator[Broadcast]:
    settings = _broadcast_settings(sender)
    patterns = tuple(
        one for one in (_pattern(settings, what) for what in ("title", "input")) if one is not None
    )
    only = _only(graph, sender, settings, is_root=is_root)
    to_any = _is_positive(settings.get("send_to_any"))
    chosen = settings.get("priority")
    if settings.get("seed_inputs"):
        priority = _number(chosen) or _priority(sender, settings, repeated=False)
        yield Broadcast(sender.id, 0, "INT", patterns, only, None, priority, to_any)
        return
    offers = list(_offered(graph, sender, settings))
    prompts = _PROMPT_INPUTS if sender.type == _PROMPTS and _is_old(sender) else ()
    times = Counter(offer.type for offer in offers)
    repeated = any(count > 1 for count in times.values())
    priority = _number(chosen) or _priority(sender, settings, repeated=repeated)
    for offer in offers:
        if _dead(graph, offer.origin):
            continue
        name, own = None, patterns
        if offer.place < len(prompts):
            own = (*patterns, _Pattern.of("input", prompts[offer.place]))
        elif times[offer.type] > 1 or settings.get("apply_to_unrepeated"):
            name = _Name.of(offer.name, settings.get("repeated_type_rule"))
        yield Broadcast(offer.origin, offer.slot, offer.type, own, only, name, priority, to_any)


@dataclass(frozen=True, slots=True)
class _Offer:
    """An output that a node broadcasts, and its name for the rules of repeated types. `place` is
    the position of the node's own input or output."""

    place: int
    origin: str
    slot: int
    type: str
    name: str


def _offered(graph: LiveGraph, sender: LiveNode, settings: Mapping[str, Any]) -> Iterator[_Offer]:
    if sender.saved.properties.get("ue_convert"):
        silent = as_mapping(settings.get("output_not_broadcasting"))
        saved = sender.saved.outputs
        for index, output in enumerate(sender.outputs):
            if not silent.get(output.name):
                label = saved[index].label if index < len(saved) else ""
                kind = _clone_type(sender) or output.type
                yield _Offer(index, sender.id, index, kind, label or output.name)
        return
    old = _is_old(sender)
    labels = ("positive", "negative") if sender.type == _PROMPTS else ()
    # Old files have several inputs of one name.
    slots: Sequence[InputSlot | LiveInput] = sender.saved.inputs if old else sender.inputs
    for index, slot in enumerate(slots):
        link = graph.links.get(slot.link) if slot.link is not None else None
        if link is not None:
            kind = _output_type(graph, link) if old else link.type
            link = _before_bypassed(graph, link, kind)
            label = labels[index] if index < len(labels) else slot.label or slot.name
            yield _Offer(index, link.origin, link.origin_slot, kind if old else link.type, label)


def _output_type(graph: LiveGraph, link: GraphLink) -> str:
    """Return the type of a link's output. Old files write "*" for the link."""
    origin = graph.nodes.get(link.origin)
    output = origin.output(link.origin_slot) if origin else None
    if link.origin == INPUT_NODE and link.origin_slot < len(graph.inputs):
        return graph.inputs[link.origin_slot].type
    return output.type if output and output.type != "*" else link.type


def _clone_type(sender: LiveNode) -> str | None:
    """Return the type of a "Combo Clone", whose output becomes a list of choices once it was
    connected to one."""
    cloned = sender.type == "Combo Clone" and sender.saved.properties.get("comboclone")
    return "COMBO" if cloned else None


def _before_bypassed(graph: LiveGraph, link: GraphLink, kind: str) -> GraphLink:
    """Return the link that feeds a chain of bypassed nodes, or the given link if nothing does."""
    found, seen = link, {link.id}
    while found.origin != INPUT_NODE:
        node = graph.nodes.get(found.origin)
        if node is None or not node.bypassed:
            return found if node is not None else link
        same = [slot for slot in node.inputs if slot.type == kind]
        if found.origin_slot < len(node.inputs) and node.inputs[found.origin_slot] in same:
            same = [node.inputs[found.origin_slot]]
        number = same[0].link if same else None
        if number is None or number not in graph.links or number in seen:
            return link
        found = graph.links[number]
        seen.add(number)
    return found


def _dead(graph: LiveGraph, origin: str) -> bool:
    node = graph.nodes.get(origin)
    return origin != INPUT_NODE and (node is None or node.muted or node.bypassed)


def _pattern(settings: Mapping[str, Any], what: str) -> _Pattern | None:
    pattern = settings.get(f"{what}_regex")
    if not pattern or pattern == ".*" or not isinstance(pattern, str | int | float):
        return None
    inverted = bool(settings.get(f"{what}_regex_invert"))
    return _Pattern.of(what, str(pattern), inverted=inverted)


def _priority(sender: LiveNode, settings: Mapping[str, Any], *, repeated: bool) -> float:
    regexes = (settings.get(f"{what}_regex") for what in (*_PATTERNS, "prompt", "negative"))
    clean = sender.type in EVERYWHERE
    restricted = any(
        isinstance(one, str) and one and not (clean and one == ".*") for one in regexes
    )
    return (
        10
        + 10 * (sender.type == _PROMPTS)
        + 20 * (restricted or repeated)
        + 3 * _is_positive(settings.get("group_restricted"))
        + 6 * _is_positive(settings.get("color_restricted"))
    )


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _group_pattern(sender: LiveNode) -> _Pattern | None:
    """Return a sender's pattern for the titles of groups, or None."""
    return _pattern(_broadcast_settings(sender), "group")


def _is_grouped(sender: LiveNode) -> bool:
    """Return whether a broadcast depends on the sender's own groups."""
    return _broadcast_settings(sender).get("group_restricted") in (1, 2)


def _only(
    graph: LiveGraph, sender: LiveNode, settings: Mapping[str, Any], *, is_root: bool
) -> frozenset[str] | None:
    """Return the nodes that a broadcast is restricted to, or None for all."""
    everyone = set(graph.nodes)
    allowed = everyone
    for what in ("group", "color"):
        match settings.get(f"{what}_restricted"):
            case 1:
                allowed = allowed & _like(graph, sender, what)
            case 2:
                allowed = allowed - _like(graph, sender, what)
    pattern = _pattern(settings, "group")
    if pattern is not None:
        # The pack looks for the groups in the root graph only.
        groups = [one for one in graph.groups if pattern.fits(one.title)] if is_root else []
        allowed = allowed & _within(graph, groups)
    return None if allowed is everyone else frozenset(allowed)


def _like(graph: LiveGraph, sender: LiveNode, what: str) -> set[str]:
    """Return the nodes in the sender's groups, or with its color."""
    if what == "color":
        return {node.id for node in graph.nodes.values() if node.saved.color == sender.saved.color}
    return _within(graph, [group for group in graph.groups if group.holds(sender.saved)])


def _within(graph: LiveGraph, groups: list[Frame]) -> set[str]:
    return {
        node.id for node in graph.nodes.values() if any(group.holds(node.saved) for group in groups)
    }


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
        settings = _broadcast_settings(node)
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
    patterns = [_group_pattern(sender) for sender in senders]
    asking = sum(
        pattern is not None or _is_grouped(sender)
        for sender, pattern in zip(senders, patterns, strict=True)
    )
    checks = sum(1 + one.cost for one in patterns if one) * len(graph.groups)
    if asking * len(graph.nodes) * len(graph.groups) > _MOST_IN_GROUPS or checks > _MOST_CHECKS:
        raise _too_large()
