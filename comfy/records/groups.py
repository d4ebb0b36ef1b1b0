"""Table of run groups: batches and chains, with their content as JSON.

`comfy.batches.content` and `comfy.chains.open_chain` read and write the content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select, update

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, json_or_none
from comfy.base.messages import message
from comfy.base.quota import Use
from comfy.records.blobs import BlobStore, Room
from comfy.records.database import Within, erase_deleted, no_more
from comfy.records.tables import digest, reading, share_of, transaction
from comfy.records.tables import group_files as _files
from comfy.records.tables import groups as _groups
from comfy.records.used_files import ROW, RemovalLock, check_bytes, room_made, without_use

GroupKind = Literal["batch", "chain"]
GroupState = Literal["running", "paused", "done", "failed", "stopped"]

_MOST = 50  # per owner; the oldest ended ones are deleted first
_MOST_IN_ALL = 1_000  # in total, because a visitor can appear as many owners
_LARGEST = 4_000_000  # characters
_OF_ONE = 1 / 4  # share of the room for the files of one owner
_OF_ADDRESS = 1 / 2  # share of the room for all owners at one address
_HEAD = tuple(column for column in _groups.c if column.name != "content")


@dataclass(frozen=True, slots=True)
class Group:
    """A batch or a chain, stored as the `group` of its runs.

    `about` (JSON) describes it in lists and has the `address` of an owner without an account;
    `progress` (JSON) has the state of its parts. A batch is never failed, a chain never paused.
    `ended_at`: seconds since 1970, None while it is active.
    """

    id: str
    owner: str
    kind: GroupKind
    created_at: float
    state: GroupState
    about: Mapping[str, Any] = field(default_factory=dict)
    progress: Mapping[str, Any] = field(default_factory=dict)
    ended_at: float | None = None


class GroupTaken(ComfyError):
    """Error for a group that another app process executes now."""

    def __init__(self) -> None:
        super().__init__(message("Something went wrong."), message("Try again in a moment."))


class GroupTooLarge(Exception):
    """Error for a group whose content is too long for the database."""


class GroupStore:
    """Groups of all owners, in the history's database. Thread-safe.

    `room`: for the rows and files of all groups. All methods raise ComfyError if the database can't
    be used. `guard` is called in each transaction that writes a group; if it raises, nothing is
    written.
    """

    def __init__(self, engine: Engine, files: BlobStore, writing: RemovalLock, room: Room) -> None:
        """`writing`: a lock held while unused files are removed."""
        self._engine = engine
        self._blobs = files
        self._writing = writing
        self._room = room
        self.guard: Callable[[Connection, Group], None] = lambda _connection, _group: None

    def put(
        self,
        group: Group,
        content: Mapping[str, Any],
        digests: Collection[str],
        within: Within = no_more,
    ) -> None:
        """Store a group, or replace it; after an error, the stored one stays.

        `content`: what to run, as JSON values. `digests`: the blobs that it needs. Ended groups are
        deleted to make room, oldest first. Raises GroupTooLarge, and ComfyError if there is no room
        for the files.
        """
        with self._writing:
            with transaction(self._engine) as connection:
                self.guard(connection, group)
                within(connection)
                before = _take_out(connection, _groups.c.id == group.id)
                size = self._insert(connection, group, content, digests)
                before += self._make_room(connection, group)
                unused = without_use(connection, dict.fromkeys(before))
            self._blobs.remove_all(self._writing.guarded(unused))
        self._room.grew(size)

    def save(self, group: Group) -> None:
        """Store a group's progress; do nothing if it was deleted."""
        with self._writing.local, transaction(self._engine) as connection:
            self.guard(connection, group)
            which = _groups.c.id == group.id
            changing = _changing(group)
            size = func.length(_groups.c.content) + _size(changing)
            connection.execute(update(_groups).where(which).values(changing | {"size": size}))

    def get(self, group_id: str, owner: str) -> Group | None:
        """Return this owner's group; None if it doesn't exist."""
        groups = self._groups(_own(group_id, owner))
        return groups[0] if groups else None

    def content(self, group_id: str, owner: str) -> dict[str, Any] | None:
        """Return the content to run of this owner's group; None if it is missing or unreadable."""
        query = select(_groups.c.content).where(_own(group_id, owner))
        with reading(self._engine) as connection:
            data = _read(connection.execute(query).scalar())
        return data or None

    def of(self, owner: str, kind: GroupKind) -> tuple[Group, ...]:
        """Return an owner's groups, newest first."""
        return self._groups((_groups.c.owner == digest(owner)) & (_groups.c.kind == kind))

    def get_many(self, group_ids: Iterable[str]) -> dict[str, Group]:
        """Return the groups of all owners among these ids, by id."""
        return {one.id: one for one in self._groups(_groups.c.id.in_(group_ids))}

    def ends(self) -> dict[str, float]:
        """Return when the ended groups of all owners ended, by id."""
        query = select(_groups.c.id, _groups.c.ended_at).where(_groups.c.ended_at.is_not(None))
        with reading(self._engine) as connection:
            return {one.id: one.ended_at for one in connection.execute(query)}

    def unfinished(self, kind: GroupKind) -> tuple[Group, ...]:
        """Return the active groups of all owners, newest first. Empty while another process uses
        the folder, because they may be running there."""
        return self.all_unfinished(kind) if self._blobs.ours else ()

    def all_unfinished(self, kind: GroupKind) -> tuple[Group, ...]:
        """Return the active groups of all owners, newest first."""
        groups = self._groups(_groups.c.ended_at.is_(None) & (_groups.c.kind == kind))
        return tuple(one for one in groups if one.ended_at is None)

    def delete(self, group_id: str, owner: str) -> bool:
        """Delete a group and its unused files, but not its runs; return False if it doesn't
        exist."""
        return bool(self._forget(_own(group_id, owner)))

    def forget_ended(self, before: float) -> None:
        """Delete groups that ended before this moment, in seconds since 1970."""
        self._forget(_groups.c.ended_at < before)

    def uses(self) -> Iterator[Use]:
        """Yield the rows and files of all owners' groups. They are deleted only together with their
        groups."""
        with reading(self._engine) as connection:
            uses = _uses(connection)
        for use in uses:
            yield use._replace(removable=False)

    def _insert(
        self,
        connection: Connection,
        group: Group,
        content: Mapping[str, Any],
        digests: Collection[str],
    ) -> float:
        """Insert a group; return the bytes of its row and files."""
        text = json.dumps(content)
        if len(text) > _LARGEST:
            raise GroupTooLarge
        owner = digest(group.owner)
        row = {"id": group.id, "owner": owner, "kind": group.kind, "content": text}
        row["share"] = _share_of(group)
        changing = {"created_at": group.created_at, **_changing(group)}
        changing["size"] = size = len(text) + _size(changing)
        connection.execute(insert(_groups).values(row | changing))
        sizes = {one: self._blobs.size(one) for one in digests}
        if sizes:
            rows = [{"group": group.id, "digest": one, "size": size} for one, size in sizes.items()]
            connection.execute(insert(_files), rows)
            own = select(_files.c.digest, _files.c.size).join_from(_files, _groups)
            own = own.where(_groups.c.owner == owner)
            hint = message("Delete a batch or a chain with files first.")
            check_bytes(connection, own, self._room.most * _OF_ONE, hint)
        return size + sum(sizes.values())

    def _make_room(self, connection: Connection, group: Group) -> list[str]:
        """Delete ended groups, oldest first, if this one exceeds the limit of its owner, its
        address or the app. Return the files that are unused now. Raises ComfyError if that doesn't
        make enough room."""
        owner, most, uses = digest(group.owner), self._room.most, _uses(connection, group.id)
        share = _share_of(group) or owner
        near = [use for use in uses if share == (use.share or use.owner)]
        rows = [use._replace(size=1) for use in uses if use.digest == use.item]
        own = [row for row in rows if row.owner == owner]
        counts = ((own, _MOST), (rows, _MOST_IN_ALL))
        gone = room_made(counts, ((near, most * _OF_ADDRESS), (uses, most)))
        return _take_out(connection, _groups.c.id.in_(gone)) if gone else []

    def _groups(self, which: ColumnElement[bool]) -> tuple[Group, ...]:
        order = (_groups.c.created_at.desc(), _groups.c.id)
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_HEAD).where(which).order_by(*order)).all()
        return tuple(group for row in rows if (group := _group(row)) is not None)

    def _forget(self, which: ColumnElement[bool]) -> int:
        with self._writing:
            with transaction(self._engine) as connection:
                # Write first, to take SQLite's write lock before reading.
                known = connection.execute(
                    update(_groups).where(which).values(state="deleted")
                ).rowcount
                unused = _take_out(connection, which) if known else []
            self._blobs.remove_all(self._writing.guarded(unused))
        if known:
            erase_deleted(self._engine)
        return known


