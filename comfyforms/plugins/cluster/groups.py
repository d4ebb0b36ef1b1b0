"""Batches and chains of several app processes: exactly one process executes each.

A process that gets a command for a group takes the group over and carries the command out as it
would alone. The former process notices that at its next write: it may neither store progress nor
start runs of the group, because both check the group's row in the same transaction. The groups of a
dead process are taken over in the same way. The functions for rows run in the caller's transaction.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from comfy.base.errors import ComfyError
from comfy.base.threads import start_thread
from comfy.records.groups import Group, GroupKind, GroupTaken
from comfy.records.store import RunStore
from comfy.records.tables import digest, reading, share_of, transaction
from comfy.runs.interface import GroupCheck, WorkingQueue
from comfy.runs.limits import Person
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.processes import Place
from comfyforms.plugins.cluster.tables import group_work as _work
from comfyforms.plugins.cluster.tables import lock
from comfyforms.plugins.cluster.tables import processes as _processes

log = logging.getLogger(__name__)
_HINTS = "groups"
_LEAST = 0.05  # seconds between two looks
_LOCKS = 64
_BUSY, _IDLE = 1.0, 2.0  # seconds until a look without a hint, with and without running groups


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of the table `group_work`."""

    id: str
    kind: GroupKind
    owner: str
    share: str
    process: str | None
    version: int = 0


def read_groups(connection: Connection) -> dict[str, GroupRow]:
    """Return all rows by the group's id."""
    return {row.id: GroupRow(*row) for row in connection.execute(select(*_work.c))}


def read_lives(connection: Connection) -> frozenset[str]:
    """Return the lives of the processes that aren't dead."""
    return frozenset(connection.execute(select(_processes.c.life)).scalars())


def put_group(connection: Connection, row: GroupRow) -> None:
    """Make a process the one that executes a group."""
    values = {name: getattr(row, name) for name in GroupRow.__slots__}
    put = upsert(_work).values(values)
    new = {"process": row.process, "version": _work.c.version + 1}
    connection.execute(put.on_conflict_do_update(index_elements=["id"], set_=new))


def process_of(connection: Connection, group_id: str) -> tuple[str | None] | None:
    """Return the process that executes a group, None in a tuple if it has ended; None without a
    row. Keeps other processes from taking over the group until the transaction ends."""
    query = select(_work.c.process).where(_work.c.id == group_id).with_for_update(read=True)
    row = connection.execute(query).first()
    return None if row is None else (row.process,)


def count_version(connection: Connection, group_id: str, life: str) -> bool:
    """Note that the group's state is stored; return False if this process doesn't execute it."""
    mine = (_work.c.id == group_id, _work.c.process == life)
    changed = update(_work).where(*mine).values(version=_work.c.version + 1)
    return bool(connection.execute(changed).rowcount)


def take_abandoned(connection: Connection, life: str, kinds: Collection[GroupKind]) -> list[str]:
    """Make this process execute all groups of these kinds whose process has ended; return their
    ids."""
    lives = select(_processes.c.life).union(select(literal(life)))
    abandoned = _work.c.process.is_(None) | _work.c.process.not_in(lives)
    which = _work.c.kind.in_(kinds) & abandoned
    taken = update(_work).where(which).values(process=life, version=_work.c.version + 1)
    return list(connection.execute(taken.returning(_work.c.id)).scalars())


def add_abandoned(connection: Connection, groups: Iterable[Group]) -> None:
    """Add rows for unfinished groups that have none, such as imported ones."""
    known = read_groups(connection)
    for group in groups:
        if group.id not in known:
            share = share_of(str(group.about.get("address", "")))
            row = GroupRow(group.id, group.kind, digest(group.owner), share, None)
            put_group(connection, row)


def delete_groups(connection: Connection, group_ids: Collection[str], life: str) -> None:
    """Delete rows of groups that this process executed."""
    mine = (_work.c.id.in_(group_ids), _work.c.process == life)
    connection.execute(delete(_work).where(*mine))


def release_groups(connection: Connection, life: str) -> None:
    """Hand over the groups that a process executes."""
    connection.execute(update(_work).where(_work.c.process == life).values(process=None))


