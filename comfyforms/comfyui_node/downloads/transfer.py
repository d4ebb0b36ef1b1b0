"""Download of one file: resumed where it stopped, checked, and then moved to its place."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import urllib3

from .connection import open_download
from .hosts import HUGGING_FACE, AllowedHosts, split_address
from .problems import DownloadProblem, HostUnreachable, WrongContent
from .targets import Target

_PIECE = 64 * 1024  # bytes; more would delay the progress on slow lines
_ROOM_LEFT = 64 * 1024 * 1024  # bytes that stay free on the disk
_ROOM_STEP = 64 * 1024 * 1024  # bytes of a file of unknown size between checks of the disk
_DIGITS = 18  # maximum digits of a plausible size; a host may send any number
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_RANGE = re.compile(r"bytes (?:[0-9]+-[0-9]+|\*)/([0-9]+)")
_LARGEST_HEADER = 100_000_000  # bytes, as in the safetensors library


class TransferStopped(Exception):
    """The download was paused or removed."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """Address of a file. `sha256`: the expected checksum, or "". `etag`: of the content that the
    partial file has, or ""."""

    url: str
    hosts: AllowedHosts
    sha256: str = ""
    etag: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Properties of a remote file. `size`: None if the host doesn't report it."""

    size: int | None
    sha256: str = ""


class TransferProgress:
    """Progress of a transfer. Its thread changes it, and other threads read it. `stopped` ends the
    transfer at once; `on_start` is called with the ETag before content is written. `reserve`
    takes the number of a disk, and returns the bytes that other downloads will need there."""

    def __init__(
        self, on_start: Callable[[str], None], reserve: Callable[[int], int] = lambda _: 0
    ) -> None:
        self.received = 0
        self.size: int | None = None
        self.checking = False
        self.on_start = on_start
        self.reserve = reserve
        self._stopped = threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End the transfer at once. Thread-safe."""
        self._stopped.set()
        with self._lock:
            _shut_down(self._response)

    def wait(self, seconds: float) -> None:
        """Wait before another attempt. Raises TransferStopped."""
        self._stopped.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise TransferStopped after `stop`."""
        if self._stopped.is_set():
            raise TransferStopped

    def reads(self, response: urllib3.BaseHTTPResponse | None) -> None:
        """Note the response whose body is read now."""
        with self._lock:
            self._response = response
            if self._stopped.is_set():
                _shut_down(response)


def _shut_down(response: urllib3.BaseHTTPResponse | None) -> None:
    # Without this method, as in urllib3 before 2.3, the thread ends after its next piece.
    shut_down = getattr(response, "shutdown", None)
    if shut_down is not None:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            shut_down()


def download_address(url: str) -> str:
    """Return the address of a file's content, for one that may lead to its page on Hugging Face."""
    try:
        origin, path = split_address(url)
    except ValueError:
        return url
    parts = path.split("/")
    if origin.host == HUGGING_FACE and len(parts) > 4 and parts[3] == "blob":
        return url.replace("/blob/", "/resolve/", 1)
    return url


def facts_of(source: FileSource) -> FileFacts:
    """Ask the host for a file's properties. Raises DownloadProblem."""
    headers = {"Range": "bytes=0-0"}  # some storage hosts refuse HEAD for signed addresses
    with open_download("GET", source.url, source.hosts, token=source.token, headers=headers) as (
        response,
        described,
    ):
        return _facts(response, described)


def _facts(response: urllib3.BaseHTTPResponse, described: Mapping[str, str]) -> FileFacts:
    found = _SHA256.fullmatch(described.get("x-linked-etag", "").lower())
    linked = _number(described.get("x-linked-size", ""))
    size = _size(response) if linked is None else linked
    return FileFacts(size, found.group(1) if found else "")


def _size(response: urllib3.BaseHTTPResponse) -> int | None:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if found:
        return _number(found.group(1))
    return _number(response.headers.get("content-length", "")) if response.status == 200 else None


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if is_number else None


def fetch(source: FileSource, target: Target, progress: TransferProgress) -> None:
    """Download a file to its place. Content of an earlier attempt is kept if the host still has
    the same file.

    Raises TransferStopped, HostUnreachable if another attempt may continue, and DownloadProblem.
    """
    progress.checking = False
    with _disk_errors():
        target.partial.parent.mkdir(parents=True, exist_ok=True)
        with target.partial.open("ab") as file:
            expected = _receive(source, file, progress)
            file.flush()
            os.fsync(file.fileno())
        _check_content(target, expected, progress)
        _publish(target)


