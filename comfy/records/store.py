"""The history of runs on disk. It survives reloads, and restarts of the app and of ComfyUI.

A record is written when a run is submitted (unless it has no files and its caller can start it
again), when its prompt is sent, and when it is finished, each time in one transaction. Every query
includes the owner: another owner's run looks like an unknown one.

Storage that a user takes, and when results expire.

Owners of the workflows and chains that users added to the folder.

Prepared statements for the four writes of each run. Building a statement takes longer than
running it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, islice
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)

from comfy.base.errors import ComfyError
from comfy.base.quota import Use, to_remove
from comfy.records.administration import AdministrationStore
from comfy.records.audit import AuditEvents
from comfy.records.blobs import BlobStore, Growth, HistoryLimits, Room
from comfy.records.database import (
    Eraser,
    PartTables,
    Within,
    both,
    is_set_aside,
    no_more,
    open_database,
    shrink,
)
from comfy.records.groups import GroupStore
from comfy.records.lineage import (
    Lineage,
    find_sources,
    find_uses,
    given_files,
    may_be_source,
    may_be_use,
)
from comfy.records.people import (
    delete_old,
    delete_person,
    has_kept_rows,
    make_room,
    uses_of_rows,
)
from comfy.records.presets import PresetStore, move_presets
from comfy.records.record import Record
from comfy.records.rows import ALL, COLUMNS, UNREADABLE, Wanted, escaped, record_of, row_of
from comfy.records.sharing import SharedResults
from comfy.records.started_requests import StartedRequests, forget_interrupted
from comfy.records.state import SharedState
from comfy.records.tables import ROWS, as_comfy_errors, digest, reading, share_of, transaction
from comfy.records.tables import added_workflows as _added
from comfy.records.tables import files as _files
from comfy.records.tables import groups as _groups
from comfy.records.tables import parents as _parents
from comfy.records.tables import preset_files as _preset_files
from comfy.records.tables import presets as _presets
from comfy.records.tables import runs as _runs
from comfy.records.used_files import RemovalLock, bytes_in_use, bytes_of, uses_of_runs, without_use
from comfy.records.webhooks import WebhookStore
from comfyforms.plugin_manager import contributed

_DAY = 24 * 3600.0
_NOTICE = 7 * _DAY  # seconds before their end that users hear of expiring results
_PART_OF_LIFE = 0.25  # a shorter notice where results live only for some days
_NEARLY_FULL = 0.9
_FRUITFUL = Wanted(fruitless=False)
log = logging.getLogger(__name__)
_BLOCK = 4096  # bytes that the smallest file takes on disk
_THIS = _runs.c.id == bindparam("this")
_INSERT = insert(_runs)
_UPDATE = update(_runs).where(_THIS)
_FORGET_FILES = delete(_files).where(_files.c.run == bindparam("this"))
_KEEP_FILES = insert(_files)
_NAME_PARENTS = insert(_parents)
# A run by its id (`this`) and the digest of its owner (`whose`).
_RUN_OF = select(*COLUMNS).where(_THIS & (_runs.c.owner == bindparam("whose")))
Key = TypeVar("Key")
_MOST_AT_ONCE = 200
_MOST_BYTES = 32 * 1024**2  # of records read at a time
_MOST_RELATED = 12
_MOST_SKIPPED = 2**31
_BATCH = 50
_ORDER = (_runs.c.ended_at, _runs.c.submitted_at, _runs.c.id)
_NEWEST_FIRST = tuple(column.desc() for column in _ORDER)


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
        with reading(self._engine) as connection:
            count, last = connection.execute(ends).one()
            size = bytes_of(connection, files) + float(connection.execute(rows).scalar() or 0)
            is_nearly_full = bytes_in_use(connection) > _NEARLY_FULL * self._limit
        by = None if last is None else max(now, self.kept_until(last))
        return StorageUse(size, self._days, count, by, is_nearly_full)


class AddedWorkflows:
    """Workflows that users added to the folder on the page, stored in the history's database as
    digests. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, owner: str, name: str, content: str) -> None:
        """Remember which user added the workflow `name`. `content`: the digest of its files."""
        row = {"name": digest(name), "owner": digest(owner), "content": content}
        with transaction(self._engine) as connection:
            # An earlier workflow with this name no longer exists.
            connection.execute(delete(_added).where(_added.c.name == row["name"]))
            connection.execute(insert(_added).values(row))

    def content(self, name: str, owner: str | None = None) -> str | None:
        """Return the digest of the files added under `name`, by this owner or by any owner; None if
        nothing was added."""
        which = _added.c.name == digest(name)
        if owner is not None:
            which &= _added.c.owner == digest(owner)
        with reading(self._engine) as connection:
            content = connection.execute(select(_added.c.content).where(which)).scalar_one_or_none()
        return None if content is None else str(content)

    def forget(self, name: str, content: str) -> None:
        """Forget a removed workflow, unless another one was added under the same name since
        then."""
        which = (_added.c.name == digest(name)) & (_added.c.content == content)
        with transaction(self._engine) as connection:
            connection.execute(delete(_added).where(which))


