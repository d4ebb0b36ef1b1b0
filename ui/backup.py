"""`comfyforms backup FILE` and `comfyforms restore FILE`: a tar file of the app's files, with their
digests in a manifest at its end.

Databases are copied with SQLite's backup API, so the app may be running. They are copied first, so
that all files that they mention are copied after them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from comfy.base.errors import ComfyError, words_of
from comfy.base.json_values import as_mapping, parse_json
from comfy.base.version import app_version
from comfy.base.wording import bytes_words
from ui.settings.arguments import read_settings, reported
from ui.settings.folders import PROGRAM, SIGN_INS
from ui.settings.options import Settings

_HISTORY = "history.sqlite"
_DATA, _WORKFLOWS, _USERS = "data", "workflows", "users.json"
_MANIFEST = "manifest.json"
_FORMAT = 1
_DATABASES = (_HISTORY, SIGN_INS)
_FILES, _FORMS = "files", "forms"
_SINGLE = ("secret", "webhook_secret")
_BLOB = re.compile(r"[0-9a-f]{64}")  # results are named by their digests
_CHUNK = 1 << 20
_MOST_MANIFEST = 1 << 30  # bytes
_DAMAGED = "Use another backup."
_ALSO = "The app's options name the folders: --data, --workflows, --users, --config."
_CHECK = "only check the archive: its digests and databases"


@dataclass(frozen=True, slots=True)
class BackupSources:
    """Paths to back up. `history`: the history is in the data folder."""

    data: Path
    workflows: Path
    users: Path
    history: bool = True


@dataclass(slots=True)
class BackupContents:
    """Files in an archive with their digests. `has_history`: whether the history is among them.
    `missing`: files that the history mentions and the archive lacks."""

    digests: dict[str, str] = field(default_factory=dict)
    size: int = 0
    has_history: bool = True
    missing: int = 0


def write_archive(path: Path, sources: BackupSources) -> BackupContents:
    """Write an archive, which must not exist yet. Raises ComfyError."""
    if path.exists():
        raise ComfyError(f"{path} already exists.", "Choose another name.")
    if not sources.data.is_dir():
        raise ComfyError(f"There is no data folder {sources.data}.", "Set it with --data.")
    part = path.with_name(f"{path.name}.part")
    contents = BackupContents(has_history=sources.history)
    try:
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                _add_all(archive, sources, contents, path.parent)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except (OSError, sqlite3.Error) as error:
        reason = words_of(error) if isinstance(error, OSError) else str(error)
        raise ComfyError(f"The backup failed: {reason}.", "Nothing was changed.") from error
    finally:
        part.unlink(missing_ok=True)
    return contents


def check_archive(path: Path) -> BackupContents:
    """Read the whole archive: compare all digests, and check the databases. Raises ComfyError for a
    damaged archive."""
    contents = BackupContents()
    with _opened(path) as archive, tempfile.TemporaryDirectory() as folder:
        manifest: Mapping[str, object] = {}
        databases: dict[str, Path] = {}
        names: set[str] = set()
        for member in archive:
            name, content = _safe_name(member), archive.extractfile(member)
            assert content is not None  # only regular files are safe
            if name in names:  # a restore would write the first one, whose digest isn't compared
                raise ComfyError(f"The archive has {name!r} twice.", _DAMAGED)
            names.add(name)
            if name == _MANIFEST:
                manifest = as_mapping(parse_json(content.read(_MOST_MANIFEST)))
                continue
            database = name.removeprefix(f"{_DATA}/")
            copy = Path(folder) / database if database in _DATABASES else None
            with open(copy, "wb") if copy else io.BytesIO() as to:
                contents.digests[name] = _copied(content, to if copy else None)
            contents.size += member.size
            if copy:
                databases[database] = copy
        _compare(contents, manifest)
        for name, copy in databases.items():
            _check_database(name, copy)
        if _HISTORY in databases:
            contents.missing = _missing(databases[_HISTORY], contents)
        contents.has_history = bool(manifest.get("has_history"))
    return contents


def restore_archive(path: Path, to: BackupSources) -> BackupContents:
    """Check an archive, then write its files to these paths. Raises ComfyError if the data folder
    isn't empty, or if a workflow or the users file exists with another content."""
    contents = check_archive(path)
    _refuse_overwriting(contents, to)
    written: list[Path] = []
    try:
        to.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _opened(path) as archive:
            for member in archive:
                target = _target(_safe_name(member), to)
                content = archive.extractfile(member)
                if target is None or content is None or target.exists():
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                written.append(target)
                mode = 0o644 if target.is_relative_to(to.workflows) else 0o600
                with open(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode), "wb") as out:
                    _copied(content, out)
    except OSError as error:
        for target in written:
            target.unlink(missing_ok=True)
        raise ComfyError(
            f"The backup couldn't be restored: {words_of(error)}.", "Nothing was kept."
        ) from error
    return contents


