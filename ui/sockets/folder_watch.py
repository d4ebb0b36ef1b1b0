"""Watch for changes in the workflow folder, shared by all open pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping

from comfy.base.threads import repeated

_LOOK_SECONDS = 0.5


class FolderWatch:
    """Watcher of the folder, active while pages listen and shared by all of them."""

    def __init__(self, stamps: Callable[[], Mapping[str, object]]) -> None:
        """`stamps`: returns values, by name, that change when a workflow changes."""
        self._stamps = stamps
        self._listeners: set[asyncio.Queue[list[str]]] = set()
        self._task: asyncio.Task[None] | None = None
        self._known: Mapping[str, object] | None = None  # set while pages listen

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[list[str]]]:
        """Yield a queue with lists of names that were added, edited or removed."""
        queue: asyncio.Queue[list[str]] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        if self._task is None:
            self._known = None
            self._task = asyncio.create_task(repeated(self._look, _LOOK_SECONDS))
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                self._task.cancel()
                self._task = None

    async def _look(self) -> None:
        now = await asyncio.to_thread(self._stamps)
        known, self._known = now if self._known is None else self._known, now
        changed = sorted(name for name in {*known, *now} if known.get(name) != now.get(name))
        for queue in list(self._listeners) if changed else ():
            with contextlib.suppress(asyncio.QueueFull):  # a page that doesn't read misses some
                queue.put_nowait(changed)
