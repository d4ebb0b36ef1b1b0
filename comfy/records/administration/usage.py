"""Figures for administrators: storage by owner, and runs by week and workflow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, case, func, select

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.rows import UNREADABLE
from comfy.records.serialization import from_text
from comfy.records.tables import as_comfy_errors
from comfy.records.tables import files as _files
from comfy.records.tables import runs as _runs
from comfy.records.used_files import bytes_in_use

_FAILED = (Phase.FAILED.value, Phase.REFUSED.value, Phase.LOST.value)


@dataclass(frozen=True, slots=True)
class Holding:
    """Finished and unfinished runs of an owner, and the bytes of their rows and files."""

    runs: int = 0
    bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class WeekUse:
    """Ended runs of a workflow in a week. `workflow`: its digest. `median`: seconds of successful
    runs on the server, None without any."""

    week: int
    workflow: str
    runs: int
    failed: int
    median: float | None


class UsageReader:
    """Reader of these figures. All methods raise ComfyError if the database can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def total_bytes(self) -> float:
        """Return the bytes of all owners' rows and files; shared files count once."""
        with as_comfy_errors(), self._engine.connect() as connection:
            return bytes_in_use(connection)

    def holdings(self, ended_before: float | None = None) -> dict[str, Holding]:
        """Return what each owner has, by the owner's digest. A file of several runs counts once.

        `ended_before`: only runs that ended before this time and aren't favorites, which are the
        next to expire.
        """
        which: ColumnElement[bool] = _runs.c.id.is_not(None)
        if ended_before is not None:
            which = (_runs.c.ended_at < ended_before) & ~_runs.c.favourite
        rows = (
            select(_runs.c.owner, func.count(), func.sum(_runs.c.size))
            .where(which)
            .group_by(_runs.c.owner)
        )
        distinct = (
            select(_runs.c.owner, _files.c.digest, _files.c.size)
            .join_from(_runs, _files, _runs.c.id == _files.c.run)
            .where(which)
            .distinct()
            .subquery()
        )
        of_files = select(distinct.c.owner, func.sum(distinct.c.size)).group_by(distinct.c.owner)
        with as_comfy_errors(), self._engine.connect() as connection:
            sizes = {row[0]: float(row[1] or 0) for row in connection.execute(of_files)}
            return {
                owner: Holding(count, float(size or 0) + sizes.get(owner, 0.0))
                for owner, count, size in connection.execute(rows)
            }

    def ended_since(self, start: float) -> dict[str, int]:
        """Return how many runs of each owner ended since this time, by the owner's digest."""
        count = (
            select(_runs.c.owner, func.count())
            .where(_runs.c.ended_at >= start)
            .group_by(_runs.c.owner)
        )
        with as_comfy_errors(), self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(count)}

    def owners(self, digests: Collection[str]) -> dict[str, str]:
        """Return the owners with these digests, read from one run of each."""
        found: dict[str, str] = {}
        with as_comfy_errors(), self._engine.connect() as connection:
            for digest in digests:
                query = select(_runs.c.record).where(_runs.c.owner == digest).limit(1)
                text = connection.execute(query).scalar()
                try:
                    found[digest] = from_text(text or "").owner
                except UNREADABLE:
                    continue
        return found

    def weeks(self, starts: Sequence[float]) -> tuple[WeekUse, ...]:
        """Return the use of each workflow in each of these weeks. `starts`: their first moments,
        oldest first; the last week ends now."""
        ended = _runs.c.ended_at
        week = case(
            *((ended < end, at) for at, end in enumerate(starts[1:])), else_=len(starts) - 1
        ).label("week")
        parts = (week, _runs.c.workflow, _runs.c.outcome)
        by_time = _runs.c.seconds
        every = (
            select(
                *parts,
                _runs.c.seconds,
                func.row_number().over(partition_by=parts, order_by=by_time).label("place"),
                func.count().over(partition_by=parts).label("many"),
            )
            .where(ended >= starts[0])
            .subquery()
        )
        one = every.c
        in_middle = one.place.in_(((one.many + 1) // 2, (one.many + 2) // 2))
        summary = select(
            one.week,
            one.workflow,
            one.outcome,
            func.max(one.many),
            func.avg(case((in_middle, one.seconds))),
        ).group_by(one.week, one.workflow, one.outcome)
        with as_comfy_errors(), self._engine.connect() as connection:
            rows = connection.execute(summary).all()
        sums: dict[tuple[int, str], WeekUse] = {}
        for number, workflow, outcome, many, median in rows:
            known = sums.get((number, workflow), WeekUse(number, workflow, 0, 0, None))
            sums[number, workflow] = WeekUse(
                number,
                workflow,
                known.runs + many,
                known.failed + (many if outcome in _FAILED else 0),
                median if outcome == Phase.DONE.value else known.median,
            )
        return tuple(sorted(sums.values(), key=lambda use: (-use.week, -use.runs)))
