"""Download of a finished run's files from the server to the app's storage."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from comfy.base.errors import ComfyError, DiskFull, NotWritten, ServerError, ServerUnreachable
from comfy.base.messages import message
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.runs.timeouts import Timeouts, jitter

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore


log = logging.getLogger(__name__)

_OWN_TRIES = 3
_SLOWEST = 50_000  # bytes per second
_PREVIEW_SECONDS = 20.0


class ResultDownloader:
    """Downloader that fetches each file once. A file that can't be fetched keeps its name on the
    server and has no digest."""

    def __init__(self, kept: BlobStore, timing: Timeouts) -> None:
        self._kept = kept
        self._timing = timing
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._aborted, self._cancelled = threading.Event(), threading.Event()
        self.problem: NotWritten | None = None

    def fetch(
        self,
        client: Client,
        files: tuple[OutputFile, ...],
        *,
        holder: str,
        away: Callable[[], object],
        gives_way: Callable[[], bool],
    ) -> tuple[OutputFile, ...]:
        """Return the files with a local copy for `holder` where available; `problem` is a local
        reason for a failure, None if the server was the reason.

        `away` is called when the server doesn't answer; requests repeat until the patience (see
        `Timeouts`) ends. Raises ServerUnreachable or ServerError only if the server has been away
        for `Timeouts.elsewhere` and `gives_way` returns that the run moves to another server.
        """
        end = time.monotonic() + self._timing.patience
        with self._lock:
            timeout = self._timing.cancel_limit if self.cancelled else self._timing.call
            self._client = asking = client.fork(timeout=timeout)
        return tuple(self._fetch(asking, file, holder, away, gives_way, end) for file in files)

    @property
    def cancelled(self) -> bool:
        """Return whether the files are no longer needed."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop waiting for the files. Thread-safe. Missing files are dropped; if none was requested
        before, a server that answers at once still delivers them."""
        with self._lock:
            self._cancelled.set()
            has_begun = self._client is not None
        if has_begun:
            self.abort()

    def abort(self) -> None:
        """Abort the pending downloads. Thread-safe."""
        self._aborted.set()
        with self._lock:
            asking = self._client
        if asking is not None:
            asking.abort()

    def _fetch(
        self,
        client: Client,
        file: OutputFile,
        holder: str,
        away: Callable[[], object],
        gives_way: Callable[[], bool],
        end: float,
    ) -> OutputFile:
        attempt, away_since = 0, None
        while not self._aborted.is_set():
            try:
                with client.view(file) as answer:
                    away_since = None
                    _check_kind(file, answer.headers.get("content-type", ""))
                    chunks = _in_time(answer.iter_bytes(), end + (answer.size or 0) / _SLOWEST)
                    digest, size = self._kept.add(chunks, size=answer.size, holder=holder)
                has_preview = bool(file.preview_id) and self._add_preview(client, file, digest)
                preview_id = file.preview_id if has_preview else ""
                return replace(file, digest=digest, size=size, preview_id=preview_id)
            except ComfyError as error:
                attempt += 1
                log.info("Can't store a result: %s", error)
                if isinstance(error, DiskFull):
                    self.problem = error
                    break
                if self.cancelled:
                    self.abort()
                    break
                now = time.monotonic()
                away_since = away_since or now
                if _hopeless(error, attempt) or now >= end:
                    if isinstance(error, NotWritten):
                        self.problem = error
                    break
                if now - away_since >= self._timing.elsewhere and gives_way():
                    raise
                away()
                self._aborted.wait(self._timing.pause_after(attempt, jitter()))
        return file

    def _add_preview(self, client: Client, file: OutputFile, digest: str) -> bool:
        """Store the server's preview of a file as its thumbnail; return False if that fails."""
        try:
            with client.view(file, preview=True) as answer:
                end = time.monotonic() + _PREVIEW_SECONDS
                return self._kept.add_thumbnail(digest, _in_time(answer.iter_bytes(), end))
        except ComfyError as error:
            log.info("Can't fetch a result's preview: %s", error)
            return False


def _in_time(chunks: Iterator[bytes], end: float) -> Iterator[bytes]:
    """Yield the chunks. Raises ServerUnreachable if they still arrive after `end`, although each
    meets its timeout."""
    for chunk in chunks:
        if time.monotonic() > end:
            raise ServerUnreachable(
                message("The download from the server was cut off."),
                message("Try again later."),
            )
        yield chunk


def _check_kind(file: OutputFile, media_type: str) -> None:
    """Raise ComfyError if the server sends a web page or an error instead of an image, as a proxy
    may do."""
    if file.kind != "file" and media_type.startswith(("text/html", "application/json")):
        raise ComfyError(
            message("The server sent {file} as {type}.", file=file.name, type=media_type),
            message("Check the network or proxy between ComfyForms and the ComfyUI server."),
        )


def _hopeless(error: ComfyError, attempt: int) -> bool:
    """Return whether a retry is useless: the file is gone, or can't be stored here."""
    match error:
        case ServerError(status=status):
            return status < 500
        case ServerUnreachable(passing=passing):
            return not passing
        case _:
            return attempt >= _OWN_TRIES
