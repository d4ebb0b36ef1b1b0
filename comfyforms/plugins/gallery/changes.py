"""Changes of albums, as server-sent events. One query looks for the changes of all watched albums,
also those by other processes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from comfy.base.errors import ComfyError
from comfy.base.threads import repeated
from ui.api.streams import SILENCE
from ui.web.responses import json_text

_LOOK_SECONDS = 0.4
Stamps = dict[str, tuple[int, int]]


@dataclass(slots=True)
class AlbumWatch:
    """Watcher of albums, active while pages listen and shared by all of them. `read`: returns the
    stamps of albums by id; blocks. Belongs to the event loop."""

    read: Callable[[Collection[str]], Stamps]
    _stamps: Stamps = field(default_factory=dict)
    _watched: Counter[str] = field(default_factory=Counter)
    _looked: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    @contextmanager
    def _listening(self, album: str) -> Iterator[None]:
        self._watched[album] += 1
        if self._task is None:
            self._task = asyncio.create_task(repeated(self._look, _LOOK_SECONDS))
        try:
            yield
        finally:
            self._watched[album] -= 1
            self._watched += Counter()  # drops albums without listeners
            if not self._watched and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _look(self) -> None:
        with suppress(ComfyError):  # other jobs log that the database is away
            self._stamps = await asyncio.to_thread(self.read, list(self._watched))
        self._looked.set()
        self._looked = asyncio.Event()

    async def events(
        self, album: str, check: Callable[[], object], is_over: Callable[[], bool]
    ) -> AsyncGenerator[bytes]:
        """Yield an event now and after each change, until the app ends. `check`: raises ComfyError
        once the caller may no longer see the album; it blocks."""
        known: tuple[int, int] | None = None
        checked_at = time.monotonic()
        with self._listening(album):
            while not is_over():
                await self._looked.wait()
                stamp = self._stamps.get(album)
                is_silent = time.monotonic() > checked_at + SILENCE
                if stamp == known and stamp is not None and not is_silent:
                    continue
                try:
                    await asyncio.to_thread(check)
                except ComfyError:
                    yield b"event: end\ndata: {}\n\n"
                    return
                checked_at = time.monotonic()
                if stamp == known or stamp is None:
                    yield b": still here\n\n"
                    continue
                known = stamp
                news = json_text({"version": stamp[0], "items": stamp[1]})
                yield f"event: change\ndata: {news}\n\n".encode()
