"""Helpers that wait for conditions without an event."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

_T = TypeVar("_T")

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.1  # seconds
LONGEST_WAIT = 90.0  # the bound of every wait: on a busy machine all of it is late
# The bound for a new process that imports the app. That takes 4 s of a processor; a busy machine
# gives a twentieth of one.
IMPORTING = 5 * LONGEST_WAIT


def eventually(true: Callable[[], object], what: str = "it", seconds: float = LONGEST_WAIT) -> None:
    """Wait until `true()` holds. Raises AssertionError with `what` after this many seconds.

    Each pause is a fifth of the time waited so far, because asking costs as much as the work that
    the test waits for.
    """
    start = time.monotonic()
    while not true():
        waited = time.monotonic() - start
        assert waited < seconds, f"waited {seconds:g} s in vain: {what}"
        threading.Event().wait(min(max(waited / 5, SHORTEST_PAUSE), LONGEST_PAUSE))


def awaited(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Return the result of a coroutine. It runs in its own thread, because the browser tests keep
    an event loop running in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, coroutine).result(LONGEST_WAIT)


def in_own_thread(call: Callable[[], _T]) -> _T:
    """Return the result of a call that starts an event loop, for the same reason."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(call).result()


def run_python(text: str) -> None:
    """Run a program that may start an event loop."""
    in_own_thread(partial(exec, text, {}))


class Clock:
    """Clock that tests set by hand. `now` is in seconds since 1970."""

    def __init__(self) -> None:
        self.now = 1.8e9  # 2027-01-15

    def __call__(self) -> float:
        return self.now
