"""Log of a process: its last lines in memory, and a rotated file."""

from __future__ import annotations

import logging
import re
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MOST_LINES = 2000  # in memory
_LONGEST = 2000  # characters of a line
_FILE_BYTES = 4 * 2**20
_FORMER_FILES = 1
_COLOR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")  # ANSI control sequence of a terminal


class ProcessLog:
    """Last lines that a process wrote. One thread writes; any thread may read."""

    def __init__(self, file: Path) -> None:
        """`file`: for more lines, also after a restart of the app. If it can't be written, only the
        lines in memory remain."""
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._rewrites = False  # whether the next line replaces the last one, a progress bar
        self._file: RotatingFileHandler | None = None
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = RotatingFileHandler(
                file, maxBytes=_FILE_BYTES, backupCount=_FORMER_FILES, encoding="utf-8"
            )
        except OSError as error:
            logging.getLogger(__name__).warning("Can't write %s: %s", file, error)

    def add(self, text: str) -> None:
        """Add a line, without its colors. A line that ends with a carriage return is replaced by
        the next one."""
        line = _COLOR.sub("", text).rstrip("\r\n").rpartition("\r")[2][:_LONGEST]
        if self._rewrites and self._lines:
            self._lines.pop()
        self._lines.append(line)
        self._rewrites = text.endswith("\r")
        if self._file is not None and not self._rewrites:
            self._file.emit(logging.LogRecord("", logging.INFO, "", 0, line, None, None))

    def tail(self, count: int = _MOST_LINES) -> tuple[str, ...]:
        """Return the last lines, oldest first."""
        lines = tuple(self._lines.copy())
        return lines[max(0, len(lines) - count) :]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
