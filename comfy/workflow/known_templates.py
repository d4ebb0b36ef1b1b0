"""Recognize ComfyUI's own workflow templates by their graphs.

The table beside this file has their titles and descriptions, and digests of their graphs. A renamed
file is recognized, and another workflow with a template's name isn't. `tools/template_table.py`
makes the table from the templates' package.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from comfy.base.json_values import as_dicts, as_list, as_mapping, parse_json

TABLE = Path(__file__).with_name("known_templates.json.gz")
NOTES = frozenset({"MarkdownNote", "Note"})
_DIGITS = 12  # of a digest
_LONGEST = 80  # characters of a choice, such as a model


@dataclass(frozen=True, slots=True)
class KnownTemplate:
    """A template's file name without the extension, and its English texts."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Digests of a graph. `structure`: of its nodes and links, without notes, values and positions,
    which users change; `choices`: of its models and other one-word values."""

    structure: str
    choices: str


def shape_of(graph: Mapping[str, Any]) -> Shape:
    parts = [*_parts(graph)]
    nodes = [[one for one in as_dicts(part.get("nodes")) if not _is_note(one)] for part in parts]
    links = [sorted(_ends(part)) for part in parts]
    named = [sorted(f"{one.get('id')} {one.get('type')}" for one in part) for part in nodes]
    structure = sorted(map(str, zip(named, links, strict=True)))
    values = (one.get("widgets_values") for part in nodes for one in part)
    given = (value for each in values for value in (as_list(each) or as_mapping(each).values()))
    words = (value for value in given if isinstance(value, str) and len(value) < _LONGEST)
    return Shape(_digest(structure), _digest(sorted(one for one in words if len(one.split()) == 1)))


def template_of(graph: Mapping[str, Any], name: str) -> KnownTemplate | None:
    """Return the template that a graph is, None for other graphs. Some templates differ by a model
    only: the choices decide, or the file's `name`."""
    if not graph.get("nodes"):
        return None
    templates, shapes = _table()
    shape = shape_of(graph)
    same = shapes.get(shape.structure, {})
    named = [one for one in same.get("", ()) if templates[one].name == name]
    found = named or same.get(shape.choices) or same.get("", [])
    return templates[found[0]] if len(found) == 1 else None


@cache
def _table() -> tuple[list[KnownTemplate], Mapping[str, Mapping[str, list[int]]]]:
    """Return the templates, and their positions by structure and choices. The choices "" are those
    of all templates with that structure."""
    table = parse_json(gzip.decompress(TABLE.read_bytes()))
    return [KnownTemplate(*one) for one in table["templates"]], table["shapes"]


def _parts(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the graph and, at any depth, its subgraphs."""
    waiting = [graph]
    while waiting:
        yield (part := waiting.pop())
        waiting += as_dicts(as_mapping(part.get("definitions")).get("subgraphs"))


def _is_note(node: Mapping[str, Any]) -> bool:
    return node.get("type") in NOTES


def _ends(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the two nodes of each link. The slots change with the version of the editor."""
    for link in as_list(part.get("links")):
        if isinstance(link, list) and len(link) > 3:
            yield f"{link[1]} {link[3]}"
        elif isinstance(link, dict):
            yield f"{link.get('origin_id')} {link.get('target_id')}"


def _digest(value: list[str]) -> str:
    return hashlib.sha256("\n".join(value).encode(errors="replace")).hexdigest()[:_DIGITS]
