"""Limit on log lines, so that no visitor can fill the log."""

from __future__ import annotations

import logging
import re
import threading
import time

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
