"""Records for administrators: their actions, the notice that all pages show, users' requests for
missing models, and figures: storage by owner, and runs by week and workflow."""

from __future__ import annotations

import json
import secrets
import time
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from operator import itemgetter
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Engine,
    Index,
    Select,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    or_,
    select,
)

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.audit import audit_events, workflow_of
from comfy.records.people import forget_beyond, kept_values, rows_in_words
from comfy.records.rows import UNREADABLE
from comfy.records.serialization import from_text
from comfy.records.tables import (
    ROWS,
    Kept,
    Unowned,
    digest,
    kept_columns,
    lock_rows,
    reading,
    share_of,
    tables,
    transaction,
)
from comfy.records.tables import files as _files
from comfy.records.tables import runs as _runs
from comfy.records.used_files import bytes_in_use
from comfy.requirements.model import ModelFile

# The notice that all pages show: at most one row. `until`: seconds since 1970, NULL for no end.
notices = Table(
    "notices",
    tables,
    Column("id", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("until", Double),
    info={ROWS: Unowned("One notice of administrators.")},
)
# Users' requests for missing models. `owner`: a digest. `files`: a JSON list.
model_requests = Table(
    "model_requests",
    tables,
    Column("id", String(64), primary_key=True),
    Column("at", Double, nullable=False),  # seconds since 1970
    Column("owner", String(64), nullable=False),
    Column("person", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("files", Text, nullable=False),
    *kept_columns(),
    Index("model_requests_by_share", "share", "owner", "at", "id", "size"),
    info={ROWS: Kept("owner", "at", 1 / 64)},
)
_MOST = 500
_MOST_OF_ONE = 20
_MOST_OF_ADDRESS = 40  # of users without an account
_MOST_FILES = 100
_FILES = select(_files.c.run, _files.c.digest, _files.c.size)
_FAILED = tuple(phase.value for phase in Phase if phase.failed)
_AT_ONCE = 500  # records in memory
# Use doesn't count runs that were stopped while they waited, as in `AuditEvents.add_run`.
_IS_USE = or_(_runs.c.outcome != Phase.STOPPED.value, _runs.c.seconds.is_not(None))
_HIDDEN = select(_runs.c.id).where(_runs.c.deleted_at.is_not(None))


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Request of a user. `person`: their name, "" for guests; `workflow`: its name, and `title`:
    as users see it. `at`: seconds since 1970."""

    id: str
    at: float
    person: str
    workflow: str
    title: str
    files: tuple[ModelFile, ...]


class ModelRequestStore:
    """Requests in the history's database. All methods raise ComfyError if it can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        owner: str,
        person: str,
        workflow: str,
        title: str,
        files: Iterable[ModelFile],
        address: str = "",
    ) -> None:
        """Record a request, in place of the user's earlier one for this workflow. If there isn't
        enough room, the oldest request of the address or account with the most goes.

        `address`: see `RunRegistry.submit`. Raises ComfyError if the user has too many.
        """
        row: dict[str, object] = {
            "id": secrets.token_hex(8),
            "at": time.time(),
            "owner": digest(owner),
            "person": person,
            "workflow": workflow,
            "title": title,
            "files": json.dumps([asdict(one) for one in [*files][:_MOST_FILES]]),
        }
        row |= kept_values(row, share_of(address))
        own = model_requests.c.owner == row["owner"]
        with transaction(self._engine) as connection:
            lock_rows(connection, model_requests, digest(owner))
            connection.execute(delete(model_requests).where(own, _is_for(workflow)))
            count = select(func.count()).select_from(model_requests).where(own)
            if connection.execute(count).scalar_one() >= _MOST_OF_ONE:
                raise ComfyError(
                    message("There are too many open requests for models."),
                    message("Contact the administrator."),
                )
            connection.execute(insert(model_requests).values(row))
            if address:
                near = model_requests.c.share == row["share"]
                forget_beyond(connection, model_requests, _MOST_OF_ADDRESS, near, counts=True)
            forget_beyond(connection, model_requests, _MOST, counts=True)

    def has(self, owner: str, workflow: str) -> bool:
        """Return whether this user has an open request for a workflow."""
        same = (model_requests.c.owner == digest(owner)) & _is_for(workflow)
        with reading(self._engine) as connection:
            return connection.execute(select(model_requests.c.id).where(same)).first() is not None

    def all(self) -> tuple[ModelRequest, ...]:
        """Return all open requests, oldest first."""
        query = select(model_requests).order_by(model_requests.c.at)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            ModelRequest(
                row.id,
                row.at,
                row.person,
                row.workflow,
                row.title,
                tuple(ModelFile(**one) for one in json.loads(row.files)),
            )
            for row in rows
        )

    def remove(self, request: str) -> bool:
        """Delete a request. Return whether it existed."""
        which = model_requests.c.id == request
        with transaction(self._engine) as connection:
            return bool(connection.execute(delete(model_requests).where(which)).rowcount)

    def remove_all(self) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(model_requests))


