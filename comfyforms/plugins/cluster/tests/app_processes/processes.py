"""Processes that tests kill, freeze, wake and start again: the app, and ComfyUI servers.

Each ComfyUI server keeps a journal, a file with one line per event of a prompt. It survives every
kill and says what was executed how often.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from comfyui_standin import DemoServer
from comfyui_standin.server.prompt_queue import Journal, LogEntry
from tests.support.app_process import FORKED, started_here
from tests.support.serving import PAINTED
from tests.support.waiting import LONGEST_WAIT, eventually

SLOW_STEP = 1.0  # seconds
_ENDS = ("success", "error", "interrupted")
_ALL = "all"  # stands for all prompts of a server in its journal


@dataclass(frozen=True, slots=True)
class PromptExecution:
    """One execution of a prompt at a ComfyUI server. Times are in seconds since 1970. `ended` is
    None during the execution; `outcome` is the journal's last entry. `forgotten`: when the server
    was killed, which forgets prompts and results."""

    prompt_id: str
    server: str
    started: float
    ended: float | None = None
    outcome: str = "started"
    forgotten: float | None = None


class JournalFile(Journal):
    """Journal that also appends each event to a file, as `TIME ENTRY PROMPT`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def add(self, prompt_id: str, entry: LogEntry) -> None:
        """Log an event of this prompt."""
        with self._path.open("a") as file:
            file.write(f"{time.time():.3f} {entry} {prompt_id}\n")
        super().add(prompt_id, entry)


class TestedProcess:
    """Process that a test starts, kills, freezes and wakes. Each start has a log of its own."""

    __test__ = False

    def __init__(self, name: str, port: int, folder: Path) -> None:
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._lives = 0
        self._frozen = False
        self._process: ForkServerProcess | None = None

    @property
    def log(self) -> Path:
        """Return the log of the current life."""
        return self._folder / f"{self.name}.{self._lives}.log"

    @property
    def pid(self) -> int:
        """Return the process's number."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Return whether the process exists, frozen or not."""
        return self._process is not None and self._process.is_alive()

    @property
    def is_alive(self) -> bool:
        """Return whether it runs and isn't frozen."""
        return self.runs and not self._frozen

    def said(self) -> str:
        """Return the logs of all lives."""
        logs = (self._folder / f"{self.name}.{life}.log" for life in range(1, self._lives + 1))
        return "".join(log.read_text(errors="replace") for log in logs)

    def launch(self) -> None:
        """Start the process without waiting."""
        assert not self.runs
        self._lives += 1
        self.log.touch()
        self._process = self._make()
        self._process.start()

    def start(self) -> None:
        """Start the process and wait until it works."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the process works."""
        eventually(self._is_ready, f"{self.name} to start")

    def kill(self) -> None:
        """Kill the process (SIGKILL), also if it is frozen. Does nothing if it doesn't run."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        self._frozen = False

    def freeze(self) -> None:
        """Stop the process (SIGSTOP); its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)
        self._frozen = True

    def wake(self) -> None:
        """Let a frozen process work again (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)
        self._frozen = False

    def restart(self) -> None:
        """Kill the process, start it again on its port and wait until it works."""
        self.kill()
        self.start()

    def connections_to(self, other: TestedProcess) -> int:
        """Count this process's TCP connections to another one."""
        inodes = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(entry).removeprefix("socket:[").rstrip("]"))
        rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        to = f"0100007F:{other.port:04X}"
        return sum(row[2] == to and row[3] == "01" and row[9] in inodes for row in rows)

    def _make(self) -> ForkServerProcess:
        raise NotImplementedError

    def _is_ready(self) -> bool:
        raise NotImplementedError


