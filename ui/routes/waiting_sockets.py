"""Sockets that pages open before a press of Generate, so that previews need no new connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from comfy.runs.interface import Run

HEADER = "x-run-socket"  # of a request that starts runs: the key of the socket that follows


class WaitingSockets:
    """The sockets that wait for the next run of their page, by owner and key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Callable[[Run], None]] = {}

    @contextmanager
    def wait(self, owner: str, key: str) -> Iterator[asyncio.Future[Run]]:
        """Wait on the running event loop for the run that `hand_over` is given with this key.

        The key of another waiting socket is never answered.
        """
        loop, place = asyncio.get_running_loop(), (owner, key)
        coming: asyncio.Future[Run] = loop.create_future()

        def resolve(run: Run) -> None:
            if not coming.done():
                coming.set_result(run)

        def resolve_from_thread(run: Run) -> None:
            with suppress(RuntimeError):  # the loop is closed: the app has ended
                loop.call_soon_threadsafe(resolve, run)

        with self._lock:
            self._waiting.setdefault(place, resolve_from_thread)
        try:
            yield coming
        finally:
            with self._lock:
                if self._waiting.get(place) is resolve_from_thread:
                    del self._waiting[place]

    def hand_over(self, run: Run, key: str) -> None:
        """Let the owner's socket with this key follow a run; do nothing if there is none."""
        with self._lock:
            resolve = self._waiting.pop((run.owner, key), None)
        if resolve is not None:
            resolve(run)