def _sizes_of(record: Record, blobs: BlobStore) -> dict[str, int]:
    """Return the bytes that a run's files take, by digest."""
    sizes = {file.digest: file.size or 0 for file in record.state.files if file.digest}
    sizes |= {digest: blobs.size(digest) for digest in given_files(record)}
    return {digest: max(size, _BLOCK) for digest, size in sizes.items()}


def put_run(
    connection: Connection, record: Record, ended_at: float | None, sizes: dict[str, int]
) -> float:
    """Insert or replace a run; return the bytes of its row. `sizes`: bytes of its files by
    digest."""
    row, this = row_of(record, ended_at), {"this": record.id}
    if connection.execute(_UPDATE, row | this).rowcount:
        connection.execute(_FORGET_FILES, this)
    else:
        _insert(connection, record, row)
    if sizes:
        rows = [{"run": record.id, "digest": one, "size": size} for one, size in sizes.items()]
        connection.execute(_KEEP_FILES, rows)
    return float(row["size"])


def _put_sent(connection: Connection, record: Record, prompt_id: str) -> None:
    """Write that a run is sent, or all columns if it isn't stored yet."""
    columns = _sent_columns(record, prompt_id)
    if not connection.execute(_UPDATE, columns | {"this": record.id}).rowcount:
        _insert(connection, record, row_of(record, None) | columns)


def _put_sent_if(
    engine: Engine, record: Record, prompt_id: str, condition: ColumnElement[bool]
) -> bool:
    """Write that a stored run is sent if the condition is true, in one statement without further
    round trips. Return whether it is true."""
    change = update(_runs).where(_THIS, condition)
    values = _sent_columns(record, prompt_id) | {"this": record.id}
    with reading(engine) as connection:
        at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
        return bool(at_once.execute(change, values).rowcount)


def _sent_columns(record: Record, prompt_id: str) -> dict[str, object]:
    return {"sent": True, "prompt_id": escaped(prompt_id), "server": escaped(record.server)}


def _move_runs(connection: Connection, owner: str, workflow: str, other: str) -> None:
    """Move an owner's finished runs from one workflow to another."""
    own = (_runs.c.owner == digest(owner)) & (_runs.c.workflow == digest(workflow))
    ids = connection.execute(select(_runs.c.id).where(own & _runs.c.ended_at.is_not(None)))
    for this in ids.scalars().all():
        row = connection.execute(_RUN_OF, {"this": this, "whose": digest(owner)}).one()
        with suppress(*UNREADABLE):
            record = record_of(row)
            moved = replace(record, job=replace(record.job, workflow=other))
            connection.execute(_UPDATE, row_of(moved, row.ended_at) | {"this": this})


