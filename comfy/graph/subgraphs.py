"""Subgraph nodes: their inputs, their promoted widgets, and older formats for these.

A widget is promoted if an input of the subgraph leads to its socket. The value then belongs to each
subgraph node (the *host*) and overrides the inner one. Older files list promotions in
`properties.proxyWidgets`. The editor converts each entry to an input when it opens the file, and so
does `migrate_proxies`. See docs/comfyui.md#37.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.base.json_values import NotJson, TooDeep, as_list, read_json
from comfy.graph.live import PRIMITIVE, LiveGraph, LiveInput, LiveNode, LivePort
from comfy.graph.schema import INPUT_NODE, Graph, GraphLink, GraphNode, SavedGraph
from comfy.graph.widgets import NodeWidget
from comfy.prompt.model import sources_first

_LEGACY_PREFIX = re.compile(r"\A\s*(\d+)\s*:\s*(.+)", re.DOTALL)
_DEEPEST_PREFIX = 20
_BYPASSED_TO = "proxyBypassedToSubgraphInput"


# Ids


def unique_ids(document: SavedGraph) -> SavedGraph:
    """Give subgraphs' nodes new ids if another node has the same id. The editor does this first,
    too."""
    used = {node_id for node_id in document.root.nodes if node_id.isdecimal()}
    last = document.last_node_id
    renamed: dict[str, dict[str, str]] = {}
    for graph in document.subgraphs.values():
        mine: dict[str, str] = {}
        for node_id in graph.nodes:
            if node_id in used:
                last += 1
                while str(last) in used:
                    last += 1
                mine[node_id] = str(last)
                used.add(str(last))
            else:
                used.add(node_id)
                last = (
                    max(last, int(node_id)) if node_id.isdecimal() and len(node_id) < 10 else last
                )
        if mine:
            renamed[graph.id] = mine
    if not renamed:
        return document
    return replace(
        document,
        root=_point_proxies(document.root, renamed),
        subgraphs={
            key: _point_proxies(_rename(graph, renamed.get(key, {})), renamed)
            for key, graph in document.subgraphs.items()
        },
        last_node_id=last,
    )


def _rename(graph: Graph, names: Mapping[str, str]) -> Graph:
    if not names:
        return graph
    nodes = [replace(node, id=names.get(node.id, node.id)) for node in graph.nodes.values()]
    links = {
        link.id: replace(
            link,
            origin=names.get(link.origin, link.origin),
            target=names.get(link.target, link.target),
        )
        for link in graph.links.values()
    }
    return replace(graph, nodes={node.id: node for node in nodes}, links=links)


def _point_proxies(graph: Graph, renamed: Mapping[str, Mapping[str, str]]) -> Graph:
    nodes = {}
    for node in graph.nodes.values():
        names, entries = renamed.get(node.type), node.properties.get("proxyWidgets")
        if names and isinstance(entries, list):
            moved = [
                [names.get(str(entry[0]), entry[0]), *entry[1:]]
                if isinstance(entry, list) and entry
                else entry
                for entry in entries
            ]
            node = replace(node, properties={**node.properties, "proxyWidgets": moved})
        nodes[node.id] = node
    return replace(graph, nodes=nodes)


def leaf_first(subgraphs: Mapping[str, Graph]) -> list[Graph]:
    """Return definitions with used subgraphs before their users, or in saved order if they form a
    cycle."""
    users: dict[str, dict[str, None]] = {key: {} for key in subgraphs}
    needs = dict.fromkeys(subgraphs, 0)
    for key, graph in subgraphs.items():
        for node in graph.nodes.values():
            if node.type in users and key not in users[node.type]:
                users[node.type][key] = None
                needs[key] += 1
    ready, ring = sources_first(users, needs)
    return [subgraphs[key] for key in (subgraphs if ring else ready)]


# Inputs and promoted widgets of a host


def host_inputs(node: GraphNode, inner: LiveGraph) -> list[LiveInput]:
    """Return a subgraph node's inputs: one for each of the subgraph's inputs, with links by name,
    and promoted values."""
    saved = {slot.name: slot for slot in node.inputs}
    inputs = [LiveInput(port.name, port.type, label=port.label, port=port) for port in inner.inputs]
    for slot in inputs:
        if slot.name in saved:
            slot.link, slot.label = saved[slot.name].link, saved[slot.name].label or slot.label
        slot.held = _promoted(inner, slot)
    held = [slot for slot in inputs if slot.held]
    values = {**_host_values(node, held), **_rescued(node)}
    for slot in held:
        if slot.held is not None and slot.name in values:
            slot.held.value = values[slot.name]
    return inputs


def _host_values(node: GraphNode, held: list[LiveInput]) -> Mapping[str, Any]:
    """Return a subgraph node's values by name. The editor reads them by position, which is wrong if
    the server lacks a class inside, since its inputs have no widgets."""
    values = node.widgets_values if isinstance(node.widgets_values, tuple) else ()
    names = [slot.name for slot in held]
    if len(values) != len(names) and set(names) <= node.named_values.keys():
        return node.named_values
    return dict(zip(names, values, strict=False))


def _promoted(inner: LiveGraph, slot: LiveInput) -> NodeWidget | None:
    """Return a widget for the host, a copy of the first inner widget that this input leads to, or
    None."""
    if slot.port is None:
        return None
    for node, target in inner.users(slot.port):
        widget = node.widget_at(target)
        if widget is not None:
            return NodeWidget(slot.port.name, widget.value, widget.spec)
    return None


def _rescued(node: GraphNode) -> dict[str, Any]:
    """Return host values that an earlier migration couldn't place and saved under the name of the
    input."""
    values: dict[str, Any] = {}
    for entry in _listed(node, "proxyWidgetErrorQuarantine"):
        origin = entry.get("originalEntry") if isinstance(entry, dict) else None
        if (
            isinstance(origin, list)
            and len(origin) > 1
            and origin[0] == "-1"
            and entry.get("hostValue") is not None
        ):
            values.setdefault(str(origin[1]), entry["hostValue"])
    return values


def _listed(node: GraphNode, name: str) -> list[Any]:
    """Return a property that is a list, or a list as JSON text."""
    value = node.properties.get(name)
    if isinstance(value, str):
        try:
            value = read_json(value)
        except (NotJson, TooDeep):
            return []
    return as_list(value)


# proxyWidgets


@dataclass(frozen=True, slots=True)
class _Proxy:
    """An entry of `proxyWidgets`: an inner widget, and the host's value for it (None: not
    saved)."""

    node: str
    widget: str
    within: str | None
    value: Any


def migrate_proxies(host: LiveNode, next_link: int) -> int:
    """Convert a host's `proxyWidgets` to subgraph inputs with the host's values. Return the next
    free link id."""
    inner = host.inner
    entries = _listed(host.saved, "proxyWidgets")
    if inner is None or not entries:
        return next_link
    primitives: dict[str, list[_Proxy]] = {}
    proxies = list(_read_proxies(host, inner, entries))
    times = Counter(proxy.node for proxy in proxies)
    inputs: dict[object, LiveInput | None] = {
        _source(inner, slot.port): slot for slot in reversed(host.inputs) if slot.port
    }
    for proxy in proxies:
        slot = inputs.get((proxy.node, proxy.widget))
        source = inner.nodes.get(proxy.node)
        if slot is None and source is not None and source.type == PRIMITIVE:
            slot = next(
                (s for s in host.inputs if s.name == source.saved.properties.get(_BYPASSED_TO)),
                None,
            )
            if slot is None and (
                times[proxy.node] > 1 or (source.outputs and source.outputs[0].links)
            ):
                primitives.setdefault(proxy.node, []).append(proxy)
                continue
        if slot is None and source is not None:
            slot, next_link = _promote(host, inner, source, proxy, next_link)
            inputs[proxy.node, proxy.widget] = slot
        if slot is None and proxy.node == "-1":
            slot = next((s for s in host.inputs if s.name == proxy.widget), None)
        _hold(slot, proxy)
    for node_id, group in primitives.items():
        next_link = _promote_primitive(host, inner, inner.nodes[node_id], group, next_link)
    return next_link


def _read_proxies(host: LiveNode, inner: LiveGraph, entries: list[Any]) -> Iterator[_Proxy]:
    """Yield the entries in their positions. `"12: text"` is an old notation for widget `text` of
    the nested node 12."""
    if not all(
        isinstance(entry, list) and 2 <= len(entry) <= 3 and all(map(_is_str, entry))
        for entry in entries
    ):
        return
    saved = host.saved.widgets_values
    values = saved if isinstance(saved, tuple) else ()
    for index, entry in enumerate(entries):
        node, name, within = (*entry, None)[:3]
        if not _resolves(inner, node, name):
            for _ in range(_DEEPEST_PREFIX):
                if match := _LEGACY_PREFIX.fullmatch(name):
                    within, name = match.groups()
        yield _Proxy(node, name, within, values[index] if index < len(values) else None)


def _is_str(value: object) -> bool:
    return isinstance(value, str)


def _resolves(inner: LiveGraph, node_id: str, name: str) -> bool:
    """Return whether an inner node (or a node of an inner subgraph) has a widget with exactly this
    name."""
    for _ in range(100):
        node = inner.nodes.get(node_id)
        if node is None:
            return False
        if node.inner is None:
            return node.widget(name) is not None
        origin = promoted_from(node, name)
        if origin is None:
            return False
        inner, (node_id, name) = node.inner, origin
    return False


def promoted_from(host: LiveNode, name: str) -> tuple[str, str] | None:
    """Return the first inner node and widget that the host's input of this name leads to, or
    None."""
    port = (
        next((port for port in host.inner.inputs if port.name == name), None)
        if host.inner
        else None
    )
    return _source(host.inner, port) if host.inner and port else None


def _source(inner: LiveGraph, port: LivePort) -> tuple[str, str] | None:
    for node, slot in inner.users(port):
        if node.inner is not None:
            return node.id, slot.name
        widget = node.widget_at(slot)
        if widget is not None:
            return node.id, widget.name
    return None


def _hold(slot: LiveInput | None, proxy: _Proxy) -> None:
    if slot is not None and slot.held is not None and proxy.value is not None:
        slot.held.value = proxy.value


def _promote(
    host: LiveNode, inner: LiveGraph, source: LiveNode, proxy: _Proxy, next_link: int
) -> tuple[LiveInput | None, int]:
    """Add a subgraph input for an inner widget that isn't promoted. Widgets without a socket can't
    be promoted."""
    slot = _socket_of(source, proxy)
    if slot is None or proxy.widget.startswith("$$"):
        return None, next_link
    port, own = _add_port(inner, proxy.widget, slot.type, slot.label)
    _lead(inner, port, own.values(), (source, slot), next_link)
    return own.get(host), next_link + 1


def _socket_of(source: LiveNode, proxy: _Proxy) -> LiveInput | None:
    if source.inner is None:
        return next(
            (s for s in source.inputs if s.widget == proxy.widget and source.widget(s.widget)), None
        )
    for slot in source.inputs:
        target = promoted_from(source, slot.name)
        exact = proxy.within is not None and target == (proxy.within, proxy.widget)
        loose = proxy.within is None and (
            slot.name == proxy.widget or (target and target[1] == proxy.widget)
        )
        if slot.held is not None and (exact or loose):
            return slot
    return None


def _add_port(
    inner: LiveGraph, name: str, kind: str, label: str
) -> tuple[LivePort, dict[LiveNode, LiveInput]]:
    """Add an input to a subgraph. Return it and the new socket of each host."""
    names = {port.name for port in inner.inputs}
    unique, number = name, 1
    while unique in names:
        unique, number = f"{name}_{number}", number + 1
    port = LivePort(unique, kind, label, [])
    inner.inputs.append(port)
    own = {host: LiveInput(unique, kind, label=label, port=port) for host in inner.hosts}
    for host, slot in own.items():
        host.inputs.append(slot)
    return port, own


def _lead(
    inner: LiveGraph,
    port: LivePort,
    own: Iterable[LiveInput],
    target: tuple[LiveNode, LiveInput],
    link_id: int,
) -> None:
    """Connect a port to an inner socket. The hosts' sockets get copies of the inner widget."""
    node, slot = target
    old = inner.links.get(slot.link) if slot.link is not None else None
    if old is not None and old.origin == INPUT_NODE and 0 <= old.origin_slot < len(inner.inputs):
        left = inner.inputs[old.origin_slot]
        left.links = [link for link in left.links if link != old.id]
    port.links.append(link_id)
    inner.connect(
        GraphLink(
            link_id, INPUT_NODE, len(inner.inputs) - 1, node.id, node.inputs.index(slot), slot.type
        ),
        slot,
    )
    for outside in own:
        if outside.held is None:
            outside.held = _promoted(inner, outside)


