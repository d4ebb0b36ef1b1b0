"""Pages that show runs of a cluster, and move to another process when their own dies."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import websocket

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from tests.support.http_client import messages
from tests.support.waiting import LONGEST_WAIT, eventually

_PAUSE = 0.05  # seconds between two attempts


@dataclass
class SeenMessages:
    """Messages that a page received: the times of its frames, its documents, and how often its
    socket was cut before the end. `back`: seconds until a cut socket had a successor."""

    frames: list[float] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    cuts: int = 0
    back: list[float] = field(default_factory=list)

    @property
    def phase(self) -> str:
        """Return the newest phase, "" before the first document."""
        return next((one["phase"] for one in reversed(self.documents) if "phase" in one), "")


class RunPage(threading.Thread):
    """RunPage that shows a run. If its socket is cut, it opens the next one, at the next process if its
    own is away."""

    def __init__(self, client: ClusterClient, run_id: str, processes: Sequence[AppProcess]) -> None:
        super().__init__(name=f"page of {run_id}", daemon=True)
        self.seen = SeenMessages()
        self._client = client
        self._run_id = run_id
        self._processes = processes
        self._closing = threading.Event()
        self._socket: websocket.WebSocket | None = None

    def wait_for_frame(self) -> None:
        """Wait for a frame after this moment."""
        before = len(self.seen.frames)
        eventually(lambda: len(self.seen.frames) > before, "a frame")

    def wait_for(self, phase: str) -> None:
        """Wait until the page shows this phase."""
        eventually(lambda: self.seen.phase == phase, f"{phase} on the page")

    def close(self) -> None:
        """Close the page."""
        self._closing.set()
        if (socket := self._socket) is not None:
            socket.shutdown()  # type: ignore[no-untyped-call]
        self.join(LONGEST_WAIT)

    def run(self) -> None:
        """Show the run until its end. Not for tests: they call `start`."""
        cut_at = 0.0
        for at in itertools.cycle(self._processes):
            if self._closing.is_set() or self._has_ended():
                return
            try:
                address = f"{at.url.replace('http', 'ws')}/live/{self._run_id}"
                self._socket = websocket.create_connection(
                    address, timeout=LONGEST_WAIT, cookie=self._client.cookie
                )
            except (OSError, websocket.WebSocketException):
                self._closing.wait(_PAUSE)
                continue
            self.seen.opened.append(at.name)
            if cut_at:
                self.seen.back.append(time.monotonic() - cut_at)
            self._read(self._socket)
            if not self._has_ended() and not self._closing.is_set():
                cut_at = time.monotonic()
                self.seen.cuts += 1

    def _read(self, socket: websocket.WebSocket) -> None:
        try:
            for message in messages(socket):
                if isinstance(message, bytes):
                    self.seen.frames.append(time.monotonic())
                else:
                    self.seen.documents.append(message)
        except (OSError, websocket.WebSocketException):
            pass
        finally:
            socket.shutdown()  # type: ignore[no-untyped-call]

    def _has_ended(self) -> bool:
        return self.seen.phase not in ("", "waiting", "running")


@contextlib.contextmanager
def page_showing(client: ClusterClient, run_id: str, *processes: AppProcess) -> Iterator[RunPage]:
    """Show a run on a page during the block. The page prefers the first process."""
    page = RunPage(client, run_id, processes)
    page.start()
    try:
        yield page
    finally:
        page.close()