def _share_of(group: Group) -> str:
    return share_of(str(group.about.get("address", "")))


def _size(changing: Mapping[str, Any]) -> int:
    """Return the bytes of a row without its content; the texts are ASCII."""
    return ROW + len(changing["about"]) + len(changing["progress"])


def _uses(connection: Connection, new: str = "") -> list[Use]:
    """Return the rows and files of all groups, earliest end first. Ended groups may be deleted,
    except the `new` one."""
    columns = (_groups.c.id, _groups.c.owner, _groups.c.ended_at, _groups.c.size, _groups.c.share)
    rows = connection.execute(select(*columns).order_by(_groups.c.ended_at, _groups.c.id))
    uses = [
        Use(one.id, one.owner, one.ended_at is not None and one.id != new, one.id, *one[3:])
        for one in rows
    ]
    known = {use.item: use for use in uses}
    files = connection.execute(select(_files.c.group, _files.c.digest, _files.c.size))
    return uses + [known[one.group]._replace(digest=one.digest, size=one.size) for one in files]


def _changing(group: Group) -> dict[str, Any]:
    """Return the values of the columns that change while the group is active."""
    about = json.dumps({"owner": group.owner, **group.about})
    progress = json.dumps(group.progress)
    return {
        "state": group.state,
        "ended_at": group.ended_at,
        "about": about,
        "progress": progress,
    }


