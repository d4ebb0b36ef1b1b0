"""How a command ends: its exit status, also by a signal, and what is said on stderr."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from comfy.errors import ComfyError, ManyProblems
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
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


def complain_of(state: RunState, form: Form, what: str = "") -> None:
    """Say on stderr why a run did not end well, if it did not, and what of it the server refused;
    `what` stands before each."""
    for said in problems_of(state, form):
        complain(f"{what}{said}")


def problems_of(state: RunState, form: Form) -> Iterator[str]:
    """What went wrong in a run, a text each."""
    by_field, general = place_errors(form, state.node_errors)
    if (error := state.error) is not None and not (by_field or general):
        where = f"{error.node_title}: " if error.node_title else ""
        yield " ".join(filter(None, (f"{where}{error.message}", error.hint)))
    yield from labelled_errors(form, by_field).values()
    yield from general


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
    except BrokenPipeError:  # nobody reads any more what is said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


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