def _add_all(
    archive: tarfile.TarFile, sources: BackupSources, contents: BackupContents, beside: Path
) -> None:
    data = sources.data
    with tempfile.TemporaryDirectory(dir=beside, prefix=".backup-") as folder:
        for name in _DATABASES if sources.history else (SIGN_INS,):
            if (data / name).exists():
                copy = Path(folder) / name
                _copy_database(data / name, copy)
                _add(archive, copy, f"{_DATA}/{name}", contents)
                copy.unlink()
    for name in _SINGLE:
        _add(archive, data / name, f"{_DATA}/{name}", contents)
    _add(archive, sources.users, _USERS, contents)
    for folder_name in (_FILES, _FORMS):
        for file in _files_below(data / folder_name):
            _add(archive, file, f"{_DATA}/{file.relative_to(data).as_posix()}", contents)
    for file in _files_below(sources.workflows):
        name = file.relative_to(sources.workflows).as_posix()
        _add(archive, file, f"{_WORKFLOWS}/{name}", contents)
    manifest = {
        "format": _FORMAT,
        "app": app_version(),
        "created_at": time.time(),
        "has_history": sources.history,
        "files": contents.digests,
    }
    text = json.dumps(manifest).encode()
    info = tarfile.TarInfo(_MANIFEST)
    info.size, info.mode = len(text), 0o600
    archive.addfile(info, io.BytesIO(text))


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, without links and hidden files."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and not path.is_symlink():
            yield path


def _add(archive: tarfile.TarFile, path: Path, name: str, contents: BackupContents) -> None:
    """Add a file, unless it doesn't exist, or was deleted meanwhile."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        status = os.fstat(file.fileno())
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), 0o600
        reader = _HashedReader(file)
        archive.addfile(info, reader)
    contents.digests[name] = reader.digest
    contents.size += status.st_size


class _HashedReader(io.RawIOBase):
    """Reader that computes the digest of the bytes that pass."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        return chunk

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def _copied(content: IO[bytes], to: IO[bytes] | None) -> str:
    """Copy a file and return its digest. `to`: None only reads it."""
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
        if to is not None:
            to.write(chunk)
    return digest.hexdigest()


