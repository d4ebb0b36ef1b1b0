"""Stored files that runs, presets and groups use, and the space that these take."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Select, func, select, union, union_all

from comfy.base.quota import Use
from comfy.records.tables import files as _files
from comfy.records.tables import group_files as _group_files
from comfy.records.tables import groups as _groups
from comfy.records.tables import held_files as _held
from comfy.records.tables import preset_files as _preset_files
from comfy.records.tables import presets as _presets
from comfy.records.tables import runs as _runs

_BATCH = 50
_HOLDING = (_files, _preset_files, _group_files)
# Bytes that a row takes in addition to its texts: its keys in indexes, its part of a page.
ROW = 2_000


def without_use(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Return the files that no row uses and no process holds."""
    candidates = list(digests)
    used: set[str] = set()
    for start in range(0, len(candidates), _BATCH):
        some = candidates[start : start + _BATCH]
        every = (select(one.c.digest).where(one.c.digest.in_(some)) for one in (*_HOLDING, _held))
        having = union(*every)
        used.update(connection.execute(having).scalars())
    return [digest for digest in candidates if digest not in used]


def bytes_in_use(connection: Connection) -> float:
    """Return the bytes of all rows and of their files; files of several rows count once."""
    every = union_all(*(select(one.c.digest, one.c.size) for one in _HOLDING)).subquery()
    once = select(func.max(every.c.size).label("size")).group_by(every.c.digest).subquery()
    rows = (func.sum(table.c.size) for table in (_runs, _presets, _groups))
    sums = [select(one) for one in (func.sum(once.c.size), *rows)]
    return sum(float(connection.execute(one).scalar() or 0) for one in sums)


def bytes_of(connection: Connection, files: Select[tuple[str, float]]) -> float:
    """Return the bytes of the files with these digests and sizes, counting equal files once."""
    once = files.distinct().subquery()
    return float(connection.execute(select(func.sum(once.c.size))).scalar() or 0)


def uses_of_runs(connection: Connection) -> list[Use]:
    """Return the rows and files of all runs, favorites last, otherwise oldest first. Finished runs
    can be removed."""
    runs = select(_runs.c.id, _runs.c.owner, _runs.c.ended_at, _runs.c.size, _runs.c.share)
    order = (_runs.c.favourite, _runs.c.ended_at, _runs.c.submitted_at, _runs.c.id)
    uses = [
        Use(run, owner, ended_at is not None, run, size, share)
        for run, owner, ended_at, size, share in connection.execute(runs.order_by(*order))
    ]
    known = {use.item: use for use in uses}
    files = connection.execute(select(_files.c.run, _files.c.digest, _files.c.size))
    return uses + [
        known[run]._replace(digest=digest, size=size) for run, digest, size in files if run in known
    ]
