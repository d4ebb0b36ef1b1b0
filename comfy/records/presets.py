"""Presets: values of a form under a name, for one user or for all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, json_or_none
from comfy.base.messages import message
from comfy.base.quota import Use
from comfy.records.blobs import BlobStore, Room
from comfy.records.database import erase_deleted
from comfy.records.tables import digest, reading, share_of, transaction
from comfy.records.tables import preset_files as _files
from comfy.records.tables import presets as _presets
from comfy.records.used_files import ROW, RemovalLock, bytes_of, check_bytes, room_made, without_use

EVERYBODY = ""  # the owner of presets for all users
_MOST = 200  # per owner
_MOST_IN_ALL = 20_000  # in total, because a visitor can appear as many owners
_LARGEST = 32_000  # characters
_LONGEST_NAME = 60
_OF_ONE = 1 / 16  # share of the room for the files of one owner
_HOUR = 3600.0  # seconds; accuracy of a preset's last use


@dataclass(frozen=True, slots=True)
class PresetFile:
    """A file of a preset: its name, and its digest in the blob store."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Values by field key, as the browser stores them, and the fields' files: the image first, then
    the paint over it."""

    name: str
    values: Mapping[str, Any]
    files: Mapping[str, tuple[PresetFile, ...]] = field(default_factory=dict)

    @property
    def digests(self) -> set[str]:
        return {file.digest for files in self.files.values() for file in files}


class PresetStore:
    """Presets of all owners, in the history's database. Thread-safe.

    `room`: for the rows and files of all presets. All methods raise ComfyError if the database
    can't be used.
    """

    def __init__(self, engine: Engine, files: BlobStore, writing: RemovalLock, room: Room) -> None:
        """`writing`: a lock held while unused files are removed."""
        self._engine = engine
        self._blobs = files
        self._writing = writing
        self._room = room

    def get(self, owner: str, workflow: str, name: str) -> Preset:
        """Return a preset and note its use. Raises ComfyError if it doesn't exist."""
        for preset in self.of(owner, workflow):
            if preset.name == name:
                self._touch(_key(owner, workflow, name))
                return preset
        raise ComfyError(message("This preset no longer exists."))

    def uses(self) -> Iterator[Use]:
        """Yield the rows and files of all owners' presets. They are deleted only together with
        their presets."""
        with reading(self._engine) as connection:
            uses = _uses(connection)
        for use in uses:
            yield use._replace(removable=False)

    def of(self, owner: str, workflow: str) -> tuple[Preset, ...]:
        """Return an owner's presets of a workflow, sorted by name."""
        which = (_presets.c.owner == digest(owner)) & (_presets.c.workflow == digest(workflow))
        with reading(self._engine) as connection:
            texts = connection.execute(select(_presets.c.preset).where(which)).scalars().all()
        presets = [preset for text in texts if (preset := _preset(text)) is not None]
        return tuple(sorted(presets, key=lambda preset: (preset.name.casefold(), preset.name)))

    def save(self, owner: str, workflow: str, preset: Preset, address: str = "") -> None:
        """Store a preset, replacing one with the same name. If there isn't enough room for all
        presets, delete the least recently used ones of the owner who takes most.

        `address`: see `RunRegistry.submit`. Raises ComfyError if the preset has no valid name, is
        too large, or exceeds its owner's limit.
        """
        _check_name(preset.name)
        files = {
            key: [[one.name, one.digest] for one in kept] for key, kept in preset.files.items()
        }
        text = json.dumps({"name": preset.name, "values": dict(preset.values), "files": files})
        if len(text) > _LARGEST:
            raise ComfyError(
                message("This is too large to save."),
                message("Shorten a text."),
            )
        row = _key(owner, workflow, preset.name)
        kept = {"preset": text, "size": ROW + len(text), "used_at": time.time()}
        kept["share"] = share_of(address if owner != EVERYBODY else "")
        sizes = {one: self._blobs.size(one) for one in preset.digests}
        with self._writing:
            with transaction(self._engine) as connection:
                _, before = _take_out(connection, row)
                connection.execute(insert(_presets).values(row | kept))
                _check_count(connection, row["owner"])
                if sizes:
                    rows = [row | {"digest": one, "size": size} for one, size in sizes.items()]
                    connection.execute(insert(_files), rows)
                    own = select(_files.c.digest, _files.c.size)
                    own = own.where(_files.c.owner == row["owner"])
                    hint = message("Delete a preset first.")
                    check_bytes(connection, own, self._room.most * _OF_ONE, hint)
                before += self._make_room(connection, row)
                unused = without_use(connection, dict.fromkeys(before))
            self._blobs.remove_all(self._writing.guarded(unused))
        self._room.grew(ROW + len(text) + sum(sizes.values()))

    def rename(self, owner: str, workflow: str, name: str, other: str) -> None:
        """Rename a preset to `other`.

        Raises ComfyError if the preset doesn't exist, or if `other` is invalid or taken.
        """
        _check_name(other)
        old, new = _key(owner, workflow, name), _key(owner, workflow, other)
        if old == new:
            return
        with self._writing.local, transaction(self._engine) as connection:
            # Write first, to take SQLite's write lock before reading.
            touched = update(_presets).where(*_is(old)).values(name=old["name"])
            connection.execute(touched)
            preset = select(_presets)
            kept = connection.execute(preset.where(*_is(old))).first()
            if kept is None or _preset(kept.preset) is None:
                raise ComfyError(message("This preset no longer exists."))
            if connection.execute(preset.where(*_is(new))).first():
                raise ComfyError(
                    message("A preset “{name}” already exists.", name=other),
                    message("Choose another name."),
                )
            renamed = json.dumps(json.loads(str(kept.preset)) | {"name": other})
            _put_under(connection, old, kept._asdict() | new | {"preset": renamed})
        erase_deleted(self._engine)

    def delete(self, owner: str, workflow: str, name: str) -> bool:
        """Delete a preset and its unused files; return False if it doesn't exist."""
        row = _key(owner, workflow, name)
        with self._writing:
            with transaction(self._engine) as connection:
                known, before = _take_out(connection, row)
                unused = without_use(connection, before)
            self._blobs.remove_all(self._writing.guarded(unused))
        if known:
            erase_deleted(self._engine)
        return known

    def _touch(self, row: Mapping[str, str]) -> None:
        now = time.time()
        unused = _presets.c.used_at < now - _HOUR
        with transaction(self._engine) as connection:
            connection.execute(update(_presets).where(*_is(row), unused).values(used_at=now))

    def _make_room(self, connection: Connection, new: Mapping[str, str]) -> list[str]:
        """Delete presets to make room for a `new` one. Return the digests of their files. Raises
        ComfyError if that doesn't make enough room."""
        count = connection.execute(select(func.count()).select_from(_presets)).scalar_one()
        taken = connection.execute(select(func.sum(_presets.c.size))).scalar() or 0
        taken += bytes_of(connection, select(_files.c.digest, _files.c.size))
        if count <= _MOST_IN_ALL and taken <= self._room.most:
            return []
        uses, digests = _uses(connection, new), list[str]()
        rows = [use._replace(size=1) for use in uses if use.digest == use.item]
        for item in room_made([(rows, _MOST_IN_ALL)], [(uses, self._room.most)]):
            key = dict(zip(("owner", "workflow", "name"), item.split("/"), strict=True))
            digests += _take_out(connection, key)[1]
        return digests


