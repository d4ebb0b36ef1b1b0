"""The 300 best-known node packs, for workflows and servers that don't name the pack of a node.

Each line of `known_packs.tsv` is a pack, with tabs between its registry id (or its GitHub
repository as "owner/name"), its repository if the first one is an id, its name, a pattern of its
node classes, and the classes. Both are "" without. Facts of August 2026 from ComfyUI-Manager's
lists: of packs with the same class, the one with more users has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class _KnownPacks:
    """`ids`: by id or repository in lowercase; `names`: by id; `classes`: the id of each class."""

    ids: Mapping[str, str]
    names: Mapping[str, str]
    classes: Mapping[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]


@cache
def _known() -> _KnownPacks:
    ids: dict[str, str] = {}
    names: dict[str, str] = {}
    classes: dict[str, str] = {}
    patterns = []
    text = files(__package__).joinpath("known_packs.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        pack, repository, name, pattern, *nodes = line.split("\t")
        ids |= {pack.lower(): pack, repository.lower() or pack.lower(): pack}
        names[pack] = name
        classes |= dict.fromkeys(nodes, pack)
        if pattern:
            patterns.append((re.compile(pattern), pack))
    return _KnownPacks(ids, names, classes, tuple(patterns))


def known_pack(class_type: str) -> str:
    """Return the id or repository of the pack with this node class, "" if unknown. The first call
    reads the table."""
    known = _known()
    matches = (pack for pattern, pack in known.patterns if pattern.search(class_type))
    return known.classes.get(class_type) or next(matches, "")


def pack_id(pack: str) -> str:
    """Return a pack's id for its repository or for another spelling. Unknown packs stay as they
    are."""
    return _known().ids.get(pack.lower(), pack)


def pack_name(pack: str) -> str:
    """Return the name of the pack with this id or repository, or the id if the pack is unknown."""
    return _known().names.get(pack_id(pack), pack)
