"""Changes of albums, as server-sent events, also changes by other processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable

from cachetools import TTLCache, cached

from comfy.base.errors import AlbumNotFound, ComfyError
from ui.api.streams import SILENCE
from ui.web.responses import json_text

_LOOK_SECONDS = 0.3
_MOST = 1000  # albums in memory
_END = b"event: end\ndata: {}\n\n"


class AlbumWatch:
    """Watcher of albums, which looks at an album once for all pages that show it."""

    def __init__(self, stamp_of: Callable[[str], tuple[int, int]]) -> None:
        """`stamp_of`: returns an album's version and number of items; blocks."""
        looked = TTLCache[str, tuple[int, int]](_MOST, _LOOK_SECONDS)
        self._stamp_of = cached(looked, lock=threading.Lock())(stamp_of)

    async def events(
        self, album: str, check: Callable[[], object], is_over: Callable[[], bool]
    ) -> AsyncGenerator[bytes]:
        """Yield an event now and after each change, until the app ends. `check`: raises
        AlbumNotFound once the caller may no longer see the album; it blocks."""
        known: tuple[int, int] | None = None
        checked_at = time.monotonic()
        while not is_over():
            try:
                stamp = await asyncio.to_thread(self._stamp_of, album)
                is_silent = time.monotonic() > checked_at + SILENCE
                if stamp != known or is_silent:
                    await asyncio.to_thread(check)
                    checked_at = time.monotonic()
                    news = json_text({"version": stamp[0], "items": stamp[1]})
                    is_new, known = stamp != known, stamp
                    yield f"event: change\ndata: {news}\n\n".encode() if is_new else b": here\n\n"
            except AlbumNotFound:
                yield _END
                return
            except ComfyError:
                pass  # other jobs log that the database is away
            await asyncio.sleep(_LOOK_SECONDS)
