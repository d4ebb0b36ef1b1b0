"""Figures for administrators: storage by owner, and runs by week and workflow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Engine, case, func, select

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

    def holdings(
        self, expires_before: float = 0.0
    ) -> tuple[dict[str, Holding], dict[str, Holding]]:
        """Return each owner's runs and bytes by the owner's digest, and the part of them that ended
        before a time and isn't a favorite. A file of several runs counts once per owner."""
        columns = (_runs.c.id, _runs.c.owner, _runs.c.ended_at, _runs.c.favourite, _runs.c.size)
        held, expiring = _Sums(), _Sums()
        owners: dict[str, str] = {}
        soon: set[str] = set()
        with as_comfy_errors(), self._engine.connect() as connection:
            # Reads an index only. The database's own join would read the records.
            for run, owner, ended_at, favourite, size in connection.execute(select(*columns)):
                owners[run] = owner
                held.add_run(owner, size)
                if ended_at is not None and ended_at < expires_before and not favourite:
                    soon.add(run)
                    expiring.add_run(owner, size)
            files = select(_files.c.run, _files.c.digest, _files.c.size)
            for run, digest, size in connection.execute(files):
                if owner := owners.get(run, ""):
                    held.add_file(owner, digest, size)
                    if run in soon:
                        expiring.add_file(owner, digest, size)
        return held.holdings(), expiring.holdings()

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
        use = select(week, _runs.c.workflow, _runs.c.outcome, _runs.c.seconds)
        runs: Counter[tuple[int, str]] = Counter()
        failed: Counter[tuple[int, str]] = Counter()
        seconds: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
        with as_comfy_errors(), self._engine.connect() as connection:
            for number, workflow, outcome, time in connection.execute(
                use.where(ended >= starts[0])
            ):
                key = number, workflow
                runs[key] += 1
                failed[key] += outcome in _FAILED
                if outcome == Phase.DONE.value and time is not None:
                    seconds[key].append(time)
        rows = (
            WeekUse(*key, count, failed[key], median(seconds[key]) if seconds[key] else None)
            for key, count in runs.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.week, -row.runs)))


class _Sums:
    """Runs and bytes of owners, with each file once per owner."""

    def __init__(self) -> None:
        self._runs: Counter[str] = Counter()
        self._bytes: defaultdict[str, float] = defaultdict(float)
        self._files: set[tuple[str, str]] = set()

    def add_run(self, owner: str, size: float) -> None:
        self._runs[owner] += 1
        self._bytes[owner] += size or 0.0

    def add_file(self, owner: str, digest: str, size: float) -> None:
        if (owner, digest) not in self._files:
            self._files.add((owner, digest))
            self._bytes[owner] += size or 0.0

    def holdings(self) -> dict[str, Holding]:
        return {owner: Holding(runs, self._bytes[owner]) for owner, runs in self._runs.items()}
