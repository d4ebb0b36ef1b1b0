"""Exit status of a command, also after a signal, and its messages on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

from comfy.base.errors import ComfyError, ManyProblems
from comfy.cli.stop_signals import StopSignals
from comfy.comfyui.protocol.run_state import RunState
from comfy.form.check import labelled_errors
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
from comfy.launch.start import FieldErrors

OK, FAILED = 0, 1  # exit statuses
_UNUSABLE = 2
_UNREAD = 128 + 13  # exit status of shells after SIGPIPE, which Windows lacks


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
    """Yield the problems of a run as texts."""
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
