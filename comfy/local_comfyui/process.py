"""One ComfyUI process below its guard."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

from comfy.base.threads import start_thread
from comfy.local_comfyui.installation import Installation
from comfy.local_comfyui.process_log import ProcessLog

_GUARD = Path(__file__).with_name("guard.py")
_LAST_WORDS = 5.0  # seconds for the log after the process has ended


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
