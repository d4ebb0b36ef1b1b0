"""SIGINT and SIGTERM during a command: they end it, and its runs on the server."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TO_LEAVE = 3.0  # seconds for the main thread after everything that it may wait for has ended


class Stopped(BaseException):
    """A signal has ended the command."""


class StopSignals:
    """Which signal has ended a command, and how it does."""

    def __init__(self) -> None:
        self.number = 0
        """Of the signal; 0 while there was none."""
        self._asked: SimpleQueue[int] | None = None
        # Number of signals that the thread `signals` has raised, and that were handled. One thread
        # writes each: a handler with a lock could interrupt itself while holding it.
        self._insisted = 0
        self._heeded = 0

    @property
    def status(self) -> int:
        """The exit status after the signal, as shells have it."""
        return 128 + self.number

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While this lasts the first signal is raised as `Stopped` wherever the main thread is;
        the others are ignored, so that nothing interrupts the clean-up. After that, the next one
        ends the program at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in before:
            signal.signal(number, self._take)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if self.number else handler)

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """During this block a signal doesn't interrupt the main thread, because interrupted thread
        starts and joins can't be cleaned up. Instead another thread calls `end`, which ends
        everything that the main thread waits for. `Stopped` is raised by `checked`, and at the
        end; or anywhere if the main thread waits for something else, such as the reader of its
        output."""
        asked: SimpleQueue[int] = SimpleQueue()

        def wait() -> None:
            if asked.get():
                end()
                while not _comes(asked, _TO_LEAVE):
                    self._insisted += 1
                    _interrupt(main, self.number)

        main = threading.get_ident()
        thread = threading.Thread(target=wait, name="signals", daemon=True)
        thread.start()
        self._asked = asked
        try:
            yield
        finally:
            self._asked = None
            asked.put(0)
            thread.join()
        self._check()

    def checked(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; raise `Stopped` for the next one, or for their end, after a signal."""
        for item in items:
            self._check()
            yield item
        self._check()

    def _check(self) -> None:
        if self.number:
            raise Stopped

    def _take(self, number: int, _frame: FrameType | None) -> None:
        insisted = self._insisted
        if self.number and insisted == self._heeded:
            return
        self.number = self.number or number
        if self._asked is None or insisted > self._heeded:
            self._heeded = insisted
            raise Stopped
        self._asked.put(number)  # may be called wherever the main thread is, `get` included


def _interrupt(main: int, number: int) -> None:
    """Send the main thread a signal, also where it waits for the system, if that can be done."""
    if sys.platform == "win32":
        _thread.interrupt_main(signal.Signals(number))
    else:
        signal.pthread_kill(main, number)


def _comes(queue: SimpleQueue[int], within: float) -> bool:
    try:
        queue.get(timeout=within)
    except Empty:
        return False
    return True