def _insert(connection: Connection, record: Record, row: dict[str, object]) -> None:
    """Insert a run. Its share and its parents never change afterward."""
    connection.execute(_INSERT, {"id": record.id, "share": share_of(record.address), **row})
    if record.parents:
        rows = [{"run": record.id, "parent": escaped(one)} for one in set(record.parents)]
        connection.execute(_NAME_PARENTS, rows)


class RunStore:
    """Records of all owners, and the files that belong to them. Thread-safe.

    All methods raise ComfyError if the database can't be used.
    """

    def __init__(self, url: str, files: BlobStore, limits: HistoryLimits | None = None) -> None:
        """`url`: the SQLAlchemy URL, for example `sqlite:////srv/history.db`; the database is
        created if it doesn't exist."""
        self.files = files
        self.limits = limits or HistoryLimits()
        self.engine = open_database(url, alone=files.ours)
        self._growth = Growth(self.limits.bytes)
        self.shared = SharedResults(self.engine, self.grew)
        self._parts: Sequence[PartTables] = contributed("tables")
        self.storage = StorageUses(self.engine, self.limits.days, self.limits.bytes)
        self.requests = StartedRequests(self.engine)
        if files.ours:
            with transaction(self.engine) as connection:
                forget_interrupted(connection)
        self.webhooks = WebhookStore(self.engine)
        self.added = AddedWorkflows(self.engine)
        self.state = SharedState(self.engine)
        self.administration = AdministrationStore(self.engine)
        self.audit = AuditEvents(self.engine)
        self._limit_of: Callable[[str], float | None] | None = None
        self._writing = RemovalLock(self.engine)
        if self._writing.is_shared:
            files.share(self.state.held_files)
        presets, groups = (
            Room(self.limits.bytes * table.info[ROWS].room, self.grew)
            for table in (_presets, _groups)
        )
        self.presets = PresetStore(self.engine, files, self._writing, presets)
        self.groups = GroupStore(self.engine, files, self._writing, groups)
        self._eraser = Eraser(self.engine)
        self._misread = False

    def limit_owners(self, limit_of: Callable[[str], float | None]) -> None:
        """Limit the bytes of an owner's results. `limit_of`: returns them, None for no limit."""
        self._limit_of = limit_of

    def close(self) -> None:
        """Close the database and the folder of files."""
        self.engine.dispose()
        self.files.close()

    # During a run

    def begin(self, record: Record, within: Within = no_more) -> None:
        """Record a submitted run; it is on disk when this returns."""
        self._write(record, None, within)

    def sent(self, record: Record, prompt_id: str) -> None:
        """Record that a run is being sent to its server, with this id there. A run without files
        needs no `begin` before. It is on disk when this returns."""
        with self._changing() as connection:
            _put_sent(connection, record, prompt_id)

    def sent_if(self, record: Record, prompt_id: str, condition: ColumnElement[bool]) -> bool:
        """Record like `sent` a stored run if the condition is true; return whether it is."""
        return _put_sent_if(self.engine, record, prompt_id, condition)

    def end(self, record: Record, within: Within = no_more) -> None:
        """Record a finished run; it is on disk when this returns. A run that its owner removed
        before it started is deleted instead. A paid run that wasn't sent no longer counts."""
        within = self.state.paid_runs.ending(record, within)
        if record.was_taken_out:
            with self._writing:
                self._forget(_runs.c.id == record.id, within)
                self.files.release(record.id)
        else:
            within = both(within, partial(AuditEvents.add_run, record=record))
            self._write(record, record.state.finished_at or time.time(), within)

    def end_unreadable(self, run_id: str, within: Within) -> None:
        """Record the end of a run whose record can't be read."""
        which = (_runs.c.id == escaped(run_id)) & _runs.c.ended_at.is_(None)
        with self._changing() as connection:
            within(connection)
            connection.execute(update(_runs).where(which).values(ended_at=time.time()))

    def unfinished(self) -> tuple[Record, ...]:
        """Return the runs that began before a restart and never ended, oldest first. Empty while
        another process uses the folder, because they may be running there. Unreadable records are
        left out and marked as ended."""
        if not self.files.ours:
            return ()
        order = (_runs.c.submitted_at, _runs.c.id)
        which = _runs.c.ended_at.is_(None)
        records = self._records(which, order, None)
        unreadable = which & _runs.c.id.not_in([record.id for record in records])
        with self._changing() as connection:
            connection.execute(update(_runs).where(unreadable).values(ended_at=time.time()))
        return records

    # Afterwards

    def get(self, run_id: str, owner: str) -> Record | None:
        """Return one run of this owner, finished or not."""
        parameters = {"this": escaped(run_id), "whose": digest(owner)}
        with reading(self.engine) as connection:
            row = connection.execute(_RUN_OF, parameters).first()
        return None if row is None else self._record(row)

    def get_many(self, run_ids: Iterable[str], owner: str | None) -> dict[str, Record]:
        """Return this owner's runs among these ids, finished or not, by id; None for all
        owners. All are in memory: see `each` for the runs of lists."""
        ids, records = list(run_ids), dict[str, Record]()
        own = true() if owner is None else _runs.c.owner == digest(owner)
        for start in range(0, len(ids), _MOST_AT_ONCE):
            some = [escaped(one) for one in ids[start : start + _MOST_AT_ONCE]]
            which = _runs.c.id.in_(some) & own
            records |= {record.id: record for record in self._records(which, (), None)}
        return records

    def each(
        self, wanted: Iterable[tuple[Key, str]], owner: str | None
    ) -> Iterator[tuple[Key, Record | None]]:
        """Yield keys with the runs of their ids in this order, None for an unknown one; otherwise
        like `get_many`. At most a few runs are in memory at a time, fewer if they are large. A run
        whose id follows itself is read once."""
        rest, found = iter(wanted), dict[str, Record]()
        while some := list(islice(rest, _BATCH)):
            for part in self._parts_of(some):
                ids = {run_id for _, run_id in part if run_id}
                found = {run_id: one for run_id, one in found.items() if run_id in ids}
                found |= self.get_many(ids - found.keys(), owner)
                yield from ((key, found.get(run_id)) for key, run_id in part)

    def of(
        self,
        owner: str,
        wanted: Wanted = ALL,
        *,
        before: str = "",
        skip: int = 0,
        limit: int = 24,
    ) -> tuple[Record, ...]:
        """Return finished runs of this owner, newest first, without the first `skip` of them, and
        fewer than `limit` if they are large: see `has_older`. `before`: only runs older than this
        one; empty if it isn't known."""
        which = wanted.of(owner) & self._older(before, owner)
        most = max(1, min(limit, _MOST_AT_ONCE))
        return self._records(which, _NEWEST_FIRST, most, max(0, min(skip, _MOST_SKIPPED)))

    def has_older(self, run_id: str, owner: str, wanted: Wanted) -> bool:
        """Return whether this owner has finished runs that are older than this one."""
        which = wanted.of(owner) & self._older(run_id, owner)
        with reading(self.engine) as connection:
            return connection.execute(select(_runs.c.id).where(which).limit(1)).first() is not None

    def lineage(self, record: Record) -> Lineage:
        """Return the runs that a finished run was made from and the runs that used it, among its
        owner's listed runs."""
        own = ALL.of(record.owner)
        before = self._records(own & may_be_source(record), _NEWEST_FIRST, _MOST_AT_ONCE)
        after = self._records(own & may_be_use(record), _NEWEST_FIRST, _MOST_RELATED)
        return Lineage(find_sources(record, before), find_uses(record, after))

    def ends(self, owner: str, wanted: Wanted = ALL) -> list[float]:
        """Return when the finished runs of this owner ended, newest first, in seconds since
        1970."""
        times = select(_runs.c.ended_at).where(wanted.of(owner)).order_by(*_NEWEST_FIRST)
        with reading(self.engine) as connection:
            return list(connection.execute(times).scalars())

    def is_favourite(self, run_id: str, owner: str) -> bool:
        which = _ended([run_id], owner) & _runs.c.favourite
        with reading(self.engine) as connection:
            return connection.execute(select(_runs.c.id).where(which)).first() is not None

    def set_favourite(self, run_ids: Iterable[str], owner: str, *, favourite: bool) -> int:
        """Mark or unmark finished runs of this owner as favorites; return their number."""
        return self._change(_ended(run_ids, owner), favourite=favourite)

    def unlist(self, run_ids: Iterable[str], owner: str) -> int:
        """Hide these finished runs from lists, because they are about to be deleted. Runs that were
        already hidden get the new time, too. Return their number."""
        return self._change(_ended(run_ids, owner), deleted_at=time.time())

    def relist(self, run_ids: Iterable[str], owner: str) -> int:
        """List runs again that haven't been deleted yet; return their number."""
        return self._change(
            _ended(run_ids, owner) & _runs.c.deleted_at.is_not(None), deleted_at=None
        )

    def unlisted(self, before: float) -> tuple[Record, ...]:
        """Return the runs of all owners that were hidden before this moment, in seconds since
        1970."""
        return self._records(_runs.c.deleted_at < before, _NEWEST_FIRST, _MOST_AT_ONCE)

    def delete(self, run_id: str, owner: str) -> bool:
        """Delete a finished run and its files, unless another run uses them. Return False for an
        unknown run.

        The database overwrites the deleted data immediately or, if a reader prevents it, soon.
        """
        with self._writing:
            deleted = bool(self._forget(_ended([run_id], owner)))
        self._eraser.erase()
        return deleted

    def move(self, owner: str, workflow: str, other: str) -> None:
        """Move this owner's finished runs and presets from a workflow to the `other` one."""
        with self._changing() as connection:
            _move_runs(connection, owner, workflow, other)
            move_presets(connection, owner, workflow, other)

    def names(self, owner: str, text: str) -> bool:
        """Return whether the record of any run of this owner contains this text."""
        which = (_runs.c.owner == digest(owner)) & _runs.c.record.contains(text, autoescape=True)
        with reading(self.engine) as connection:
            return connection.execute(select(_runs.c.id).where(which).limit(1)).first() is not None

    def has_results(self, owner: str) -> bool:
        """Return whether an owner has results, presets, batches, or a plugin's rows."""
        with reading(self.engine) as connection:
            return has_kept_rows(connection, owner)

    def forget_person(self, owner: str) -> None:
        """Delete everything of an owner, also in plugins' tables. Finished runs are hidden, and
        deleted soon, as if they had been hidden at time 0. Unfinished runs and groups must have
        ended."""
        ended = (_runs.c.owner == digest(owner)) & _runs.c.ended_at.is_not(None)
        of_presets = select(_preset_files.c.digest).where(_preset_files.c.owner == digest(owner))
        with self._writing:
            with self._changing() as connection:
                self._before_change(connection, ended)
                connection.execute(update(_runs).where(ended).values(deleted_at=0.0))
                before = connection.execute(of_presets.distinct()).scalars().all()
                delete_person(connection, owner)
                self._rows_gone(connection)
                unused = without_use(connection, before)
                self._eraser.note()
            self.files.remove_all(self._writing.guarded(unused))
        self._eraser.erase()

    def remove_unreferenced(self, digests: Iterable[str]) -> None:
        """Remove unused files among those stored for a run that never started."""
        with self._writing, as_comfy_errors():
            with self.engine.connect() as connection:
                unused = without_use(connection, digests)
            self.files.remove_all(self._writing.guarded(unused))

    def sweep(self) -> None:
        """Enforce the limits: delete runs that are too old, then the oldest runs of the owner who
        uses most space, with their files. Favorites don't expire, and an owner's favorites go last.
        Between sweeps, the size may slightly exceed the limit."""
        now = time.time()
        oldest = now - self.limits.days * _DAY
        if self._clock_is_right(now):
            # A wrong clock wrote an end that is in the future.
            with self._changing() as connection:
                connection.execute(
                    update(_runs).where(_runs.c.ended_at > now + _DAY).values(ended_at=now)
                )
            while self._forget_oldest((_runs.c.ended_at < oldest) & ~_runs.c.favourite):
                pass
            self.groups.forget_ended(oldest)
        with transaction(self.engine) as connection:
            delete_old(connection)
        self.state.sweep()
        self.audit.sweep()
        self.requests.sweep()
        self._forget_beyond_limits()
        self._forget_too_many()
        if not is_set_aside(self.engine):
            # A killed process leaves files without a record; no run takes longer than a day.
            self.remove_unreferenced(list(self.files.unused_since(min(oldest, now - _DAY))))
        self.files.remove_parts(now - _DAY)
        self._give_back()

    # Inside

    def grew(self, size: float) -> None:
        """Count added bytes, and make room if the total is too large."""
        if not self._growth.add(size):
            return
        try:
            self._forget_too_many()
            self._give_back()
        except ComfyError as problem:  # the new result is stored anyway
            log.warning("Can't free space in the history: %s", problem)

    def _before_change(self, connection: Connection, which: ColumnElement[bool]) -> None:
        """Let plugins prepare for runs that appear in lists or vanish."""
        for part in self._parts:
            part.runs_change(connection, which)

    def _rows_gone(self, connection: Connection) -> None:
        """Let plugins update rows after a deletion of others."""
        for part in self._parts:
            part.rows_gone(connection)

    def _give_back(self) -> None:
        if shrink(self.engine, self._growth.slack):
            self._eraser.note()
        self._eraser.erase()

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._writing.local, transaction(self.engine) as connection:
            yield connection

    def _write(self, record: Record, ended_at: float | None, within: Within) -> None:
        """Insert or replace a run's record, which then protects the run's files."""
        sizes = _sizes_of(record, self.files)
        with self._writing.local:
            with self._changing() as connection:
                self._writing.share(connection)
                within(connection)
                size = put_run(connection, record, ended_at, sizes)
            self.files.release(record.id)
        self.grew(size + sum(sizes.values()))

    def _change(self, which: ColumnElement[bool], **values: object) -> int:
        with self._changing() as connection:
            if "deleted_at" in values:
                self._before_change(connection, which)
            return connection.execute(update(_runs).where(which).values(values)).rowcount

    def _parts_of(self, keyed: Sequence[tuple[Key, str]]) -> Iterator[list[tuple[Key, str]]]:
        """Split pairs of keys and run ids so that the records of each part aren't too large."""
        ids = {run_id: escaped(run_id) for _, run_id in keyed}
        query = select(_runs.c.id, _runs.c.size).where(_runs.c.id.in_(ids.values()))
        with reading(self.engine) as connection:
            sizes = {row.id: row.size for row in connection.execute(query)}
        part, total = list[tuple[Key, str]](), 0.0
        for one in keyed:
            is_new = all(one[1] != run_id for _, run_id in part)
            size = sizes.get(ids[one[1]], 0) if is_new else 0
            if part and total + size > _MOST_BYTES:
                yield part
                part, total = [], 0
            part, total = [*part, one], total + size
        yield part

    def _records(
        self,
        which: ColumnElement[bool],
        order: Iterable[ColumnElement[object]],
        limit: int | None,
        skip: int = 0,
    ) -> tuple[Record, ...]:
        with reading(self.engine) as connection:
            query = select(*COLUMNS).where(which).order_by(*order).limit(limit).offset(skip or None)
            if limit is not None:  # a prompt may have many megabytes
                totals = accumulate(
                    connection.execute(query.with_only_columns(_runs.c.size)).scalars()
                )
                query = query.limit(max(1, sum(total <= _MOST_BYTES for total in totals)))
            rows = connection.execute(query).all()
        return tuple(record for row in rows if (record := self._record(row)) is not None)

    def _record(self, row: Row[Any]) -> Record | None:
        """Return the record of a row; None if it can't be read. Only the first such row is
        logged."""
        try:
            return record_of(row)
        except UNREADABLE as error:
            if not self._misread:
                log.warning(
                    "Skipping an unreadable run; further ones are skipped silently: %s (%s)",
                    row.id,
                    error,
                )
                self._misread = True
            return None

    def _older(self, run_id: str, owner: str) -> ColumnElement[bool]:
        """Return the condition for runs older than this one: none if it is unknown, all for ""."""
        if not run_id:
            return true()
        with reading(self.engine) as connection:
            row = connection.execute(select(*_ORDER).where(_ended([run_id], owner))).first()
        return false() if row is None else tuple_(*_ORDER) < tuple_(*row)

    def _clock_is_right(self, now: float) -> bool:
        """Return whether a run ended within the storage period, but not only just now. After a
        clock jump, or if the machine was off for long, there is no such run, and then nothing
        expires."""
        kept = self.limits.days * _DAY
        which = _runs.c.ended_at.between(now - kept, now - min(_DAY, kept / 2))
        with reading(self.engine) as connection:
            return connection.execute(select(_runs.c.id).where(which).limit(1)).first() is not None

    def _forget_too_many(self) -> None:
        with self._changing() as connection:
            if make_room(connection, self.limits.bytes):
                self._rows_gone(connection)
                self._eraser.note()
        with reading(self.engine) as connection:
            if bytes_in_use(connection) <= self.limits.bytes:
                return
            uses, rows = uses_of_runs(connection), uses_of_rows(connection)
            held = (*self.presets.uses(), *self.groups.uses(), *rows)
        self._forget_each(to_remove([*uses, *held], self.limits.bytes))

    def _forget_beyond_limits(self) -> None:
        """Delete the oldest results of each owner who has more than their groups allow."""
        if self._limit_of is None:
            return
        with reading(self.engine) as connection:
            uses = uses_of_runs(connection)
        own = defaultdict[str, list[Use]](list)
        for use in uses:
            own[use.owner].append(use)
        for key, owner in self.administration.usage.owners(own).items():
            if (most := self._limit_of(owner)) is not None:
                self._forget_each(to_remove(own[key], most))

    def _forget_each(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _BATCH):
            with self._writing:
                self._forget(_runs.c.id.in_(ids[start : start + _BATCH]))

    def _forget_oldest(self, which: ColumnElement[bool]) -> int:
        with self._writing:
            oldest = select(_runs.c.id).where(which).order_by(*_ORDER).limit(_BATCH)
            with reading(self.engine) as connection:
                ids = connection.execute(oldest).scalars().all()
            return self._forget(_runs.c.id.in_(ids))

    def _forget(self, which: ColumnElement[bool], within: Within = no_more) -> int:
        """Delete runs, then their files that no other run uses; return the number of runs."""
        with self._changing() as connection:
            within(connection)
            ids = connection.execute(select(_runs.c.id).where(which)).scalars().all()
            if not ids:
                return 0
            digests = (
                connection.execute(select(_files.c.digest).where(_files.c.run.in_(ids)).distinct())
                .scalars()
                .all()
            )
            self._before_change(connection, _runs.c.id.in_(ids))
            connection.execute(delete(_files).where(_files.c.run.in_(ids)))
            connection.execute(delete(_runs).where(_runs.c.id.in_(ids)))
            unused = without_use(connection, digests)
            self._eraser.note()
        self.files.remove_all(self._writing.guarded(unused))
        return len(ids)


def _ended(run_ids: Iterable[str], owner: str) -> ColumnElement[bool]:
    """Return the condition for finished runs of this owner with one of these ids."""
    return (
        _runs.c.id.in_([escaped(one) for one in run_ids])
        & (_runs.c.owner == digest(owner))
        & _runs.c.ended_at.is_not(None)
    )
