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
_UNREAD = 128 + 13  # as shells have it after SIGPIPE, which Windows has not


class UsageError(ComfyError):
    """The request is invalid; nothing was run."""


def complain(sentence: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and what to do."""
    print(" ".join(filter(None, (sentence, hint))), file=sys.stderr)


def complain_of_error(error: ComfyError, hint: str = "", *, what: str = "") -> None:
    """Say on stderr what an error says, of fields by their labels, with `hint` where several have
    none of their own; `what` stands before it."""
    match error:
        case FieldErrors(labelled=labelled):
            complain(f"{what}{' '.join(labelled.values())}", error.hint)
        case ManyProblems(problems=problems):
            complain(what + "\n".join(problems))
            complain(error.hint or hint)
        case _:
            complain(f"{what}{error}", error.hint)


def complain_of(state: RunState, form: Form, what: str = "") -> None:
    """Say on stderr why a run did not end well, if it did not, and what of it the server refused;
    `what` stands before each."""
    for said in problems_of(state, form):
        complain(f"{what}{said}")


def problems_of(state: RunState, form: Form) -> Iterator[str]:
    """Return the problems of a run as texts."""
    by_field, general = place_errors(form, state.node_errors)
    if (error := state.error) is not None and not (by_field or general):
        where = f"{error.node_title}: " if error.node_title else ""
        yield " ".join(filter(None, (f"{where}{error.message}", error.hint)))
    yield from labelled_errors(form, by_field).values()
    yield from general


def exit_status(command: Callable[[StopSignals], int], *, hint: str = "", stopped: str = "") -> int:
    """Run a command and return its exit status. Report errors, with `hint` if several have none,
    and an end by SIGINT or SIGTERM, with `stopped` for the way to resume."""
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
        case BrokenPipeError():  # the output's reader is gone
            _leave_unsaid()
            return _UNREAD
        case _:
            raise error


def _leave_unsaid() -> None:
    """Discard buffered output, so that Python's exit doesn't wait for a reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
