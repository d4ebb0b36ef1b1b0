"""Threads, on a machine that may let no more of them start."""

from __future__ import annotations

import logging
import threading

from comfy.errors import TooManyRuns
from comfy.messages import message

log = logging.getLogger(__name__)


def start_thread(thread: threading.Thread) -> None:
    """Start it. TooManyRuns where the system lets this program start no more threads, as at a limit
    of processes or where memory is short."""
    try:
        thread.start()
    except RuntimeError as error:
        log.warning("The thread %s did not start: %s", thread.name, error)
        raise TooManyRuns(
            message("The computer that this app runs on can't start anything more at the moment."),
            message("Try again in a few minutes."),
        ) from error