def _copy_database(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except OSError as error:
        raise ComfyError(f"{path} can't be read: {words_of(error)}.", _DAMAGED) from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ComfyError(f"{path} is damaged or isn't a backup.", _DAMAGED) from error


def _safe_name(member: tarfile.TarInfo) -> str:
    """Return a member's name. Raises ComfyError unless it is a regular file of a backup."""
    path = PurePosixPath(member.name)
    is_inside = path.parts[:1] in ((_DATA,), (_WORKFLOWS,)) and len(path.parts) > 1
    is_plain = not path.is_absolute() and ".." not in path.parts and "\\" not in member.name
    is_plain = is_plain and str(path) == member.name  # one name per file
    if not (member.isreg() and is_plain and (is_inside or member.name in (_USERS, _MANIFEST))):
        raise ComfyError(f"The archive has an unexpected entry: {member.name!r}.", _DAMAGED)
    return member.name


def _compare(contents: BackupContents, manifest: Mapping[str, object]) -> None:
    """Raise ComfyError unless the archive has the files of its manifest."""
    if manifest.get("format") != _FORMAT:
        raise ComfyError("The archive is cut off, or of a newer version.", _DAMAGED)
    if manifest.get("files") != contents.digests:
        raise ComfyError("The archive's files don't match their digests.", _DAMAGED)
    blobs = ((PurePosixPath(name), digest) for name, digest in contents.digests.items())
    if any(_BLOB.fullmatch(path.name) and path.name != digest for path, digest in blobs):
        raise ComfyError("A result in the archive is damaged.", _DAMAGED)


def _check_database(name: str, path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as database:
            answer = database.execute("pragma integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise ComfyError(f"The database {name} in the archive is damaged: {answer}.", _DAMAGED)


def _missing(history: Path, contents: BackupContents) -> int:
    """Return how many files of the history the archive lacks."""
    kept = {PurePosixPath(name).name for name in contents.digests}
    try:
        with closing(sqlite3.connect(history)) as database:
            used = database.execute("select distinct digest from files").fetchall()
    except sqlite3.Error as error:
        raise ComfyError(f"The history in the archive can't be read: {error}.", _DAMAGED) from error
    return sum(digest not in kept for (digest,) in used)


def _target(name: str, to: BackupSources) -> Path | None:
    """Return where a file of the archive goes; None for the manifest."""
    top, _, rest = name.partition("/")
    match top:
        case "data":
            return to.data / rest
        case "workflows":
            return to.workflows / rest
        case "users.json":
            return to.users
    return None


def _refuse_overwriting(contents: BackupContents, to: BackupSources) -> None:
    if to.data.exists() and any(to.data.iterdir()):
        raise ComfyError(f"The folder {to.data} isn't empty.", "Choose another one with --data.")
    for name, digest in contents.digests.items():
        target = _target(name, to)
        if target is None or not target.exists():
            continue
        with target.open("rb") as file:
            same = _copied(file, None) == digest
        if not same:
            raise ComfyError(
                f"{target} exists and differs from the backup.",
                "Move it away, or choose another folder with --workflows.",
            )


def back_up(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `backup`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    parser = _parser("backup", "Write the app's data and workflows to one archive.")
    parser.add_argument(
        "--files-only",
        action="store_true",
        help="leave out the history, if it is in another database that you back up yourself",
    )
    known, rest = parser.parse_known_args(arguments)
    path = known.file.absolute()

    def done() -> str:
        settings = read_settings(rest, serves=False)
        if known.check:
            return _checked(path)
        if settings.database is not None and not known.files_only:
            raise ComfyError(
                "The history is in another database.",
                "Back it up with its own tool, such as pg_dump, then use --files-only.",
            )
        sources = _sources(settings, history=not known.files_only)
        return f"Wrote {path}: {_summary(write_archive(path, sources))}"

    return reported("backup", done)


def restore(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `restore`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    parser = _parser("restore", "Restore an archive into an empty data folder.")
    known, rest = parser.parse_known_args(arguments)
    path = known.file.absolute()

    def done() -> str:
        settings = read_settings(rest, serves=False)
        if known.check:
            return _checked(path)
        sources = _sources(settings, history=True)
        contents = restore_archive(path, sources)
        return f"Restored {_summary(contents)} Start the app with --data {sources.data}."

    return reported("restore", done)


def _parser(name: str, about: str) -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} {name}", description=about, epilog=_ALSO, allow_abbrev=False
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the archive, such as forms.tar")
    parser.add_argument("--check", action="store_true", help=_CHECK)
    return parser


def _sources(settings: Settings, *, history: bool) -> BackupSources:
    data, workflows = settings.data.absolute(), settings.workflows.absolute()
    return BackupSources(data, workflows, settings.users_path, history)


def _checked(path: Path) -> str:
    return f"{path} is complete: {_summary(check_archive(path))}"


def _summary(contents: BackupContents) -> str:
    count, size = len(contents.digests), bytes_words(contents.size)
    sentence = f"{count:,} files, {size}."
    if not contents.has_history:
        sentence += " Without the history, which is in another database."
    if contents.missing:
        sentence += (
            f" {contents.missing} results that the history mentions aren't in it: they were"
            " deleted while the backup was written."
        )
    return sentence
