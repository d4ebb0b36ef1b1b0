"""Rows of the batches and chains that processes execute: each function runs statements in the
caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from comfy.cluster.tables import group_work as _work
from comfy.cluster.tables import processes as _processes
from comfy.records.groups import Group, GroupKind
from comfy.records.tables import digest, share_of


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
