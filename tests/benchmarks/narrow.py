"""A TCP proxy that lets only so many bytes a second through towards the client, with real back-pressure."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

CHUNK = 8192
# Small buffers on both sides: what the link cannot carry yet has to wait at the sender, not in between.
BUFFER = 16384


class NarrowLink:
    """Connections to `target` through a port of its own; `rate` bytes a second for all of them, None = unlimited."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._sockets: list[socket.socket] = []
        self.rate: float | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        """Take connections until closed."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                self._sockets += [near, far]
                for source, sink, narrow in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pump, args=(source, sink, narrow), daemon=True).start()

    def close(self) -> None:
        """Cut everything."""
        for one in (self._listener, *self._sockets):
            _shut(one)
            one.close()

    def _pump(self, source: socket.socket, sink: socket.socket, narrow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if narrow:
                    self._wait_for(len(data))
                sink.sendall(data)
        _shut(source)
        _shut(sink)

    def _wait_for(self, size: int) -> None:
        """Return when these bytes are through the link; all connections stand in one line."""
        if self.rate is None:
            return
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self.rate
            wait = self._free_at - time.monotonic()
        time.sleep(max(0.0, wait))


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def narrow_link(target: str) -> Iterator[NarrowLink]:
    """A link to `target`, unlimited until its `rate` is set."""
    link = NarrowLink(target)
    thread = threading.Thread(target=link.serve, daemon=True)
    thread.start()
    try:
        yield link
    finally:
        link.close()
        thread.join()
