"""One ComfyUI process below its guard: its start, its log, the meaning of its end, and the pauses
between starts if it keeps ending."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from comfy.base.messages import message
from comfy.base.threads import start_thread
from comfy.comfyui.protocol.run_state import RunError
from comfy.local_comfyui.installation import Installation

_MOST_LINES = 2000  # in memory
_LONGEST_LINE = 2000  # characters of a line
_FILE_BYTES = 4 * 2**20
_FORMER_FILES = 1
_COLOR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")  # ANSI control sequence of a terminal
_GUARD = Path(__file__).with_name("guard.py")
_LAST_WORDS = 5.0  # seconds for the log after the process has ended
_FIRST_SIGNAL = 128  # exit codes of shells and of `guard.py`
_KILLED = 9
_OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory|MemoryError|can't allocate memory|cannot allocate memory"
    r"|bad_alloc|not enough memory",
    re.I,
)
_SMALLER = message("Choose a smaller size, fewer images or a smaller model, then try again.")
_AGAIN = message("Try again. If this keeps happening, contact the administrator.")
_BY_ADMINISTRATOR = RunError(
    message("An administrator restarted ComfyUI during this run."), message("Try again.")
)
_LASTED = 60.0  # seconds after which a process counts as healthy
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds


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
        line = _COLOR.sub("", text).rstrip("\r\n").rpartition("\r")[2][:_LONGEST_LINE]
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
        if self._file is not None:
            self._file.close()


class GuardedProcess:
    """ComfyUI with `guard.py` as its parent, which ends it together with this process."""

    def __init__(self, installation: Installation, port: int, log: ProcessLog) -> None:
        """Start ComfyUI on this port. Raises OSError, and TooManyThreads."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), *installation.command(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=installation.folder,
            env=installation.environment(),
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(log,), name="ComfyUI's log", daemon=True
        )
        try:
            start_thread(self._reader)
        except BaseException:
            self.end()
            raise

    def has_ended(self, seconds: float) -> bool:
        """Wait for at most this many seconds, and return whether ComfyUI has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self) -> int:
        """Wait until ComfyUI and everything that it started have ended; return the exit code. Its
        last lines are in the log then."""
        code = self._process.wait()
        self.end()
        if self._reader.is_alive():
            self._reader.join(_LAST_WORDS)
        return code

    def end(self) -> None:
        """End ComfyUI. Returns at once; any thread may call it, several times."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _read(self, log: ProcessLog) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            rest = b""
            while data := output.read1(65536):  # type: ignore[attr-defined]
                *lines, rest = (rest + data).splitlines(keepends=True)
                if rest.endswith((b"\n", b"\r")) or len(rest) > 65536:
                    lines.append(rest)
                    rest = b""
                for line in lines:
                    log.add(line.decode(errors="replace"))
            if rest:
                log.add(rest.decode(errors="replace"))


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """End of a ComfyUI process. `exit_code`: as from `guard.py`. `wanted`: the app ended it.
    `is_out_of_memory`: the system killed it, or its last lines say so."""

    exit_code: int
    wanted: bool
    is_out_of_memory: bool

    @classmethod
    def of(cls, exit_code: int, last_lines: Iterable[str], *, wanted: bool) -> ProcessEnd:
        """Judge an end by the exit code and the last lines of the log."""
        memory = exit_code == _FIRST_SIGNAL + _KILLED or any(map(_OUT_OF_MEMORY.search, last_lines))
        return cls(exit_code, wanted, memory and not wanted)

    @property
    def reason(self) -> str:
        """Return the exit code or the signal's name."""
        number = self.exit_code - _FIRST_SIGNAL
        if number in {one.value for one in signal.Signals}:
            return signal.Signals(number).name
        return message("exit code {code}", code=self.exit_code)

    @property
    def sentence(self) -> str:
        if self.wanted:
            return message("ComfyUI was restarted.")
        if self.is_out_of_memory:
            return message("ComfyUI ran out of memory and ended ({reason}).", reason=self.reason)
        return message("ComfyUI crashed ({reason}).", reason=self.reason)

    @property
    def run_error(self) -> RunError:
        """Return the error of a run that was active then."""
        if self.wanted:
            return _BY_ADMINISTRATOR
        if self.is_out_of_memory:
            sentence = message("ComfyUI ran out of memory during this run and was restarted.")
            return RunError(sentence, _SMALLER, detail=self.reason)
        sentence = message("ComfyUI crashed during this run and was restarted.")
        return RunError(sentence, _AGAIN, detail=self.reason)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Number of `failures` in a row: starts whose process ended before it answered, or within a
    minute."""

    failures: int = 0

    def ended(self, answered_for: float | None, *, wanted: bool) -> Backoff:
        """Return the value after an end. `answered_for`: seconds since its first answer, None
        without one; `wanted`: the app ended it."""
        if wanted:
            return Backoff()
        lasted = answered_for is not None and answered_for >= _LASTED
        return Backoff(1 if lasted else self.failures + 1)

    def pause(self, *, wanted: bool) -> float:
        """Return the seconds until the next start."""
        if wanted:
            return 0.0
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(max(self.failures - 1, 0), 30))
