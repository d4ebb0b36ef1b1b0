"""What every command that runs something has: an end by a signal, and sentences on stderr."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from comfy.errors import ComfyError, ManyProblems
from comfy.protocol.run_state import RunState

OK, FAILED = 0, 1  # exit statuses
_UNUSABLE = 2


class UsageError(ComfyError):
    """What was asked for cannot be done; nothing was run."""


class _Signalled(BaseException):
    """A signal that ends the program, raised where the main thread waits."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status, as shells have it."""
        return 128 + self.number


def complain(sentence: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and what to do."""
    print(" ".join(filter(None, (sentence, hint))), file=sys.stderr)


def complain_of(state: RunState, what: str = "") -> None:
    """Say on stderr why a run did not end well, if it did not; `what` stands before it."""
    if (error := state.error) is not None:
        where = f"{error.node_title}: " if error.node_title else ""
        complain(f"{what}{where}{error.message}", error.hint)


def exit_status(command: Callable[[], int], *, hint: str = "", stopped: str = "") -> int:
    """Do what a command does: its exit status. Errors are told, with `hint` where several have none
    of their own; so is an end by SIGINT or SIGTERM, with `stopped` for how to go on."""
    try:
        with _stopped_by_signals():
            return command()
    except ManyProblems as error:
        complain("\n".join(error.problems))
        complain(error.hint or hint)
        return _UNUSABLE
    except ComfyError as error:
        complain(str(error), error.hint)
        return _UNUSABLE
    except _Signalled as stop:
        complain("Stopped.", stopped)
        return stop.status


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM as `_Signalled` in the main thread, once: the clean-up is not to be
    interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise _Signalled(number)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
