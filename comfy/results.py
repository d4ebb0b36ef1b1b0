"""The files of a finished run on their way from the server into our own keeping."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from comfy.client import Client
from comfy.errors import ComfyError, ServerError
from comfy.outputs import OutputFile
from comfy.timing import Timing

if TYPE_CHECKING:
    from comfy.files_kept import FilesKept

__all__ = ["Results"]

log = logging.getLogger(__name__)


class Results:
    """Fetches files, each once. One that cannot be had stays known by its name on the server, without a digest."""

    def __init__(self, client: Client, kept: FilesKept, timing: Timing) -> None:
        self._client = client.fork(timeout=timing.call)
        self._kept = kept
        self._timing = timing
        self._aborted = threading.Event()

    def fetch(self, files: tuple[OutputFile, ...], away: Callable[[], object]) -> tuple[OutputFile, ...]:
        """The same files, kept here as far as they could be had. ``away`` is called when the server does not answer;
        it is asked again until its patience (see `Timing`) is at an end."""
        end = time.monotonic() + self._timing.patience
        return tuple(self._fetch(file, away, end) for file in files)

    def abort(self) -> None:
        """From another thread: let go of what has not come yet."""
        self._aborted.set()
        self._client.abort()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _fetch(self, file: OutputFile, away: Callable[[], object], end: float) -> OutputFile:
        attempt = 0
        while not self._aborted.is_set():
            try:
                with self._client.view(file) as answer:
                    announced = answer.headers.get("content-length", "")
                    size = int(announced) if announced.isdecimal() else None
                    digest, size = self._kept.add(answer.iter_bytes(), size=size)
                return replace(file, digest=digest, size=size)
            except ComfyError as error:
                attempt += 1
                log.info("%s could not be fetched: %s", file.filename, error)
                gone = isinstance(error, ServerError) and error.status < 500
                if gone or time.monotonic() >= end:
                    break
                away()
                self._aborted.wait(self._timing.pause_after(attempt))
        return file
