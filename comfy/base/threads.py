"""Start threads on a machine that may not allow any more.

Callback lists for change notifications.

Periodic jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Generic, ParamSpec, TypeVar

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.messages import message

log = logging.getLogger(__name__)
_RESTART_PAUSE = 1.0  # seconds until a failed job starts again
_T = TypeVar("_T")
_R = TypeVar("_R")
P = ParamSpec("P")


def start_thread(thread: threading.Thread) -> None:
    """Start a thread. Raises TooManyThreads if the system refuses, for example because of a process
    limit or low memory."""
    with _starting(thread.name):
        thread.start()


def in_threads(
    call: Callable[[_T], _R],
    items: Sequence[_T],
    *,
    name: str,
    give_up: Callable[[_T], None] = lambda _: None,
) -> list[_R]:
    """Call the function for all items at once, each in a thread with this name prefix, and return
    the results. Raises the calls' exceptions, and TooManyThreads like `start_thread`. `give_up`:
    aborts the call for an item when the result is no longer needed, for example after a signal."""
    with ThreadPoolExecutor(len(items), name) as threads:
        try:
            with _starting(name):
                results = threads.map(call, items)
            return list(results)
        except BaseException:
            for item in items:
                give_up(item)
            raise


@contextmanager
def _starting(name: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        log.warning("Can't start the thread %s: %s", name, error)
        raise TooManyThreads(
            message("The server is out of resources."),
            message("Try again later."),
        ) from error


class Callbacks(Generic[P]):
    """Thread-safe list of callbacks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Callable[P, None], ...] = ()

    def add(self, callback: Callable[P, None]) -> Callable[[], None]:
        """Add a callback, which must not block. Return a function that removes only this
        registration, even if the same callback was added twice."""
        added: Callable[P, None] = partial(callback)  # unique, even for the same callback
        with self._lock:
            self._all = (*self._all, added)

        def take_off() -> None:
            with self._lock:
                self._all = tuple(one for one in self._all if one is not added)

        return take_off

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all callbacks in this thread without holding the lock. Exceptions are logged."""
        for callback in self._all:
            try:
                callback(*args, **kwargs)
            except Exception:
                log.exception("A callback failed")


@contextlib.asynccontextmanager
async def background(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run jobs during the block. An exception is logged, and the job starts again. Afterwards,
    cancel them and wait for their ends."""
    tasks = [asyncio.create_task(_restarted(job)) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _restarted(job: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await job()
        except Exception:
            log.exception("A background job failed with an internal error and starts again")
            await asyncio.sleep(_RESTART_PAUSE)
        else:
            return


async def repeated(
    job: Callable[[], Awaitable[object]], pause: float | Callable[[], Awaitable[object]]
) -> None:
    """Run the job now and after each pause until canceled. `pause` is in seconds, or a function
    that waits. An exception is logged, and the job runs again after the next pause."""
    while True:
        try:
            await job()
        except ComfyError as problem:
            log.warning("%s %s", problem, problem.hint)
        except Exception:
            log.exception("A periodic job failed with an internal error and will be retried")
        await (pause() if callable(pause) else asyncio.sleep(pause))
