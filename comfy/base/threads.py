"""Start threads on a machine that may not allow any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from comfy.base.errors import TooManyThreads
from comfy.base.messages import message

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_R = TypeVar("_R")


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
