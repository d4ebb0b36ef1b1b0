"""Changes of albums, as server-sent events, also changes by other processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from cachetools import LRUCache, TTLCache

from comfy.base.errors import ComfyError
from comfyforms.plugins.albums.store import AlbumNotFound, AlbumStore, Counts
from ui.api.streams import SILENCE
from ui.web.responses import json_text

_LOOK_SECONDS = 0.5  # until a change by another process, or a deleted result, shows
_MOST = 1000  # albums in memory
_END = b"event: end\ndata: {}\n\n"


class AlbumWatch:
    """Watcher of albums, which looks at an album once for all pages that show it. Each look reads
    the version only, and the number of items once per version."""

    def __init__(self, store: AlbumStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._versions = TTLCache[str, int](_MOST, _LOOK_SECONDS)
        self._stamps = LRUCache[str, tuple[int, Counts]](_MOST)

    async def events(
        self,
        album: str,
        seen: Callable[[Counts], Counts],
        check: Callable[[], object],
        is_over: Callable[[], bool],
    ) -> AsyncGenerator[bytes]:
        """Yield an event now and after each change, until the app ends. `seen`: returns the numbers
        of the results that the caller sees; `check`: raises AlbumNotFound once the caller may no
        longer see the album; it blocks."""
        known: tuple[int, Counts] | None = None
        checked_at = time.monotonic()
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def hear(which: str) -> None:
            if which == album:
                with self._lock:
                    self._versions.pop(album, None)
                with suppress(RuntimeError):  # the loop is closed: the app has ended
                    loop.call_soon_threadsafe(changed.set)

        leave = self._store.changes.add(hear)
        try:
            while not is_over():
                changed.clear()
                try:
                    stamp = await asyncio.to_thread(self._stamp, album)
                    is_silent = time.monotonic() > checked_at + SILENCE
                    if stamp != known or is_silent:
                        await asyncio.to_thread(check)
                        checked_at = time.monotonic()
                        news = json_text({"version": stamp[0], "items": seen(stamp[1]).items})
                        is_new, known = stamp != known, stamp
                        event = f"event: change\ndata: {news}\n\n".encode()
                        yield event if is_new else b": here\n\n"
                except AlbumNotFound:
                    yield _END
                    return
                except ComfyError:
                    pass  # other jobs log that the database is away
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _LOOK_SECONDS)
        finally:
            leave()

    def _stamp(self, album: str) -> tuple[int, Counts]:
        """Return an album's version and numbers of items."""
        with self._lock:
            version = self._versions.get(album)
        if version is None:
            version = self._store.version(album)
            with self._lock:
                self._versions[album] = version  # only now, as each write renews its time
        with self._lock:
            stamp = self._stamps.get(album, (0, Counts()))
        if stamp[0] != version:
            stamp = version, self._store.counts([album])[album]
            with self._lock:
                self._stamps[album] = stamp
        return stamp