def _is_for(workflow: str) -> ColumnElement[bool]:
    return model_requests.c.workflow == workflow


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


class EndedRun(NamedTuple):
    """Run that ended. `ended_at`: seconds since 1970, of a deleted run when it was started;
    `owner`: a digest; `waited`: seconds until it started on a server, None if it never did, or was
    deleted."""

    ended_at: float
    owner: str
    failed: bool
    waited: float | None


class PersonMonth(NamedTuple):
    """Runs of a person that ended in a month, such as "2026-11". `deleted`: those among them that
    are gone, which count in the month of their start, without results, `seconds` on a server and
    `bytes`."""

    month: str
    person: str
    runs: int
    failed: int
    deleted: int
    results: int
    seconds: int
    bytes: float


class UsageReader:
    """Reader of these figures. All methods raise ComfyError if the database can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def total_bytes(self) -> float:
        """Return the bytes of all owners' rows and files; shared files count once."""
        with reading(self._engine) as connection:
            return bytes_in_use(connection)

    def holdings(
        self, expires_before: float = 0.0
    ) -> tuple[dict[str, Holding], dict[str, Holding]]:
        """Return each owner's runs and bytes by the owner's digest, and the part of them that ended
        before a time and isn't a favorite, without hidden runs. A file of several runs counts once
        per owner."""
        columns = (_runs.c.id, _runs.c.owner, _runs.c.ended_at, _runs.c.favourite, _runs.c.size)
        runs = select(*columns).where(_runs.c.id.not_in(_HIDDEN))
        held, expiring = _Sums(), _Sums()
        with reading(self._engine) as connection:
            # Reads an index only. The database's own join would read the records.
            for run, owner, ended_at, favourite, size in connection.execute(runs):
                held.add_run(run, owner, size)
                if ended_at is not None and ended_at < expires_before and not favourite:
                    expiring.add_run(run, owner, size)
            for file in connection.execute(_FILES):
                held.add_file(*file)
                expiring.add_file(*file)
        return held.holdings(), expiring.holdings()

    def rows_in_words(self) -> dict[str, list[str]]:
        """Return the numbers of rows that people count, in words, by their owner's digest."""
        with reading(self._engine) as connection:
            return rows_in_words(connection)

    def months(self, name_of: Callable[[str], str]) -> Iterator[PersonMonth]:
        """Yield the use of each person in each month, newest month first. `name_of`: returns the
        person's name for an owner's digest. A file of several runs counts once per person and
        month."""
        columns = _runs.c.id, _runs.c.ended_at, _runs.c.owner, _runs.c.size
        facts = _runs.c.outcome.in_(_FAILED), _runs.c.seconds, _runs.c.record
        runs = select(*columns, *facts).where(_runs.c.ended_at.is_not(None), _IS_USE)
        sums: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0] * 5)
        held = _Sums()

        def add(at: float, owner: str, *values: float) -> tuple[str, str]:
            key = f"{datetime.fromtimestamp(at):%Y-%m}", name_of(owner)
            sums[key] = [before + value for before, value in zip(sums[key], values, strict=True)]
            return key

        with reading(self._engine) as connection:
            ended = connection.execute(runs, execution_options={"yield_per": _AT_ONCE})
            for run, at, owner, size, failed, seconds, record in ended:
                key = add(at, owner, 1, failed, 0, _results(record), seconds or 0.0)
                held.add_run(run, key, size)
            for file in connection.execute(_FILES):
                held.add_file(*file)
            for at, owner, _, failed in connection.execute(_deleted_runs(0.0)):
                add(at, owner, 1, failed, 1, 0, 0)
        holdings = held.holdings()
        for key in sorted(sorted(sums), key=itemgetter(0), reverse=True):
            size = holdings.get(key, Holding()).bytes
            yield PersonMonth._make((*key, *map(int, sums[key]), size))

    def ended_runs(self, start: float) -> list[EndedRun]:
        """Return the runs that ended since this time, also deleted ones."""
        columns = _runs.c.ended_at, _runs.c.owner, _runs.c.outcome, _runs.c.seconds
        query = select(*columns, _runs.c.submitted_at).where(_runs.c.ended_at >= start, _IS_USE)
        with reading(self._engine) as connection:
            kept = [
                EndedRun(
                    *(end, owner, outcome in _FAILED),
                    None if seconds is None else max(0.0, end - seconds - submitted),
                )
                for end, owner, outcome, seconds, submitted in connection.execute(query)
            ]
            deleted = connection.execute(_deleted_runs(start)).all()
        return kept + [
            EndedRun(at, owner, has_failed, None) for at, owner, _, has_failed in deleted
        ]

    def owners(self, digests: Collection[str]) -> dict[str, str]:
        """Return the owners with these digests, read from one run of each."""
        found: dict[str, str] = {}
        with reading(self._engine) as connection:
            for digest in digests:
                query = select(_runs.c.record).where(_runs.c.owner == digest).limit(1)
                text = connection.execute(query).scalar()
                try:
                    found[digest] = from_text(text or "").owner
                except UNREADABLE:
                    continue
        return found

    def weeks(self, starts: Sequence[float]) -> tuple[WeekUse, ...]:
        """Return the use of each workflow in each of these weeks, with deleted runs. `starts`:
        their first moments, oldest first; the last week ends now."""
        ended = _runs.c.ended_at
        week = case(
            *((ended < end, at) for at, end in enumerate(starts[1:])), else_=len(starts) - 1
        ).label("week")
        use = select(week, _runs.c.workflow, _runs.c.outcome, _runs.c.seconds)
        runs: Counter[tuple[int, str]] = Counter()
        failed: Counter[tuple[int, str]] = Counter()
        seconds: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
        with reading(self._engine) as connection:
            for number, workflow, outcome, time in connection.execute(
                use.where(ended >= starts[0], _IS_USE)
            ):
                key = number, workflow
                runs[key] += 1
                failed[key] += outcome in _FAILED
                if outcome == Phase.DONE.value and time is not None:
                    seconds[key].append(time)
            for at, _, what, has_failed in connection.execute(_deleted_runs(starts[0])):
                key = bisect(starts, at) - 1, digest(workflow_of(what))
                runs[key] += 1
                failed[key] += has_failed
        rows = (
            WeekUse(*key, count, failed[key], median(seconds[key]) if seconds[key] else None)
            for key, count in runs.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.week, -row.runs)))


