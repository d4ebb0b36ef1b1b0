"""Exit status of a command, also after a signal, and its messages on stderr.

SIGINT and SIGTERM during a command: they stop it, and its runs on the server.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

from comfy.base.errors import ComfyError, ManyProblems
from comfy.comfyui.protocol.run_state import RunState
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
from comfy.launch.start import FieldErrors

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TO_LEAVE = 3.0  # seconds for the main thread to exit after everything it may wait for has ended
_UNUSABLE = 2
_UNREAD = 128 + 13  # exit status of shells after SIGPIPE, which Windows lacks
OK, FAILED = 0, 1  # exit statuses


class Stopped(BaseException):
    """A signal stopped the command."""


class StopSignals:
    """Signal handling of a command: the signal that stopped it, and how it stops."""

    def __init__(self) -> None:
        self.number = 0
        """Number of the signal; 0 before any."""
        self._asked: SimpleQueue[int] | None = None
        # Number of signals that the thread `signals` has raised, and of those that were handled.
        # One thread writes each: a handler with a lock could interrupt itself while holding it.
        self._insisted = 0
        self._heeded = 0

    @property
    def status(self) -> int:
        """Return the exit status after the signal, as in shells."""
        return 128 + self.number

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Raise `Stopped` in the main thread for the first signal during this block. Later signals
        are ignored, so that nothing interrupts the cleanup. After the block, the next signal ends
        the process at once."""
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
        """Keep signals from interrupting the main thread during this block, because interrupted
        thread starts and joins can't be cleaned up. Instead another thread calls `end`, which ends
        everything that the main thread waits for. `checked` raises `Stopped`, and so does the end
        of the block. If the main thread waits for something else, such as the reader of its output,
        `Stopped` is raised there."""
        signal_queue: SimpleQueue[int] = SimpleQueue()

        def wait() -> None:
            if signal_queue.get():
                end()
                while not _comes(signal_queue, _TO_LEAVE):
                    self._insisted += 1
                    _interrupt(main, self.number)

        main = threading.get_ident()
        thread = threading.Thread(target=wait, name="signals", daemon=True)
        thread.start()
        self._asked = signal_queue
        try:
            yield
        finally:
            self._asked = None
            signal_queue.put(0)
            thread.join()
        self._check()

    def checked(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items. After a signal, raise `Stopped` instead of the next item, or at their
        end."""
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
        # Reentrant: the signal may interrupt the main thread anywhere, even in `get`.
        self._asked.put(number)


def _interrupt(main: int, number: int) -> None:
    """Send the main thread a signal, which also interrupts system calls except on Windows."""
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


class UsageError(ComfyError):
    """The request is invalid; nothing was run."""


def complain(sentence: str, hint: str = "") -> None:
    """Print a problem and a hint on stderr."""
    print(" ".join(filter(None, (sentence, hint))), file=sys.stderr)


def complain_of_error(error: ComfyError, hint: str = "", *, what: str = "") -> None:
    """Print an error on stderr, with the labels of its fields. `hint` is for several problems
    without their own hint; `what` is a prefix."""
    match error:
        case FieldErrors(labelled=labelled):
            complain(f"{what}{' '.join(labelled.values())}", error.hint)
        case ManyProblems(problems=problems):
            complain(what + "\n".join(problems))
            complain(error.hint or hint)
        case _:
            complain(f"{what}{error}", error.hint)


def complain_of(state: RunState, form: Form, what: str = "") -> None:
    """Print on stderr why a run failed, if it did, and what the server refused of it. `what` is a
    prefix for each line."""
    for problem in problems_of(state, form):
        complain(f"{what}{problem}")


def problems_of(state: RunState, form: Form) -> Iterator[str]:
    by_field, general = place_errors(form, state.node_errors)
    if (error := state.error) is not None and not (by_field or general):
        where = f"{error.node_title}: " if error.node_title else ""
        yield " ".join(filter(None, (f"{where}{error.message}", error.hint)))
    yield from labelled_errors(form, by_field).values()
    yield from general


def exit_status(command: Callable[[StopSignals], int], *, hint: str = "", stopped: str = "") -> int:
    """Run a command and return its exit status. Report errors, with `hint` if several have none.
    After SIGINT or SIGTERM, report `stopped`, which explains how to resume."""
    signals = StopSignals()
    try:
        with signals.caught():
            return command(signals)
    except BaseException as error:  # noqa: BLE001 - unknown errors are raised again
        if not signals.number:
            return _told(error, hint)
        _leave_unsaid()
        complain("Stopped.", stopped)  # the other errors are consequences
        return signals.status


def _told(error: BaseException, hint: str) -> int:
    """Report the error and return its exit status. Unknown errors are raised."""
    match error:
        case ComfyError():
            complain_of_error(error, hint)
            return _UNUSABLE
        case BrokenPipeError():  # the reader of the output has exited
            _leave_unsaid()
            return _UNREAD
        case _:
            raise error


def _leave_unsaid() -> None:
    """Discard buffered output, so that Python's exit doesn't wait for a reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
