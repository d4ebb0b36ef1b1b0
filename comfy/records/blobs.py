"""Files stored on disk under the SHA-256 of their bytes: identical files are stored once, and never
half-written.

Stored files without their metadata, for links to results.

Space that rows and files may use, and when to check it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cachetools import LRUCache, TTLCache
from filelock import FileLock, Timeout

from comfy.base.errors import ComfyError, NotWritten, not_written, words_of
from comfy.base.messages import message
from comfy.comfyui.protocol.result_types import FileKind
from comfy.media.decoding import DecodingSlots, Undecodable, opened
from comfy.media.stripping.kinds import strip
from comfy.media.stripping.pieces import CannotStrip, Stripped
from comfy.media.thumbnails import color_of, sound_thumbnail, thumbnail_of

if TYPE_CHECKING:
    from comfy.records.used_files import HeldFiles

log = logging.getLogger(__name__)
_MOST_HELD = 64 * 1024 * 1024  # bytes
_REFUSED = 1000  # bytes to count for a refusal
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OURS = re.compile(
    r"files|thumbnails|parts|uploads|forms|templates|temporary|processes|lock|secret(\.lock)?|users\.json.*|(history|sign_in)\..*"
)  # the app's own files
_DAY = 24 * 3600.0
_LARGEST_PREVIEW = 8 * 1024 * 1024  # bytes
_WAITING_SOUNDS = 8  # each takes a thread; a browser requests six files at a time
_THUMBNAILS: Mapping[FileKind, Callable[[Path], bytes | None]] = MappingProxyType(
    {"image": thumbnail_of, "audio": sound_thumbnail}
)
_SLACK = 1 / 100  # part of the limit that may be written between two checks
_LEAST_SLACK = 1_000_000.0  # bytes
_PROBE, _PROBED_EACH = bytes(65_536), 1.0  # seconds
_MOST_UNDRAWABLE, _TRIED_AGAIN = 10_000, 3600.0  # files, seconds


class StrippedFiles:
    """Cache of stripped files by digest. Thread-safe; one file is read at a time.

    `path`: returns the path of a stored file, None if it isn't stored.
    """

    def __init__(self, path: Callable[[str], Path | None]) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: LRUCache[str, Stripped | None] = LRUCache(
            _MOST_HELD, getsizeof=lambda stripped: stripped.held if stripped else _REFUSED
        )

    def of(self, digest: str) -> Stripped | None:
        """Return the file without metadata; its content is read from the stored file.

        None if the file isn't stored, is damaged, or is of a kind whose metadata can't be removed.
        """
        path = self._path(digest)
        if path is None:
            return None
        with self._lock:
            if digest not in self._known:
                try:
                    with path.open("rb") as file:
                        self._known[digest] = strip(file)
                except CannotStrip as problem:
                    log.info("The metadata of %s can't be removed: %s", path.name, problem)
                    self._known[digest] = None
                except OSError as problem:
                    log.info("A stored file can't be read: %s", problem)
                    return None
            return self._known[digest]


class DiskUsage(NamedTuple):
    """Bytes of a disk."""

    total: int
    free: int


class BlobStore:
    """Folder of files named by digest, for any number of threads of one process.

    `folder`: the data folder. `ours`: no other process had it open when this one opened it, so
    unfinished files in it are abandoned. `is_shared`: other processes of the app use it, too.
    `turns`: limits large images in memory. `stripped`: the files without metadata.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        """Create or open the folder, and delete files that a killed process left half-written.
        Raises ComfyError if the folder can't be used."""
        self.is_shared = shared
        self.folder = folder
        self._claim = FileLock(folder / "lock", blocking=False, thread_local=False)
        self._files, self._thumbnails, self._parts = (
            folder / name for name in ("files", "thumbnails", "parts")
        )
        self._lock = threading.Lock()
        self._held: dict[str, set[str]] = {}
        self._shared: HeldFiles | None = None
        self.turns = DecodingSlots()
        self.stripped = StrippedFiles(self.path)
        self._sound_turn, self._waiting = threading.Lock(), threading.Semaphore(_WAITING_SOUNDS)
        self._written_at = float("-inf")
        self._undrawable: TTLCache[str, bool] = TTLCache(_MOST_UNDRAWABLE, _TRIED_AGAIN)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for part in (self._files, self._thumbnails, self._parts):
                part.mkdir(exist_ok=True)
            _close_to_others(folder)
            self.ours = not shared and self._claimed()
            for leftover in self._parts.iterdir() if self.ours else ():
                leftover.unlink(missing_ok=True)
            tempfile.TemporaryFile(dir=self._parts).close()
        except OSError as error:
            raise ComfyError(
                f"Can't store files in {folder}: {words_of(error)}.",
                "Choose another folder, or give this program write access.",
            ) from error

    def disk(self) -> DiskUsage:
        """Return the total and free bytes of the disk with the files. Raises OSError."""
        usage = shutil.disk_usage(self._files)
        return DiskUsage(usage.total, usage.free)

    def close(self) -> None:
        """Release the folder for other processes."""
        self._claim.release()

    def add(
        self, chunks: Iterable[bytes], *, size: int | None = None, holder: str = ""
    ) -> tuple[str, int]:
        """Store these bytes and return their digest (hex) and their number.

        `size`: the announced number of bytes. Raises ComfyError if there are more or fewer, or if
        they can't be written. Exceptions of `chunks` propagate. An incomplete file is removed.
        `holder`: a run id that protects the file from `remove` until `release`, also if another
        owner deletes the same bytes meanwhile.
        """
        part = self._parts / f"{secrets.token_hex(8)}.part"
        try:
            digest, count = _write(part, chunks, size)
            if holder:
                self._share(digest, holder)
            with self._lock:
                self._put(part, digest, count)
                if holder:
                    self._held.setdefault(holder, set()).add(digest)
        except OSError as error:
            raise _not_written(error) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return digest, count

    def check_writable(self) -> None:
        """Raise NotWritten if no file can be stored now. Looks at most once a second."""
        now = time.monotonic()
        if now - self._written_at < _PROBED_EACH:
            return
        part = self._parts / f"{secrets.token_hex(8)}.part"
        try:
            part.write_bytes(_PROBE)  # without a wait for the disk, as starts wait for this
            self._written_at = now
        except OSError as error:
            raise _not_written(error) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def hold(self, digest: str, holder: str) -> bool:
        """Protect a stored file from `remove` until `holder` is released; return False if it isn't
        stored."""
        self._share(digest, holder)
        with self._lock:
            self._held.setdefault(holder, set()).add(digest)
            return self.path(digest) is not None

    def release(self, holder: str) -> None:
        """Stop protecting files for this holder."""
        with self._lock:
            held = self._held.pop(holder, None)
        if held and self._shared is not None:
            try:
                self._shared.release(holder)
            except ComfyError as problem:  # a sweep removes the rows
                log.warning("Files stay held for a day: %s", problem)

    def share(self, held: HeldFiles) -> None:
        """Hold files for other processes, too, which have the same folder and database."""
        self._shared = held

    def _share(self, digest: str, holder: str) -> None:
        if self._shared is not None:
            try:
                self._shared.hold(digest, holder)
            except ComfyError as problem:  # a result must be stored also without the database
                log.warning("A file is held in this process only: %s", problem)

    def path(self, digest: str) -> Path | None:
        """Return the path of a file; None if it isn't stored or the digest is invalid."""
        path = _place(self._files, digest)
        return path if path is not None and path.is_file() else None

    def size(self, digest: str) -> int:
        """Return the size of a file in bytes; 0 if it isn't stored."""
        path = self.path(digest)
        try:
            return path.stat().st_size if path else 0
        except OSError:
            return 0

    def pixels(self, digest: str) -> tuple[int, int]:
        """Return the size of a stored image, from the file's header; (0, 0) if it isn't a readable
        image."""
        path = self.path(digest)
        try:
            with opened(path) if path else contextlib.nullcontext() as image:
                return image.size if image else (0, 0)
        except Undecodable:
            return (0, 0)

    def ratio(self, digest: str) -> float | None:
        """Return the width of a stored image divided by its height; None if it isn't a readable
        image."""
        width, height = self.pixels(digest)
        return round(width / height, 3) if height else None

    def color(self, digest: str) -> str | None:
        """Return the average color of a thumbnail, such as "#1e2a3b"; None if there isn't one yet,
        or it doesn't have its color."""
        path = _place(self._thumbnails, digest, ".webp")
        return color_of(path) if path else None

    def thumbnail(self, digest: str, kind: FileKind) -> Path | None:
        """Return a small WebP of an image or a sound, creating it if needed; None for other or
        unreadable files."""
        source, target = self.path(digest), _place(self._thumbnails, digest, ".webp")
        if source is None or target is None:
            return None
        if target.is_file() or kind not in _THUMBNAILS:
            return target if target.is_file() else None
        data = self._drawn(digest, kind, source, target)
        if target.is_file() or data is None:
            return target if target.is_file() else None
        return target if self._put_thumbnail(source, target, data) else None

    def add_thumbnail(self, digest: str, chunks: Iterable[bytes]) -> bool:
        """Draw a stored file's thumbnail from another image, the server's preview of it. Return
        False if the image is too large or unreadable. Exceptions of `chunks` propagate."""
        source, target = self.path(digest), _place(self._thumbnails, digest, ".webp")
        if source is None or target is None or target.is_file():
            return source is not None and target is not None
        image = bytearray()
        for chunk in chunks:
            image += chunk
            if len(image) > _LARGEST_PREVIEW:
                return False
        with self.turns.turn():
            data = thumbnail_of(io.BytesIO(image))
        return data is not None and self._put_thumbnail(source, target, data)

    def _put_thumbnail(self, source: Path, target: Path, data: bytes) -> bool:
        part = self._parts / f"{secrets.token_hex(8)}.part"
        try:
            _write(part, [data], None)
            with self._lock:
                if not source.is_file():  # removed while the thumbnail was drawn
                    return False
                target.parent.mkdir(exist_ok=True)
                part.replace(target)
        except OSError:
            return False
        else:
            return True
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _drawn(self, digest: str, kind: FileKind, source: Path, place: Path) -> bytes | None:
        """Return a new thumbnail. None if it exists already, if too many sounds wait, or if it
        can't be drawn, which is remembered for a while."""
        is_sound = kind == "audio"
        if self._cannot_draw(digest) or (is_sound and not self._waiting.acquire(blocking=False)):
            return None
        try:
            # Sounds have their own lock, so that a slow one doesn't delay images.
            with self._sound_turn if is_sound else self.turns.turn():
                if place.is_file() or self._cannot_draw(digest):
                    return None
                data = _THUMBNAILS[kind](source)
                if data is None:
                    with self._lock:
                        self._undrawable[digest] = True
                return data
        finally:
            if is_sound:
                self._waiting.release()

    def _cannot_draw(self, digest: str) -> bool:
        with self._lock:
            return digest in self._undrawable

    def remove_all(self, digests: Iterable[str]) -> None:
        """Remove these files, as in `remove`."""
        for digest in digests:
            self.remove(digest)

    def remove(self, digest: str) -> int:
        """Remove a file and its thumbnail unless it is held; return the number of bytes freed."""
        with self._lock:
            path, small = _place(self._files, digest), _place(self._thumbnails, digest, ".webp")
            if path is None or small is None or any(digest in held for held in self._held.values()):
                return 0
            try:
                freed = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                freed = 0
            except OSError as error:
                raise ComfyError(
                    f"Can't delete a stored file: {words_of(error)}.",
                    "Give this program write access to its file folder.",
                ) from error
            with contextlib.suppress(OSError):
                small.unlink(missing_ok=True)
            return freed

    def remove_parts(self, before: float) -> None:
        """Remove half-written files that are older than this moment, in seconds since 1970."""
        for part in self._parts.iterdir():
            with contextlib.suppress(OSError):
                if part.stat().st_mtime < before:
                    part.unlink()

    def unused_since(self, moment: float) -> Iterator[str]:
        """Yield the digests of files last added before this moment (`time.time`), or more than a
        day in the future because of a wrong clock."""
        to_come = time.time() + _DAY
        for name, status in _listed(self._files):
            if not moment <= status.st_mtime <= to_come and _DIGEST.fullmatch(name):
                yield name

    def _claimed(self) -> bool:
        try:
            self._claim.acquire()
        except Timeout:
            return False
        return True

    def _put(self, part: Path, digest: str, count: int) -> None:
        path = _place(self._files, digest)
        assert path is not None
        path.parent.mkdir(exist_ok=True)
        if path.is_file() and path.stat().st_size == count:
            os.utime(path)
        else:
            part.replace(path)


