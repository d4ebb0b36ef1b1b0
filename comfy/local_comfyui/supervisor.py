"""Start the ComfyUIs of the settings, watch them, and restart them."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from comfy.base.errors import ComfyError, words_of
from comfy.base.threads import start_thread
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.local_comfyui.installation import Installation, LocalSettings
from comfy.local_comfyui.process import Backoff, GuardedProcess, ProcessEnd, ProcessLog

log = logging.getLogger(__name__)
_ASK_PAUSE = 0.25  # seconds between questions whether it answers
_ASK_LIMIT = 5.0  # seconds for an answer
_LAST_LINES = 40  # of the log, which say why it ended
_Phase = Literal["starting", "running", "pausing", "ended"]
_TRIES = 200
# Below the ports that systems choose for outgoing connections, so that a port is still free after a
# restart of ComfyUI.
_FIRST_PORT, _LAST_PORT = 12_000, 15_000


@dataclass(frozen=True, slots=True)
class ComfyUIStatus:
    """State of a local ComfyUI. `pausing`: it has ended and starts again at `until`, a value of
    `time.monotonic`. `last_end`: how it last ended without being asked to, None if it hasn't.
    `failures`: starts in a row that failed."""

    phase: _Phase = "starting"
    until: float = 0.0
    last_end: ProcessEnd | None = None
    failures: int = 0


class LocalComfyUI:
    """ComfyUI that runs as long as the `with` block. Thread-safe: its own thread starts and watches
    it, and any thread may call the methods."""

    def __init__(
        self,
        installation: Installation,
        address: ServerAddress,
        log_file: Path,
        *,
        limit: int | None,
    ) -> None:
        """Prepare it. `address`: on a free port of the loopback address; `limit`: the maximum
        number of prompts at once."""
        self.installation = installation
        self.limit = limit
        self.address = address
        self.log = ProcessLog(log_file)
        self.status = ComfyUIStatus()
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()  # for the two below
        self._process: GuardedProcess | None = None
        self._is_wanted = False  # whether the app ends the process
        self._thread: threading.Thread | None = None

    def __enter__(self) -> LocalComfyUI:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._end()
        if self._thread is not None:
            self._thread.join()
        self.log.close()

    def start(self, pool: ServerPool) -> None:
        """Start ComfyUI as a server of this pool, which gives it no runs until it answers. Raises
        TooManyThreads."""
        server = pool.at(self.address.url)
        assert server is not None
        pool.hold(server)
        self._thread = threading.Thread(
            target=self._watch, args=(pool, server), name="local ComfyUI", daemon=True
        )
        start_thread(self._thread)

    def restart(self) -> None:
        """End ComfyUI, and start it again at once. Returns at once."""
        self._end()

    def _end(self) -> None:
        with self._lock:
            process, self._is_wanted = self._process, self._process is not None
        self._wake.set()
        if process is not None:
            process.end()

    def _watch(self, pool: ServerPool, server: ComfyServer) -> None:
        backoff = Backoff()
        while not self._closed.is_set():
            try:
                end, answered_for = self._run_once(pool, server)
            except (OSError, ComfyError) as error:
                log.warning("Can't start ComfyUI in %s: %s", self.installation.folder, error)
                self.log.add(f"{error}\n")
                end, answered_for = ProcessEnd(1, wanted=False, is_out_of_memory=False), None
            backoff = backoff.ended(answered_for, wanted=end.wanted)
            pause = backoff.pause(wanted=end.wanted)
            last = self.status.last_end if end.wanted else end
            self.status = ComfyUIStatus("pausing", time.monotonic() + pause, last, backoff.failures)
            if self._closed.is_set():
                break
            pool.hold(server, end.run_error, backoff.failures)
            if not end.wanted:
                sentence, failures = end.sentence, backoff.failures
                log.warning("%s It starts again in %g s (failure %d).", sentence, pause, failures)
                self._wake.wait(pause)
        self.status = ComfyUIStatus("ended", last_end=self.status.last_end)

    def _run_once(self, pool: ServerPool, server: ComfyServer) -> tuple[ProcessEnd, float | None]:
        """Run ComfyUI until it ends. Return its end, and the seconds since its first answer."""
        self._wake.clear()
        self.status = replace(self.status, phase="starting")
        log.info("ComfyUI in %s starts at %s.", self.installation.folder, self.address.url)
        process = GuardedProcess(self.installation, self.address.port, self.log)
        with self._lock:
            self._process, self._is_wanted = process, False
        if self._closed.is_set():
            process.end()
        ready_at: float | None = None
        if self._is_ready(process, server):
            ready_at = time.monotonic()
            self.status = replace(self.status, phase="running")
            log.info("ComfyUI at %s answers.", self.address.url)
            pool.release(server)
        code = process.wait()
        with self._lock:
            self._process, wanted = None, self._is_wanted
        answered_for = None if ready_at is None else time.monotonic() - ready_at
        return ProcessEnd.of(code, self.log.tail(_LAST_LINES), wanted=wanted), answered_for

    def _is_ready(self, process: GuardedProcess, server: ComfyServer) -> bool:
        """Wait until ComfyUI answers, and return True; False if it ends before."""
        while not process.has_ended(_ASK_PAUSE):
            with suppress(ComfyError):  # the client is closed at shutdown
                if server.client.answers(timeout=_ASK_LIMIT):
                    return True
        return False


@contextmanager
def opened_locally(
    settings: Sequence[LocalSettings], folder: Path
) -> Iterator[tuple[LocalComfyUI, ...]]:
    """Yield a ComfyUI for each of these settings; `LocalComfyUI.start` starts it. They end with the
    block. `folder`: for their logs and ports, created if there are any settings. Raises
    ComfyError."""
    with ExitStack() as stack:
        opened = []
        ports = _ports(folder, len(settings)) if settings else []
        for number, (one, port) in enumerate(zip(settings, ports, strict=True)):
            address = ServerAddress(f"http://127.0.0.1:{port}", label=one.label)
            file = folder / f"comfyui-{number}.log"
            local = LocalComfyUI(one.installation, address, file, limit=one.limit)
            opened.append(stack.enter_context(local))
        yield tuple(opened)


def _ports(folder: Path, count: int) -> list[int]:
    """Return free ports, the ones of the last start if possible: records name the servers by their
    addresses."""
    file = folder / "ports"
    former: list[int] = []
    with suppress(OSError, ValueError):
        former = [int(word) for word in file.read_text(encoding="ascii").split()]
    ports: list[int] = []
    for number in range(count):
        wanted = former[number] if number < len(former) else 0
        ports.append(_free_port(wanted, taken=ports))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(" ".join(map(str, ports)), encoding="ascii")
    except OSError as error:
        log.warning("Can't write %s: %s", file, words_of(error))
    return ports


def _free_port(wanted: int, taken: Sequence[int]) -> int:
    choice = random.SystemRandom()
    for attempt in range(_TRIES):
        port = wanted if wanted and not attempt else choice.randrange(_FIRST_PORT, _LAST_PORT)
        if port in taken:
            continue
        with suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port)):
            return port
    raise ComfyError("No port is free for ComfyUI.", "End other programs on this machine.")
