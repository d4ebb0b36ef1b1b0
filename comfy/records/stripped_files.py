"""Stored files without their metadata, for links to results."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from cachetools import LRUCache

from comfy.media.stripping.kinds import strip
from comfy.media.stripping.pieces import CannotStrip, Stripped

log = logging.getLogger(__name__)

_MOST_HELD = 64 * 1024 * 1024  # bytes
_REFUSED = 1000  # bytes to count for a refusal


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