def _not_written(error: OSError) -> NotWritten:
    return not_written(
        error,
        message("A file couldn't be saved: {why}.", why=words_of(error)),
        message("Try again."),
    )


def _write(part: Path, chunks: Iterable[bytes], size: int | None) -> tuple[str, int]:
    """Write the bytes to a new file, safely on disk; return their digest and count."""
    digest, count = hashlib.sha256(), 0
    with open(part, "xb", buffering=0, opener=_private) as target:
        for chunk in chunks:
            count += len(chunk)
            if size is not None and count > size:
                break
            digest.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[target.write(rest) :]
        if size is not None and count != size:
            raise ComfyError(
                message("The download from the server was cut off."),
                message("Try again."),
            )
        os.fsync(target.fileno())
    return digest.hexdigest(), count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _close_to_others(folder: Path) -> None:
    """Deny other accounts of this machine access to the users' files, also in an existing folder.

    A folder with unrelated content (`/srv`) keeps its mode; the app's own files in it are closed.
    """
    inside = list(folder.iterdir())
    mine = [path for path in inside if _OURS.fullmatch(path.name)]
    try:
        if len(mine) == len(inside):
            folder.chmod(0o700)
        for path in mine:
            if path.is_dir() and path.stat().st_mode & 0o077:
                path.chmod(0o700)
                _close_files(path)
    except OSError as error:
        log.warning(
            "Other accounts on this machine may be able to read %s: %s",
            folder,
            error.strerror or error,
        )


