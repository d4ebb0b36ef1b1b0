"""Values of a form under a name, for one person or for everybody."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from comfy.errors import ComfyError
from comfy.messages import message, plural
from comfy.quota import Use
from comfy.records.blobs import BlobStore
from comfy.records.database import erase_deleted
from comfy.records.tables import as_comfy_errors, digest
from comfy.records.tables import preset_files as _files
from comfy.records.tables import presets as _presets
from comfy.records.used_files import bytes_of, without_use

EVERYBODY = ""  # the owner of presets that all people have
_MOST = 200  # of one owner
_MOST_IN_ALL = 20_000  # anybody can be many owners
_LARGEST = 32_000  # characters
_LONGEST_NAME = 60
_MILLION = 1_000_000
_OF_ONE = 1 / 16  # of the room for files: what those of one owner may have


@dataclass(frozen=True, slots=True)
class PresetFile:
    """A file that a preset holds: its name, and its digest among the kept files."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Values by field key, as the browser keeps them, and the files of fields that have any: an
    image first, then what is painted over it."""

    name: str
    values: Mapping[str, Any]
    files: Mapping[str, tuple[PresetFile, ...]] = field(default_factory=dict)

    @property
    def digests(self) -> set[str]:
        """Those of its files."""
        return {file.digest for files in self.files.values() for file in files}


class PresetStore:
    """The presets of all owners, in the database of the history. All methods may be called from any
    thread.

    `room`: bytes for the files of all presets. ComfyError, with a sentence, wherever the database
    cannot be used.
    """

    def __init__(
        self, engine: Engine, files: BlobStore, writing: threading.RLock, room: float
    ) -> None:
        """`writing`: held by whoever removes files that nothing has any more."""
        self._engine = engine
        self._blobs = files
        self._writing = writing
        self._room = room

    def get(self, owner: str, workflow: str, name: str) -> Preset:
        """One preset. ComfyError if there is none."""
        for preset in self.of(owner, workflow):
            if preset.name == name:
                return preset
        raise ComfyError(message("This preset no longer exists."))

    def uses(self) -> Iterator[Use]:
        """Which files the presets of all people hold. They go with their presets only."""
        with as_comfy_errors(), self._engine.connect() as connection:
            rows = connection.execute(select(_files)).all()
        for row in rows:
            preset = f"{row.owner}/{row.workflow}/{row.name}"
            yield Use(preset, row.owner, removable=False, digest=row.digest, size=row.size)

    def of(self, owner: str, workflow: str) -> tuple[Preset, ...]:
        """Those of one owner for a workflow, by their names."""
        which = (_presets.c.owner == digest(owner)) & (_presets.c.workflow == digest(workflow))
        with as_comfy_errors(), self._engine.connect() as connection:
            found = connection.execute(select(_presets.c.preset).where(which)).scalars().all()
        presets = [preset for text in found if (preset := _preset(text)) is not None]
        return tuple(sorted(presets, key=lambda preset: (preset.name.casefold(), preset.name)))

    def save(self, owner: str, workflow: str, preset: Preset) -> None:
        """Keep it, in the place of one with the same name.

        ComfyError where it has no name, is too large, or is one too many.
        """
        _check_name(preset.name)
        files = {
            key: [[one.name, one.digest] for one in kept] for key, kept in preset.files.items()
        }
        text = json.dumps({"name": preset.name, "values": dict(preset.values), "files": files})
        if len(text) > _LARGEST:
            raise ComfyError(
                message("This preset is too large to be saved."),
                message("Shorten the texts in the form."),
            )
        row = _key(owner, workflow, preset.name)
        with self._writing:
            with as_comfy_errors(), self._engine.begin() as connection:
                _, before = _take_out(connection, row)
                connection.execute(insert(_presets).values(row | {"preset": text}))
                self._check_count(connection, row["owner"])
                if digests := preset.digests:
                    sizes = {one: self._blobs.size(one) for one in digests}
                    rows = [row | {"digest": one, "size": size} for one, size in sizes.items()]
                    connection.execute(insert(_files), rows)
                    self._check_room(connection, row["owner"])
                unused = without_use(connection, before)
            self._blobs.remove_all(unused)

    def rename(self, owner: str, workflow: str, name: str, other: str) -> None:
        """Call one `other`, with all that it holds.

        ComfyError where there is none, `other` is no name, or another one has it.
        """
        _check_name(other)
        old, new = _key(owner, workflow, name), _key(owner, workflow, other)
        if old == new:
            return
        with self._writing, as_comfy_errors(), self._engine.begin() as connection:
            # First what writes: SQLite lets nobody else do so from here on.
            touched = update(_presets).where(*_is(old)).values(name=old["name"])
            connection.execute(touched)
            preset = select(_presets.c.preset)
            text = connection.execute(preset.where(*_is(old))).scalar_one_or_none()
            if _preset(text) is None:
                raise ComfyError(message("This preset no longer exists."))
            if connection.execute(preset.where(*_is(new))).first():
                raise ComfyError(
                    message("There is a preset “{name}” already.", name=other),
                    message("Choose another name."),
                )
            renamed = json.dumps(json.loads(str(text)) | {"name": other})
            _put_under(connection, old, new, renamed)
        erase_deleted(self._engine)

    def delete(self, owner: str, workflow: str, name: str) -> bool:
        """Forget one, and its files that nothing else has; False if there is none."""
        row = _key(owner, workflow, name)
        with self._writing:
            with as_comfy_errors(), self._engine.begin() as connection:
                known, before = _take_out(connection, row)
                unused = without_use(connection, before)
            self._blobs.remove_all(unused)
        if known:
            erase_deleted(self._engine)
        return known

    def _check_count(self, connection: Connection, owner: str) -> None:
        count = select(func.count()).select_from(_presets)
        own = connection.execute(count.where(_presets.c.owner == owner)).scalar_one()
        if own > _MOST:
            raise ComfyError(
                plural(
                    "There is {count} preset already.",
                    "There are {count} presets already.",
                    count=_MOST,
                ),
                message("Delete one of them first."),
            )
        if connection.execute(count).scalar_one() > _MOST_IN_ALL:
            raise ComfyError(
                message("This app has no room for more presets."),
                message("Ask whoever runs it for help."),
            )

    def _check_room(self, connection: Connection, owner: str) -> None:
        """The same bytes of several presets count once."""
        every = select(_files.c.digest, _files.c.size)
        most = self._room * _OF_ONE
        if bytes_of(connection, every.where(_files.c.owner == owner)) > most:
            raise ComfyError(
                message(
                    "The files of your presets can have at most {size}\xa0MB together.",
                    size=round(most / _MILLION),
                ),
                message("Delete a preset with files first."),
            )
        if bytes_of(connection, every) > self._room:
            raise ComfyError(
                message("This app has no room for more files of presets."),
                message("Ask whoever runs it for help."),
            )


def move_presets(connection: Connection, owner: str, workflow: str, other: str) -> None:
    """Make an owner's presets of a workflow those of the other one, but for names that it has."""
    whose, old, new = digest(owner), digest(workflow), digest(other)
    own = select(_presets.c.name, _presets.c.preset).where(_presets.c.owner == whose)
    taken = select(_presets.c.name).where(_presets.c.owner == whose, _presets.c.workflow == new)
    which = own.where(_presets.c.workflow == old, _presets.c.name.not_in(taken))
    for name, preset in connection.execute(which).all():
        before = {"owner": whose, "workflow": old, "name": name}
        _put_under(connection, before, before | {"workflow": new}, preset)