def _group(row: Row[Any]) -> Group | None:
    """Return the group in a row; None if it is unreadable, since SQLite stores any type in any
    column. A group in an unknown state counts as stopped at its start."""
    match _read(row.about):
        case {"owner": str(owner), **about} if digest(owner) == row.owner:
            state, ended_at, progress = row.state, row.ended_at, _read(row.progress)
            if state not in get_args(GroupState):
                state, ended_at = "stopped", ended_at or row.created_at
            return Group(row.id, owner, row.kind, row.created_at, state, about, progress, ended_at)
    return None


def _read(text: object) -> dict[str, Any]:
    return as_mapping(json_or_none(text)) if isinstance(text, str) else {}


def _own(group_id: str, owner: str) -> ColumnElement[bool]:
    return (_groups.c.id == group_id) & (_groups.c.owner == digest(owner))


def _take_out(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Delete groups; return the digests of their files that are unused now."""
    ids = connection.execute(select(_groups.c.id).where(which)).scalars().all()
    digests = connection.execute(select(_files.c.digest).where(_files.c.group.in_(ids))).scalars()
    before = list(dict.fromkeys(digests))
    connection.execute(delete(_files).where(_files.c.group.in_(ids)))
    connection.execute(delete(_groups).where(_groups.c.id.in_(ids)))
    return without_use(connection, before)
