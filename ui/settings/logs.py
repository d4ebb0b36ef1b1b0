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
from types import TracebackType

from comfy.base.messages import Message
from ui.settings.setting_values import LogFormat

_MOST_HELD = 1000  # records
_OF_RUNS = ("run", "server", "phase", "seconds")  # passed as `extra` for lines about a run
LINES = 10  # similar lines per minute
_MINUTE = 60.0  # seconds
_KINDS = 1000  # remembered kinds of lines
_NUMBER = re.compile(r"\d+")


class TextLines(logging.Formatter):
    """Formatter whose lines no value can forge: control characters, also those that change the
    direction of text, are escaped, and a traceback is indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return _escaped(super().formatMessage(record))

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return a traceback."""
        return "\n  ".join(map(_escaped, super().formatException(ei).split("\n")))


def _escaped(text: str) -> str:
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


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
    return TextLines(f"{time}%(levelname)s %(message)s")


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


class LogLimit(logging.Filter):
    """Log filter that passes ten similar lines (same logger and text, any values) per minute. A
    message among the values counts with its text, without its own values. The two lines per run,
    which have its `seconds`, always pass, because runs have their own limits.

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
        args = record.args if isinstance(record.args, tuple) else ()
        texts = (str(record.msg), *(one.sentence for one in args if isinstance(one, Message)))
        kind, now = (record.name, _NUMBER.sub("0", " ".join(texts))), time.monotonic()
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
