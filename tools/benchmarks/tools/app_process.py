"""The app as users start it, in its own process, and that process's resources."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
START_SECONDS = 90
END_SECONDS = 10
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
POLL = 0.02


@dataclass(frozen=True, slots=True)
class AppProcess:
    """A running `python app.py`. `folder` holds all files it may write: its temporary files and its
    home. Its output is in `log`, outside the folder."""

    url: str
    pid: int
    folder: Path
    log: Path

    def cpu_seconds(self) -> float:
        """Return the user and system time of all its threads so far, with a resolution of 10 ms."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Return the resident memory (RSS) in bytes."""
        return int(self._proc("statm").split()[1]) * PAGE

    def most_memory(self) -> int:
        """Return the peak resident memory so far, in bytes."""
        return int(self._proc("status").partition("VmHWM:")[2].split()[0]) * 1024

    def forget_most_memory(self) -> None:
        """Reset the peak memory."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def lines(self) -> int:
        """Return the number of lines in its log so far."""
        return len(self.log.read_text("utf-8", errors="replace").splitlines())

    def threads(self) -> int:
        """Return the current number of threads."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def sockets(self) -> int:
        """Return the number of open sockets, including listening sockets."""
        links = Path(f"/proc/{self.pid}/fd").iterdir()
        return sum(_target(link).startswith("socket:") for link in links)

    def files(self) -> set[Path]:
        """Return the files it has written."""
        return {path for path in self.folder.rglob("*") if path.is_file()}

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()


def _target(link: Path) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(link)
    return ""


@contextlib.contextmanager
def started_app(
    server: str | None, *arguments: str, root: Path = ROOT, **environment: str
) -> Iterator[AppProcess]:
    r"""Start `python app.py` in front of the ComfyUI server at `server` or its own stand-in, and
    stop it with SIGTERM after the block.

    `arguments` and `environment`: additional ones. `root`: the folder of `app.py`.
    """
    port = _free_port()
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as name,
        tempfile.NamedTemporaryFile() as log,
    ):
        folder = Path(name)
        command = [sys.executable, str(root / "app.py"), "--port", str(port), *arguments]
        process = subprocess.Popen(
            [*command, "--server", server] if server else command,
            env={**os.environ, "TMPDIR": name, "HOME": name, "PYTHONDONTWRITEBYTECODE": "1"}
            | environment,
            cwd=root,
            stdout=log,
            stderr=log,
        )
        try:
            yield AppProcess(f"http://127.0.0.1:{port}", process.pid, folder, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


@contextlib.contextmanager
def running_app(server: str, *options: str) -> Iterator[AppProcess]:
    """Start the app and wait until it answers, see `started_app`."""
    with started_app(server, *options) as app:
        wait_for_answer(app.url)
        yield app


def wait_for_answer(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(url, timeout=5),
        ):
            return
        time.sleep(POLL)
    raise AssertionError("the app did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
