"""Which kept files something still has: a run, or a preset."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select, union, union_all

from comfy.records.tables import files as _files
from comfy.records.tables import preset_files as _preset_files

_BATCH = 50


def without_use(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Those of the files that nothing has."""
    asked = list(digests)
    used: set[str] = set()
    for start in range(0, len(asked), _BATCH):
        some = asked[start : start + _BATCH]
        having = union(
            *(select(one.c.digest).where(one.c.digest.in_(some)) for one in (_files, _preset_files))
        )
        used.update(connection.execute(having).scalars())
    return [digest for digest in asked if digest not in used]


def bytes_in_use(connection: Connection) -> float:
    """Bytes of all files that something has, those of several counted once."""
    every = union_all(
        *(select(one.c.digest, one.c.size) for one in (_files, _preset_files))
    ).subquery()
    once = select(func.max(every.c.size).label("size")).group_by(every.c.digest).subquery()
    return float(connection.execute(select(func.sum(once.c.size))).scalar() or 0)
