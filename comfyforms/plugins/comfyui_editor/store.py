"""Users' own files in the editor, in the history's database."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, json_or_none
from comfy.base.messages import message
from comfy.media.checks import MIB
from comfy.records.tables import digest, lock_rows, reading, replace_row, transaction
from comfyforms.plugins.comfyui_editor.tables import editor_files as _files

SETTINGS = "comfy.settings.json"
_MOST_FILES, MOST_BYTES = 2000, 64 * MIB
_MOST_SETTINGS = MIB  # bytes
_LONGEST_PATH = 500
_FACTS = (_files.c.path, _files.c.size, _files.c.created_at, _files.c.modified_at)


class EditorFull(ComfyError):
    """A person's files have no room for another one."""

    def __init__(self) -> None:
        super().__init__(
            message("Your files in the editor take too much space."),
            message("Delete some in the editor."),
        )


@dataclass(frozen=True, slots=True)
class UserFile:
    """Facts about a file. Times in seconds since 1970."""

    path: str
    size: int
    created_at: float
    modified_at: float


def plain_path(path: str) -> str | None:
    """Return a path within a person's folder without needless parts, None for any other."""
    parts = [one for one in path.replace("\\", "/").split("/") if one not in ("", ".")]
    plain = "/".join(parts)
    is_allowed = parts and ".." not in parts and plain.isprintable() and len(plain) <= _LONGEST_PATH
    return plain if is_allowed else None


class UserFiles:
    """Files by their owner's name and path. Callers check paths with `plain_path`. Methods block on
    the database and raise ComfyError. `most`: bytes of one person's files."""

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine, self._most = engine, most

    def below(self, owner: str, folder: str) -> Sequence[UserFile]:
        """Return the files in a folder and its subfolders."""
        inside = _files.c.path.startswith(f"{folder}/", autoescape=True)
        found = select(*_FACTS).where(_files.c.owner == digest(owner), inside)
        with reading(self._engine) as connection:
            return [UserFile(*row) for row in connection.execute(found.order_by(_files.c.path))]

    def read(self, owner: str, path: str) -> bytes | None:
        with reading(self._engine) as connection:
            return _content(connection, owner, path)

    def write(
        self, owner: str, path: str, content: bytes, *, overwrite: bool = True
    ) -> UserFile | None:
        """Store a file. Return None if it exists and isn't to be overwritten."""
        with transaction(self._engine) as connection:
            _lock(connection, owner)
            if not overwrite and _content(connection, owner, path) is not None:
                return None
            return self._put(connection, owner, path, content)

    def move(self, owner: str, path: str, to: str, *, overwrite: bool) -> UserFile | None:
        """Rename a file that exists. Return None if there is another one."""
        with transaction(self._engine) as connection:
            _lock(connection, owner)
            content = _content(connection, owner, path) or b""
            if not overwrite and _content(connection, owner, to) is not None:
                return None
            _delete(connection, owner, path)
            return self._put(connection, owner, to, content)

    def delete(self, owner: str, path: str) -> bool:
        """Return whether there was such a file."""
        with transaction(self._engine) as connection:
            return _delete(connection, owner, path)

    def settings(self, owner: str) -> Mapping[str, Any]:
        return as_mapping(json_or_none(self.read(owner, SETTINGS) or b""))

    def change_settings(self, owner: str, values: Mapping[str, Any]) -> None:
        with transaction(self._engine) as connection:
            _lock(connection, owner)
            known = as_mapping(json_or_none(_content(connection, owner, SETTINGS) or b""))
            content = json.dumps({**known, **values}).encode()
            if len(content) > _MOST_SETTINGS:
                raise EditorFull
            self._put(connection, owner, SETTINGS, content)

    def _put(self, connection: Connection, owner: str, path: str, content: bytes) -> UserFile:
        known = connection.scalar(select(_files.c.created_at).where(*_at(owner, path)))
        others = select(func.count(), func.coalesce(func.sum(_files.c.size), 0)).where(
            _files.c.owner == digest(owner), _files.c.key != digest(path)
        )
        number, size = connection.execute(others).one()
        if number >= _MOST_FILES or size + len(content) > self._most:
            raise EditorFull
        now = time.time()
        file = UserFile(path, len(content), known or now, now)
        whose = {"owner": digest(owner), "key": digest(path), "content": content}
        replace_row(connection, _files, whose | asdict(file))
        return file


def _lock(connection: Connection, owner: str) -> None:
    """Write first, to take SQLite's write lock before reading."""
    lock_rows(connection, _files, digest(owner))
    of_owner = _at(owner, SETTINGS)
    connection.execute(update(_files).where(*of_owner).values(owner=digest(owner)))


def _at(owner: str, path: str) -> tuple[Any, Any]:
    return _files.c.owner == digest(owner), _files.c.key == digest(path)


def _content(connection: Connection, owner: str, path: str) -> bytes | None:
    content: bytes | None = connection.scalar(select(_files.c.content).where(*_at(owner, path)))
    return content


def _delete(connection: Connection, owner: str, path: str) -> bool:
    return connection.execute(delete(_files).where(*_at(owner, path))).rowcount > 0