def _deleted_runs(start: float) -> Select[float, str, str, bool]:
    """Select runs that were started since this time and that only the log of actions has: when,
    their owner's digest, what ran, and whether it failed."""
    events = audit_events.c
    failed = select(events.target).where(events.action == "failed", events.at >= start)
    return select(events.at, events.owner, events.what, events.target.in_(failed)).where(
        *(events.action == "run", events.at >= start, events.target.not_in(select(_runs.c.id)))
    )


def _results(record: str) -> int:
    """Return the number of results in a run's record, 0 for an unreadable one."""
    with suppress(KeyError, *UNREADABLE):
        return sum(file["type"] == "output" for file in json.loads(record)["state"]["files"])
    return 0


class _Sums:
    """Runs and bytes of owners, or other keys, with each file once per key."""

    def __init__(self) -> None:
        self._owners: dict[str, Any] = {}
        self._bytes: defaultdict[Any, float] = defaultdict(float)
        self._files: set[tuple[Any, str]] = set()

    def add_run(self, run: str, owner: object, size: float) -> None:
        self._owners[run] = owner
        self._bytes[owner] += size or 0.0

    def add_file(self, run: str, digest: str, size: float) -> None:
        """Add a file of a run, if `add_run` has added that."""
        owner = self._owners.get(run)
        if owner is not None and (owner, digest) not in self._files:
            self._files.add((owner, digest))
            self._bytes[owner] += size or 0.0

    def holdings(self) -> dict[Any, Holding]:
        runs = Counter(self._owners.values())
        return {owner: Holding(count, self._bytes[owner]) for owner, count in runs.items()}


@dataclass(frozen=True, slots=True)
class Notice:
    """Text that all pages show. `until`: seconds since 1970, None for no end."""

    id: str
    text: str
    until: float | None = None

    def is_over(self, now: float) -> bool:
        """Return whether the notice has ended."""
        return self.until is not None and self.until <= now


class AdministrationStore:
    """The notice in the history's database, requests and figures. All methods raise ComfyError if
    it can't be used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.usage = UsageReader(engine)
        self.model_requests = ModelRequestStore(engine)

    def notice(self) -> Notice | None:
        """Return the notice, also one that has ended."""
        with reading(self._engine) as connection:
            row = connection.execute(select(notices)).first()
        return None if row is None else Notice(row.id, row.text, row.until)

    def set_notice(self, text: str, until: float | None) -> Notice:
        notice = Notice(secrets.token_hex(8), text, until)
        with transaction(self._engine) as connection:
            connection.execute(delete(notices))
            connection.execute(insert(notices).values(id=notice.id, text=text, until=until))
        return notice

    def remove_notice(self) -> None:
        with transaction(self._engine) as connection:
            connection.execute(delete(notices))
