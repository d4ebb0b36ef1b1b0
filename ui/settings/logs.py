"""Log formats, text or one JSON object per line, and a limit, so that no visitor can fill the
log."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import MemoryHandler

from ui.settings.setting_values import LogFormat

_MOST_HELD = 1000  # records
_OF_RUNS = ("run", "server", "phase", "seconds")  # passed as `extra` for lines about a run


class JsonLines(logging.Formatter):
    """Formatter that writes one JSON object per line: `time`, `level`, `logger`, `message`, the
    run's details, and the traceback of a failure as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name in _OF_RUNS if (value := vars(record).get(name)) is not None}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def log_formatter(chosen: LogFormat = "text") -> logging.Formatter:
    """Return the formatter. Text has no time if systemd's journal adds its own."""
    if chosen == "json":
        return JsonLines()
    time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    return logging.Formatter(f"{time}%(levelname)s %(message)s")


@contextlib.contextmanager
def log_held() -> Iterator[None]:
    """Hold log records of this block until its end, and write them in the format chosen by then."""
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


LINES = 10  # similar lines per minute
_MINUTE = 60.0  # seconds
_KINDS = 1000  # remembered kinds of lines
_NUMBER = re.compile(r"\d+")


class LogLimit(logging.Filter):
    """Log filter that passes ten similar lines (same logger and text, any values) per minute. The
    two lines per run, which have its `seconds`, always pass, because runs have their own limits.

    The next line after a gap shows how many were dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()  # reentrant: garbage collection inside the lock may log, too
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write this line."""
        if hasattr(record, "seconds"):
            return True
        kind, now = (record.name, _NUMBER.sub("0", str(record.msg))), time.monotonic()
        with self._lock:
            since, count = self._kinds.get(kind, (now, 0))
            if now - since > _MINUTE:
                if count > LINES:
                    record.msg = f"{record.msg} ({count - LINES} more like this in the meantime)"
                since, count = now, 0
            if kind not in self._kinds and len(self._kinds) >= _KINDS:
                self._kinds.clear()
            self._kinds[kind] = since, count + 1
        return count < LINES