def _check_name(name: str) -> None:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise ComfyError(
            message("This preset cannot be saved under that name."),
            plural(
                "Give it a name of at most {count} letter.",
                "Give it a name of at most {count} letters.",
                count=_LONGEST_NAME,
            ),
        )


def _preset(text: object) -> Preset | None:
    """What is kept in a row; None where it cannot be read: SQLite keeps any type in any column."""
    try:
        data = json.loads(text)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError):
        return None
    match data:
        case {"name": str(name), "values": dict(values)}:
            files = data.get("files")
            return Preset(name, values, dict(_files_in(files if isinstance(files, dict) else {})))
    return None


def _files_in(data: Mapping[str, Any]) -> Iterator[tuple[str, tuple[PresetFile, ...]]]:
    for key, files in data.items():
        match files:
            case [[str(), str()], *_]:
                yield key, tuple(PresetFile(name, digest) for name, digest in files)


def _take_out(connection: Connection, row: Mapping[str, str]) -> tuple[bool, list[str]]:
    """Delete the preset of this key: whether there was one, and the digests of its files."""
    # First what writes: SQLite lets nobody else do so from here on.
    known = connection.execute(update(_presets).where(*_is(row)).values(name=row["name"])).rowcount
    which = _is(row, _files)
    digests = connection.execute(select(_files.c.digest).where(*which)).scalars().all()
    connection.execute(delete(_files).where(*which))
    connection.execute(delete(_presets).where(*_is(row)))
    return bool(known), list(digests)


def _put_under(
    connection: Connection, old: Mapping[str, str], new: Mapping[str, str], preset: str
) -> None:
    """Put what is kept under one key under another one, its files with it."""
    connection.execute(insert(_presets).values({**new, "preset": preset}))
    connection.execute(update(_files).where(*_is(old, _files)).values(**new))
    connection.execute(delete(_presets).where(*_is(old)))


def _key(owner: str, workflow: str, name: str) -> dict[str, str]:
    return {"owner": digest(owner), "workflow": digest(workflow), "name": digest(name)}


def _is(row: Mapping[str, str], table: Table = _presets) -> list[Any]:
    """Which row has this key."""
    return [table.c[name] == row[name] for name in ("owner", "workflow", "name")]
