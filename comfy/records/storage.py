"""Storage that a user takes, and when results expire."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from comfy.records.tables import as_comfy_errors
from comfy.records.tables import files as _files
from comfy.records.tables import runs as _runs
from comfy.records.used_files import bytes_in_use, bytes_of
from comfy.records.wanted import Wanted

_DAY = 24 * 3600.0
_NOTICE = 7 * _DAY  # seconds before their end that users hear of expiring results
_PART_OF_LIFE = 0.25  # a shorter notice where results live only for some days
_NEARLY_FULL = 0.9
_FRUITFUL = Wanted(fruitless=False)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """A user's storage. `bytes`: of their runs with all files. `days`: how long results are stored.
    `expiring`: how many results expire soon, without favorites, the last of them at `expire_by`, in
    seconds since 1970. `is_nearly_full`: results of all users take nearly all space, so that the
    oldest go before their time."""

    bytes: float
    days: float
    expiring: int
    expire_by: float | None
    is_nearly_full: bool


class StorageUses:
    """Storage of all owners, in the history's database. Thread-safe. Its methods raise ComfyError
    if the database can't be used."""

    def __init__(self, engine: Engine, days: float, limit: float) -> None:
        """`days`: how long results are stored; `limit`: bytes of all owners together."""
        self._engine = engine
        self._days = days
        self._limit = limit

    def kept_until(self, ended_at: float) -> float:
        """Return when a run that ended at this time expires, both in seconds since 1970. Favorites
        don't."""
        return ended_at + self._days * _DAY

    def of(self, owner: str, now: float) -> StorageUse:
        """Return an owner's storage at `now`, in seconds since 1970."""
        own, life = _FRUITFUL.of(owner), self._days * _DAY
        soon = now - life + min(_NOTICE, life * _PART_OF_LIFE)
        going = own & ~_runs.c.favourite & (_runs.c.ended_at < soon)
        ends = select(func.count(_runs.c.id), func.max(_runs.c.ended_at)).where(going)
        every = Wanted().of(owner)
        files = select(_files.c.digest, _files.c.size).join_from(_files, _runs).where(every)
        rows = select(func.sum(_runs.c.size)).where(every)
        with as_comfy_errors(), self._engine.connect() as connection:
            count, last = connection.execute(ends).one()
            size = bytes_of(connection, files) + float(connection.execute(rows).scalar() or 0)
            is_nearly_full = bytes_in_use(connection) > _NEARLY_FULL * self._limit
        by = None if last is None else max(now, self.kept_until(last))
        return StorageUse(size, self._days, count, by, is_nearly_full)