class ClusterGroups:
    """Groups of all processes, as this process sees them, and the thread that looks for changes."""

    def __init__(
        self, history: RunStore, wire: Wire, place: Place, read_runs: Callable[[], object]
    ) -> None:
        """`read_runs` makes the registry know all unfinished runs. It may raise ComfyError."""
        self._history, self._database = history, history.engine
        self._wire, self._place, self._read_runs = wire, place, read_runs
        history.groups.guard = self._guard
        self._queues: dict[GroupKind, WorkingQueue] = {}
        self._lock = threading.Lock()
        self._own: dict[str, float] = {}  # executed groups, and when they were claimed
        self._taken = set[str]()  # groups that were taken over, until their queue has them
        self._changing: dict[str, int] = {}  # groups that threads change
        self._locks = [threading.RLock() for _ in range(_LOCKS)]
        self._versions: dict[str, int] = {}  # of other processes' groups
        self._ends: dict[str, float] | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="groups", daemon=True)

    @property
    def life(self) -> str:
        return self._place.life

    def work(self, kind: GroupKind) -> ClusterGroupWork:
        return ClusterGroupWork(self, kind)

    def start(self) -> None:
        """Start to look for changes."""
        self._wire.listen(_HINTS, self._on_hint)
        self._wire.on_return(self._wake.set)
        start_thread(self._thread)

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def hint(self) -> None:
        """Make the other processes look soon."""
        self._wire.publish(_HINTS, self._place.life.encode(), key=_HINTS)

    def check(self, connection: Connection, group_id: str) -> None:
        """Raise GroupTaken if another process executes a group; keep others from taking it over
        until the transaction ends."""
        lock(connection)  # before the row, as everywhere
        process = process_of(connection, group_id)
        if process is not None and process[0] != self._place.life:
            self._lose(group_id)
            raise GroupTaken

    # For queues

    def join(self, kind: GroupKind, queue: WorkingQueue) -> None:
        unfinished = self._history.groups.all_unfinished(kind)
        with transaction(self._database) as connection:
            lock(connection)
            add_abandoned(connection, unfinished)
        with self._lock:
            self._queues[kind] = queue
            self._versions.clear()
        self._wake.set()

    def check_room(self, row: GroupRow, check: GroupCheck) -> None:
        with reading(self._database) as connection:
            _check_room(connection, row, check)

    def claim(self, row: GroupRow, check: GroupCheck | None) -> None:
        with self._lock:
            self._own[row.id] = math.inf
        try:
            if check is not None:
                with transaction(self._database) as connection:
                    lock(connection)
                    _check_room(connection, row, check)
                    put_group(connection, row)
        except BaseException:
            self.release(row.id)
            raise
        with self._lock:
            self._own[row.id] = time.monotonic()
        self.hint()

    def release(self, group_id: str) -> None:
        """See `GroupWork.release`. The thread deletes the row."""
        with self._lock:
            self._own.pop(group_id, None)
        self._wake.set()

    def is_here(self, group_id: str) -> bool:
        with self._lock:
            return group_id in self._own or group_id in self._changing

    @contextmanager
    def changing(self, row: GroupRow) -> Iterator[bool]:
        with self._locks[zlib.crc32(row.id.encode()) % _LOCKS]:
            with self._lock:
                was_here = row.id in self._own or row.id in self._changing
                self._changing[row.id] = self._changing.get(row.id, 0) + 1
            try:
                if not was_here:
                    self._bring_here(row)
                yield not was_here
                self._check_still_here(row.id)
            finally:
                with self._lock:
                    self._changing[row.id] -= 1
                    if not self._changing[row.id]:
                        del self._changing[row.id]
                self._wake.set()
                self.hint()

    # Inside

    def _bring_here(self, row: GroupRow) -> None:
        with transaction(self._database) as connection:
            lock(connection)  # no run of the group is being submitted
            put_group(connection, row)
        self._read_runs()

    def _check_still_here(self, group_id: str) -> None:
        with transaction(self._database) as connection:
            self.check(connection, group_id)

    def _guard(self, connection: Connection, group: Group) -> None:
        """Raise GroupTaken if this process doesn't execute a group that is being written."""
        if not count_version(connection, group.id, self._place.life):
            self._lose(group.id)
            raise GroupTaken
        if group.ended_at is not None and self._ends is not None:
            self._ends[group.id] = group.ended_at  # it needn't be read again

    def _lose(self, group_id: str) -> None:
        with self._lock:
            self._own.pop(group_id, None)
            self._versions.pop(group_id, None)
            queues = tuple(self._queues.values())
        for queue in queues:
            queue.lose(group_id)
        self._wake.set()

    def _on_hint(self, body: bytes) -> None:
        if body != self._place.life.encode():
            self._wake.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_BUSY if self._own or self._versions else _IDLE)
            self._wake.clear()
            if self._closing.is_set():
                return
            try:
                self._look()
            except ComfyError as problem:
                log.warning("The batches and chains can't be read at the moment: %s", problem)
            except Exception:
                log.exception("Reading the batches and chains failed with an internal error")
            self._closing.wait(_LEAST)

    def _look(self) -> None:
        with self._lock:
            queues = tuple(self._queues.values())
        for queue in queues:
            queue.save_changed()
        asked_at = time.monotonic()
        with reading(self._database) as connection:
            rows, lives = read_groups(connection), read_lives(connection)
        ends = self._history.groups.ends()
        self._note_own(rows, asked_at)
        self._show_changed(rows, ends)
        self._taken &= {row.id for row in rows.values() if row.process == self._place.life}
        abandoned = {row.kind for row in rows.values() if row.process not in lives}
        if self._place.executes and (kinds := abandoned & self._queues.keys()):
            self._take_over(kinds)
        if self._taken:
            self._take_up()

    def _note_own(self, rows: dict[str, GroupRow], asked_at: float) -> None:
        """Lose the groups that other processes execute, and delete the rows of ended ones."""
        with self._lock:
            own, changing = dict(self._own), set(self._changing)
        for group_id, claimed_at in own.items():
            row = rows.get(group_id)
            if row and row.process != self._place.life and claimed_at < asked_at:
                self._lose(group_id)
        mine = {row.id for row in rows.values() if row.process == self._place.life}
        over = mine - own.keys() - changing
        if over:
            with transaction(self._database) as connection:
                lock(connection)
                with self._lock:
                    over -= self._own.keys() | self._changing.keys()
                delete_groups(connection, over, self._place.life)
            self.hint()

    def _show_changed(self, rows: dict[str, GroupRow], ends: dict[str, float]) -> None:
        with self._lock:
            queues = dict(self._queues)
            own = self._own.keys() | self._changing.keys()
            others = {
                row.id: row.version
                for row in rows.values()
                if row.process != self._place.life and row.id not in own
            }
            changed = {one for one in others if self._versions.get(one) != others[one]}
            before, known = self._versions, self._ends
            self._versions, self._ends = others, dict(ends)
        changed |= before.keys() - others.keys() - own
        if known is not None:
            changed |= {one for one in ends if known.get(one) != ends[one]} - own
            changed |= known.keys() - ends.keys() - others.keys() - own
        if not changed:
            return
        try:
            found = self._history.groups.get_many(changed)
        except ComfyError:
            with self._lock:  # show them later
                self._versions, self._ends = {}, known
            raise
        for group_id in changed:
            group = found.get(group_id)
            for kind, queue in queues.items():
                if group is None:
                    queue.forget(group_id)
                elif group.kind == kind:
                    queue.show(group)

    def _take_over(self, kinds: Collection[GroupKind]) -> None:
        with transaction(self._database) as connection:
            lock(connection)
            taken = take_abandoned(connection, self._place.life, kinds)
            self._taken.update(taken)  # even a commit that seems to fail may succeed
            with self._lock:
                self._own |= dict.fromkeys(taken, time.monotonic())

    def _take_up(self) -> None:
        """Continue the groups that were taken over. If the database is away, the next look does
        so."""
        self._read_runs()
        found = self._history.groups.get_many(self._taken)
        with self._lock:
            queues = dict(self._queues)
        for group_id in self._taken:
            group = found.get(group_id)
            if group is not None:
                log.info("Takes over %s %s.", group.kind, group_id)
                queues[group.kind].take_up(group)
            if group is None or group.ended_at is not None:
                self.release(group_id)
        self._taken.clear()
        self.hint()