def _close_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # removed by another process
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)


def _place(folder: Path, digest: str, suffix: str = "") -> Path | None:
    return folder / digest[:2] / f"{digest}{suffix}" if _DIGEST.fullmatch(digest) else None


def _listed(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and status of every file in the folder's subfolders, except files that vanish
    meanwhile."""
    for group in sorted(folder.iterdir()):
        with contextlib.suppress(OSError), os.scandir(group) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    yield entry.name, entry.stat()


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """Limits of the history: `days` that finished runs are stored, and the total `bytes` of all
    owners' records and files. Above that total, the oldest runs of the largest owner are deleted,
    favorites last."""

    days: float = 30
    bytes: int = 20 * 2**30


@dataclass(frozen=True, slots=True)
class Room:
    """Limit in bytes for the rows and files of one kind. `grew` gets the number of added bytes and
    may delete older data, so call it without a lock or a transaction."""

    most: float
    grew: Callable[[float], None]


@dataclass(slots=True)
class Growth:
    """Thread-safe counter of the bytes added since the last check."""

    most: float  # bytes of all rows and files together
    _added: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def slack(self) -> float:
        """Return the bytes that may be added before the next check."""
        return max(_LEAST_SLACK, self.most * _SLACK)

    def add(self, size: float) -> bool:
        """Count added bytes. Return True if a check is due, once for each check."""
        with self._lock:
            self._added += size
            if self._added <= self.slack:
                return False
            self._added = 0.0
            return True
