"""Names in file prefixes: `%KSampler.seed%` and `%date:yyyy-MM-dd%` become what they stand for.

In ComfyUI this is the editor's work (extension Comfy.SaveImageExtraOutput: `applyTextReplacements`, `formatDate`).
`%width%`, `%year%` and their kind, which have neither a dot nor `date:`, are left to the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from comfy.workflow import Prompt

FILE_PREFIX = "filename_prefix"
ALIAS = "Node name for S&R"

MAX_NODES = 10_000
# Without these a few names for a long text would make texts of gigabytes.
MAX_NAMES = 32  # in one text
MAX_NAME = 255  # characters of a value; no file name is longer

_NAME = re.compile(r"%([^%]+)%")
_DATE_PART = re.compile(r"dd?|MM?|hh?|mm?|ss?|yyy?y?")
# What no file name may hold. A slash in a value would otherwise choose a folder.
_FORBIDDEN = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')

# Without padding: how many letters the pattern has is how many digits there are at least.
DATE_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "d": lambda now: now.day,
    "M": lambda now: now.month,
    "h": lambda now: now.hour,
    "m": lambda now: now.minute,
    "s": lambda now: now.second,
}


@dataclass(frozen=True)
class NamedNode:
    """A node as prefixes speak of it. `alias` is its property "Node name for S&R", by default its class type."""

    alias: str
    title: str
    values: Mapping[str, object]


def substitute(prefix: str, nodes: Iterable[NamedNode], now: datetime) -> str:
    """A file prefix with names replaced; those that lead nowhere stay, as the editor leaves them.

    `%Node.widget%` looks for the first node of that alias, then of that title. Characters that file names cannot hold
    become `_` in values, which are cut to the length of a file name; names beyond the first 32 stay.
    """
    return _substitute(prefix, _by_name(nodes), now)


def substitute_prompt(
    prompt: Prompt, now: datetime, aliases: Mapping[str, str] | None = None
) -> tuple[Prompt, dict[str, str]]:
    """A new prompt with all its file prefixes substituted, and what became of each: field key → text sent.

    `aliases` (node id → alias, from `aliases_of`) is for prompts that came from a graph. The values are this prompt's:
    a caller that resolves wildcards first gets the text sent, where the editor would give the text typed.
    """
    nodes = _by_name(named_nodes(prompt, aliases or {}))
    changed: dict[str, str] = {}
    substituted: Prompt = {}
    for node_id, node in prompt.items():
        inputs = dict(node["inputs"])
        prefix = inputs.get(FILE_PREFIX)
        if isinstance(prefix, str) and (text := _substitute(prefix, nodes, now)) != prefix:
            inputs[FILE_PREFIX] = changed[f"{node_id}.{FILE_PREFIX}"] = text
        substituted[node_id] = node | {"inputs": inputs}
    return substituted, changed


def named_nodes(prompt: Prompt, aliases: Mapping[str, str]) -> tuple[NamedNode, ...]:
    """The nodes of a prompt under the names that prefixes use; linked inputs and lists have no value to write."""
    return tuple(
        NamedNode(
            aliases.get(node_id, node["class_type"]),
            _title(node),
            {name: value for name, value in node["inputs"].items() if not isinstance(value, list | dict)},
        )
        for node_id, node in prompt.items()
    )


def aliases_of(graph: Mapping[str, Any]) -> dict[str, str]:
    """The property "Node name for S&R" of every node of an editor graph, by the node's id in the prompt (`70:39`)."""
    definitions = graph.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    inside = {sub.get("id"): sub for sub in subgraphs if isinstance(sub, dict)} if isinstance(subgraphs, list) else {}
    aliases: dict[str, str] = {}
    todo: list[tuple[str, object, int]] = [("", graph, 0)]
    seen = 0
    while todo and seen < MAX_NODES:
        prefix, holder, depth = todo.pop()
        nodes = holder.get("nodes") if isinstance(holder, dict) else None
        for node in nodes if isinstance(nodes, list) else ():
            if not isinstance(node, dict):
                continue
            seen += 1
            node_id, properties = f"{prefix}{node.get('id')}", node.get("properties")
            if isinstance(properties, dict) and isinstance(alias := properties.get(ALIAS), str):
                aliases[node_id] = alias
            if isinstance(kind := node.get("type"), str) and kind in inside and depth < 16:
                todo.append((f"{node_id}:", inside[kind], depth + 1))
    return aliases


def format_date(pattern: str, now: datetime) -> str:
    """A date by the editor's pattern: d M h m s, doubled for two digits; yy and yyyy. Everything else stays."""
    return _DATE_PART.sub(lambda found: _date_part(found[0], now), pattern)


def _date_part(letters: str, now: datetime) -> str:
    match letters:
        case "yyyy":
            return str(now.year)
        case "yy":
            return str(now.year)[2:]
        case "yyy":
            return letters
        case _:
            return str(DATE_PARTS[letters[0]](now)).zfill(len(letters))


def _by_name(nodes: Iterable[NamedNode]) -> dict[str, NamedNode]:
    """The node that each name stands for: the first of that alias, else the first of that title."""
    aliases: dict[str, NamedNode] = {}
    titles: dict[str, NamedNode] = {}
    for node in nodes:
        aliases.setdefault(node.alias, node)
        titles.setdefault(node.title, node)
    return titles | aliases


def _substitute(prefix: str, nodes: Mapping[str, NamedNode], now: datetime) -> str:
    return _NAME.sub(lambda found: _replacement(found, nodes, now), prefix, MAX_NAMES)


def _replacement(found: re.Match[str], nodes: Mapping[str, NamedNode], now: datetime) -> str:
    name, *rest = found[1].split(".")
    if len(rest) != 1:
        # The editor also cuts a date at its first dot when it has two or more.
        return format_date(name.removeprefix("date:"), now) if name.startswith("date:") else found[0]
    if name not in nodes or rest[0] not in nodes[name].values:
        return found[0]
    return _FORBIDDEN.sub("_", _as_text(nodes[name].values[rest[0]])[:MAX_NAME])


def _as_text(value: object) -> str:
    """A value as JavaScript writes it into a string."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case _:
            return str(value)


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) else ""
