"""How lines of the log are written: as text, or each as a JSON object."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import MemoryHandler

from ui.settings.setting_values import LogFormat

_MOST_HELD = 1000  # records
_OF_RUNS = ("run", "server", "phase", "seconds")  # given as `extra` where a line is about a run


class JsonLines(logging.Formatter):
    """A JSON object a line: `time`, `level`, `logger`, `message`, what is told of a run, and the
    traceback of a failure as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: value for name in _OF_RUNS if (value := vars(record).get(name)) is not None}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def log_formatter(chosen: LogFormat = "text") -> logging.Formatter:
    """What writes the lines. Text has no time where systemd's journal has one of its own."""
    if chosen == "json":
        return JsonLines()
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    return logging.Formatter(f"{time}%(levelname)s %(message)s")


@contextlib.contextmanager
def log_held() -> Iterator[None]:
    """What is logged in this block is written at its end, in the format that has been chosen by
    then."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    held = MemoryHandler(_MOST_HELD, flushLevel=logging.CRITICAL + 1)
    root.handlers[:] = [held]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for record in held.buffer:
            root.handle(record)
        held.close()
