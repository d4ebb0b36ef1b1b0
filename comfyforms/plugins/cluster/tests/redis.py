"""A separate Redis or Valkey service for the tests, in a folder in `/tmp`. It needs an installed
one, such as Debian's `redis-server`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.programs import skip_without
from tests.support.waiting import LONGEST_WAIT, eventually

_PROGRAMS = ("redis-server", "valkey-server")


class RedisServer:
    """A service that tests stop, start, freeze and wake. `url` is the address of its socket."""

    def __init__(self, program: str, folder: Path, options: tuple[str, ...]) -> None:
        self._command = [program, "--port", "0", "--save", "", "--dir", str(folder)]
        self._command += ["--unixsocket", str(folder / "socket"), *options]
        self._log = folder / "log"
        self._socket = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/socket"

    def start(self) -> None:
        """Start the service and wait until it answers."""
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._answers, "Redis to start")

    def stop(self) -> None:
        """Kill the service and wait for its end. Does nothing if it doesn't run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LONGEST_WAIT)
            self._process = None
            self._socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Keep the service from answering. Its connections stay open."""
        os.kill(self._pid, signal.SIGSTOP)

    def wake(self) -> None:
        """Let a frozen service answer again."""
        os.kill(self._pid, signal.SIGCONT)

    def seconds(self) -> float:
        """Return the processor time that the service has used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, *words: str | bytes) -> str:
        """Send a command without a password, and return the beginning of its answer."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LONGEST_WAIT)
            connection.connect(str(self._socket))
            connection.sendall(b"*%d\r\n" % len(parts))
            connection.sendall(b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
            return connection.recv(2**16).decode()

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError):
            return bool(self.ask("PING"))
        return False


@contextlib.contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """Run a service with these options during the block. If neither Redis nor Valkey is installed,
    call `skip_without`."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        skip_without("Redis or Valkey (Debian has it in the package redis-server)")
    folder = Path(tempfile.mkdtemp(prefix="redis-", dir="/tmp"))  # a socket's path must be short
    server = RedisServer(program, folder, options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