def _check_count(connection: Connection, owner: str) -> None:
    count = select(func.count()).select_from(_presets).where(_presets.c.owner == owner)
    if connection.execute(count).scalar_one() > _MOST:
        raise ComfyError(
            message("You already have {count} presets.", count=_MOST),
            message("Delete a preset first."),
        )


def _uses(connection: Connection, new: Mapping[str, str] | None = None) -> list[Use]:
    """Return the rows and files of all presets, least recently used first. They may be deleted,
    except presets for all users and the `new` one."""
    kept = (_presets.c.used_at, _presets.c.size, _presets.c.share)
    columns = (_presets.c.owner, _presets.c.workflow, _presets.c.name)
    uses: dict[str, Use] = {}
    stays = {digest(EVERYBODY), *([] if new is None else [_item(new)])}
    for row in connection.execute(select(*columns, *kept).order_by(_presets.c.used_at)):
        item = _item(row._mapping)
        can_go = stays.isdisjoint((row.owner, item))
        uses[item] = Use(item, row.owner, can_go, item, row.size, row.share)
    files = connection.execute(select(_files)).all()
    return [
        *uses.values(),
        *(uses[_item(one._mapping)]._replace(digest=one.digest, size=one.size) for one in files),
    ]


def _item(row: Mapping[Any, Any]) -> str:
    return f"{row['owner']}/{row['workflow']}/{row['name']}"


def move_presets(connection: Connection, owner: str, workflow: str, other: str) -> None:
    """Move an owner's presets to the other workflow, except names that it already has."""
    whose, old, new = digest(owner), digest(workflow), digest(other)
    own = select(_presets).where(_presets.c.owner == whose)
    taken = select(_presets.c.name).where(_presets.c.owner == whose, _presets.c.workflow == new)
    which = own.where(_presets.c.workflow == old, _presets.c.name.not_in(taken))
    for row in connection.execute(which).all():
        before = {"owner": whose, "workflow": old, "name": row.name}
        _put_under(connection, before, row._asdict() | {"workflow": new})


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ComfyError(
            message("A preset can't have this name."),
            message("Use at most {count} characters.", count=_LONGEST_NAME),
        )


def _preset(text: object) -> Preset | None:
    """Return the preset in a row; None if it is unreadable, since SQLite stores any type in any
    column."""
    match json_or_none(text) if isinstance(text, str) else None:
        case {"name": str(name), "values": dict(values), **data}:
            return Preset(name, values, dict(_files_in(as_mapping(data.get("files")))))
    return None


def _files_in(data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[PresetFile, ...]]]:
    for key, files in data.items():
        match files:
            case [[str(), str()], *_]:
                yield key, tuple(PresetFile(name, digest) for name, digest in files)


def _take_out(connection: Connection, row: Mapping[str, str]) -> tuple[bool, list[str]]:
    """Delete the preset with this key. Return whether it existed, and the digests of its files."""
    # Write first, to take SQLite's write lock before reading.
    known = connection.execute(update(_presets).where(*_is(row)).values(name=row["name"])).rowcount
    which = _is(row, _files)
    digests = connection.execute(select(_files.c.digest).where(*which)).scalars().all()
    connection.execute(delete(_files).where(*which))
    connection.execute(delete(_presets).where(*_is(row)))
    return bool(known), list(digests)


def _put_under(connection: Connection, old: Mapping[str, str], new: Mapping[str, Any]) -> None:
    """Move the content stored under one key, with its files, to the key of the `new` row."""
    connection.execute(insert(_presets).values(**new))
    key = {name: new[name] for name in old}
    connection.execute(update(_files).where(*_is(old, _files)).values(**key))
    connection.execute(delete(_presets).where(*_is(old)))


def _key(owner: str, workflow: str, name: str) -> dict[str, str]:
    return {"owner": digest(owner), "workflow": digest(workflow), "name": digest(name)}


def _is(row: Mapping[str, str], table: Table = _presets) -> list[Any]:
    """Return the conditions for the row with this key."""
    return [table.c[name] == row[name] for name in ("owner", "workflow", "name")]