class ClusterGroupWork:
    """Groups of one kind: see `comfy.runs.interface.GroupWork`."""

    hands_over = True

    def __init__(self, groups: ClusterGroups, kind: GroupKind) -> None:
        self._groups, self._kind = groups, kind

    def join(self, queue: WorkingQueue) -> Collection[Group]:
        self._groups.join(self._kind, queue)
        return ()

    def check(self, person: Person, check: GroupCheck, but: str = "") -> None:
        self._groups.check_room(self._row(but, person), check)

    def claim(self, group_id: str, person: Person, check: GroupCheck | None) -> None:
        self._groups.claim(self._row(group_id, person), check)

    def release(self, group_id: str) -> None:
        self._groups.release(group_id)

    def is_here(self, group_id: str) -> bool:
        return self._groups.is_here(group_id)

    @contextmanager
    def changing(self, group_id: str, person: Person) -> Iterator[bool]:
        with self._groups.changing(self._row(group_id, person)) as is_outdated:
            yield is_outdated

    def _row(self, group_id: str, person: Person) -> GroupRow:
        owner, address = person
        life = self._groups.life
        return GroupRow(group_id, self._kind, digest(owner), share_of(address), life)


def _check_room(connection: Connection, row: GroupRow, check: GroupCheck) -> None:
    """Raise TooManyRuns if there is no room for another group of this kind and owner."""
    others = read_groups(connection).values()
    people = [(one.owner, one.share) for one in others if one.kind == row.kind and one.id != row.id]
    check(row.owner, row.share, people)
