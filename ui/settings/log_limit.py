"""A limit on log lines, so that no visitor can fill the log."""

from __future__ import annotations

import logging
import re
import threading
import time

LINES = 10  # of one kind in a minute
_MINUTE = 60.0  # seconds
_KINDS = 1000  # that are remembered
_NUMBER = re.compile(r"\d+")


class LogLimit(logging.Filter):
    """Limit similar lines (same logger and text, any values) to ten per minute. The two lines per
    run, which have its `seconds`, always pass: runs have their own limits.

    The next line after a gap says how many were dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()  # garbage that is collected in between may log as well
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell if this line is written."""
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