def discard(target: Target) -> None:
    """Delete a file's partial content."""
    target.partial.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other partial files are there
        target.partial.parent.rmdir()


def _receive(source: FileSource, file: BinaryIO, progress: TransferProgress) -> str:
    """Append the rest of the content to the partial file; return the expected checksum, or ""."""
    held = file.seek(0, os.SEEK_END)
    headers = _continuing(source, held)
    with open_download("GET", source.url, source.hosts, token=source.token, headers=headers) as (
        response,
        described,
    ):
        if response.headers.get("content-type", "").startswith("text/html"):
            raise DownloadProblem("The host sent a web page instead of the file.")
        facts = _facts(response, described)
        if source.sha256 and facts.sha256 and source.sha256 != facts.sha256:
            raise WrongContent("The host has another file than the one that the workflow names.")
        if not _continues(response, held):
            held = 0
            file.truncate(0)
        if response.status == 416 and not held:
            raise HostUnreachable("The host has a shorter file now. It is downloaded again.")
        progress.size, progress.received = facts.size, held
        etag = response.headers.get("etag", "")
        progress.on_start(etag if etag.startswith('"') else "")
        if response.status != 416:
            if facts.size is not None:
                _check_room(file, facts.size - held, progress)
            _copy(response, file, progress)
    return source.sha256 or facts.sha256


def _continuing(source: FileSource, held: int) -> dict[str, str]:
    """Return the headers that request the rest of a file after its first `held` bytes."""
    if not held or not (source.etag or source.sha256):
        return {}
    return {"Range": f"bytes={held}-"} | ({"If-Range": source.etag} if source.etag else {})


def _continues(response: urllib3.BaseHTTPResponse, held: int) -> bool:
    """Return whether a response continues after `held` bytes, or says that these are all."""
    about = response.headers.get("content-range", "")
    return response.status in (206, 416) and (
        about.startswith(f"bytes {held}-") or about == f"bytes */{held}"
    )


def _copy(response: urllib3.BaseHTTPResponse, file: BinaryIO, progress: TransferProgress) -> None:
    """Append a response's body to the partial file. A host that sends more than it announced must
    not fill the disk."""
    progress.reads(response)
    checked = progress.received
    try:
        for piece in response.stream(_PIECE, decode_content=False):
            progress.check()
            after = progress.received + len(piece)
            if progress.size is not None and after > progress.size:
                raise WrongContent("The host sends more than the size that it announced.")
            if progress.size is None and after > checked:
                _check_room(file, _ROOM_STEP, progress)
                checked = after + _ROOM_STEP
            file.write(piece)
            progress.received += len(piece)
    finally:
        progress.check()
        progress.reads(None)
    if progress.size is not None and progress.received != progress.size:
        raise HostUnreachable("The connection ended early.")


def _check_room(file: BinaryIO, missing: int, progress: TransferProgress) -> None:
    promised = progress.reserve(os.fstat(file.fileno()).st_dev)
    free = max(shutil.disk_usage(Path(file.name).parent).free - promised, 0)
    if free < missing + _ROOM_LEFT:
        raise DownloadProblem(
            f"The disk has too little space: {_amount(missing)} needed, {_amount(free)} free."
        )


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _check_content(target: Target, expected: str, progress: TransferProgress) -> None:
    """Raise WrongContent unless the partial file has its format and the expected checksum."""
    progress.checking = True
    digest = hashlib.sha256()
    with target.partial.open("rb") as file:
        start = file.read(_PIECE)
        if not _has_format(target.file.suffix.lower(), start):
            raise WrongContent(f"The content isn't a {target.file.suffix} file.")
        piece = start
        while expected and piece:
            progress.check()
            digest.update(piece)
            piece = file.read(_PIECE)
    if expected and digest.hexdigest() != expected:
        raise WrongContent("The checksum (SHA-256) of the downloaded file is wrong.")


def _has_format(ending: str, start: bytes) -> bool:
    if ending in (".safetensors", ".sft"):
        return start[8:9] == b"{" and int.from_bytes(start[:8], "little") < _LARGEST_HEADER
    return start.startswith(b"GGUF") if ending == ".gguf" else bool(start)


def _publish(target: Target) -> None:
    """Move the complete file to its place, so that ComfyUI lists it."""
    target.file.parent.mkdir(parents=True, exist_ok=True)
    if target.file.exists():
        raise DownloadProblem("A file of this name was added in the meantime.")
    target.partial.replace(target.file)
    if os.name == "posix":  # makes the new name durable
        place = os.open(target.file.parent, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)
    discard(target)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadProblem("The disk is full.") from error
        raise DownloadProblem(f"The file can't be written: {error.strerror}.") from error