class StandIn(TestedProcess):
    """ComfyUI server with a journal."""

    def __init__(self, name: str, port: int, folder: Path, step_seconds: float) -> None:
        super().__init__(name, port, folder)
        self._step_seconds = step_seconds
        self._slow_step = folder / f"{name}.step"
        self._journal = folder / f"{name}.journal"
        self._journal.touch()

    def kill(self) -> None:
        """Kill the server, and note that in the journal."""
        super().kill()
        JournalFile(self._journal).add(_ALL, "killed")

    def slow_down(self, step_seconds: float = SLOW_STEP) -> None:
        """Make each step of the sampler take this long."""
        self._slow_step.write_text(str(step_seconds))
        os.kill(self.pid, signal.SIGUSR1)

    def speed_up(self) -> None:
        """End `slow_down`."""
        os.kill(self.pid, signal.SIGUSR2)

    def events(self) -> list[tuple[float, str, str]]:
        """Return the time, the entry and the prompt of each event."""
        lines = self._journal.read_text().splitlines()
        words = (line.split() for line in lines)
        return [(float(at), entry, prompt_id) for at, entry, prompt_id in words]

    def executions(self) -> list[PromptExecution]:
        """Return all executions in the order of their starts."""
        found: list[PromptExecution] = []
        active: dict[str, int] = {}
        for at, entry, prompt_id in self.events():
            if prompt_id == _ALL:
                for index in active.values():
                    found[index] = replace(found[index], ended=at, outcome=entry)
                found = [replace(one, forgotten=one.forgotten or at) for one in found]
                active.clear()
            elif entry == "started":
                active[prompt_id] = len(found)
                found.append(PromptExecution(prompt_id, self.name, at))
            elif entry in _ENDS and prompt_id in active:
                index = active.pop(prompt_id)
                found[index] = replace(found[index], ended=at, outcome=entry)
        return found

    def _make(self) -> ForkServerProcess:
        about = self.port, self._journal, self._step_seconds, self._slow_step, self.log
        return FORKED.Process(target=_serve_stand_in, args=about)

    def _is_ready(self) -> bool:
        assert self.runs, self.said()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


def _serve_stand_in(
    port: int, journal: Path, step_seconds: float, slow_step: Path, log: Path
) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(output, number)
    tempfile.tempdir = str(slow_step.parent)
    demo = DemoServer(port=port, step_seconds=step_seconds, painted=PAINTED)
    demo.journal = JournalFile(journal)
    demo.start()

    def slow_down(*_: object) -> None:
        demo.speed.step = float(slow_step.read_text())

    def speed_up(*_: object) -> None:
        demo.speed.step = step_seconds

    signal.signal(signal.SIGUSR1, slow_down)
    signal.signal(signal.SIGUSR2, speed_up)
    while True:
        signal.pause()


class AppProcess(TestedProcess):
    """App process, as `python app.py` starts it."""

    def __init__(self, name: str, port: int, folder: Path, arguments: Sequence[str]) -> None:
        super().__init__(name, port, folder)
        self._arguments = (*arguments, "--port", str(self.port))

    def replace_option(self, option: str, value: str) -> None:
        """Give the next start another value of this option."""
        arguments = list(self._arguments)
        arguments[arguments.index(option) + 1] = value
        self._arguments = tuple(arguments)

    def terminate(self) -> float:
        """Send SIGTERM, wait for the end and return how long it took, in seconds."""
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        assert self._process is not None
        self._process.join(LONGEST_WAIT)
        assert self._process.exitcode == 0, self.said()
        return time.monotonic() - began

    def executes(self, run_id: str) -> bool:
        """Return whether it has begun to execute the run since its last start."""
        return f"Run {run_id} begins" in self.log.read_text(errors="replace")

    def has_begun(self, run_id: str) -> bool:
        """Return whether the log says that this process has begun to execute the run."""
        return f"Run {run_id} begins" in self.said()

    def _make(self) -> ForkServerProcess:
        about = False, str(self.log), False, (), dict(os.environ), self._arguments
        return FORKED.Process(target=started_here, args=about)

    def _is_ready(self) -> bool:
        assert self.runs, self.said()
        return (
            re.search(rf"{re.escape(self.url)}\b", self.log.read_text(errors="replace")) is not None
        )