def _promote_primitive(
    host: LiveNode, inner: LiveGraph, primitive: LiveNode, group: list[_Proxy], next_link: int
) -> int:
    """Replace a primitive whose value is promoted with a subgraph input that feeds the same
    widgets."""
    output = primitive.output(0)
    if output is None or len({proxy.widget for proxy in group}) > 1:
        return next_link
    targets = [
        (node, slot) for link in _links(inner, output.links) for node, slot in _end(inner, link)
    ]
    if not targets or any(
        slot.type != output.type and "*" not in (slot.type, output.type) for _, slot in targets
    ):
        return next_link
    port, own = _add_port(inner, primitive.saved.title or group[0].widget, output.type, "")
    for target in targets:
        _lead(inner, port, own.values(), target, next_link)
        next_link += 1
    primitive.outputs[0] = replace(output, links=())
    _hold(own.get(host), next((proxy for proxy in group if proxy.value is not None), group[0]))
    return next_link


def _end(graph: LiveGraph, link: GraphLink) -> Iterator[tuple[LiveNode, LiveInput]]:
    node = graph.nodes.get(link.target)
    slot = node.linked(link.id) if node else None
    if node and slot:
        yield node, slot


def _links(graph: LiveGraph, ids: Iterable[int]) -> Iterator[GraphLink]:
    return (graph.links[link_id] for link_id in ids if link_id in graph.links)
