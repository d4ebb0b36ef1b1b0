"""Which kept files something still has: a run, a preset, or a group."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, func, select, union, union_all

from comfy.records.tables import files as _files
from comfy.records.tables import group_files as _group_files
from comfy.records.tables import preset_files as _preset_files

_BATCH = 50
_HOLDING = (_files, _preset_files, _group_files)


def without_use(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Those of the files that nothing has."""
    asked = list(digests)
    used: set[str] = set()
    for start in range(0, len(asked), _BATCH):
        some = asked[start : start + _BATCH]
        having = union(*(select(one.c.digest).where(one.c.digest.in_(some)) for one in _HOLDING))
        used.update(connection.execute(having).scalars())
    return [digest for digest in asked if digest not in used]


def bytes_in_use(connection: Connection) -> float:
    """Bytes of all files that something has, those of several counted once."""
    every = union_all(*(select(one.c.digest, one.c.size) for one in _HOLDING)).subquery()
    once = select(func.max(every.c.size).label("size")).group_by(every.c.digest).subquery()
    return float(connection.execute(select(func.sum(once.c.size))).scalar() or 0)


def bytes_of(connection: Connection, files: Select[tuple[str, float]]) -> float:
    """Bytes of the files with these digests and sizes, equal ones counted once."""
    once = files.distinct().subquery()
    return float(connection.execute(select(func.sum(once.c.size))).scalar() or 0)
