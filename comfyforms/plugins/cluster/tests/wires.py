"""Wires for tests, and what they received."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from comfyforms.plugins.cluster.messaging.wire import Wire
from tests.support.waiting import eventually

PROBE = b"probe"


class Received:
    """Bodies that a wire receives on a channel. Created when messages arrive."""

    def __init__(self, wire: Wire, channel: str) -> None:
        self.bodies: list[bytes] = []
        self._probed = threading.Event()
        self.stop = wire.listen(channel, self._hear)

        def arrives() -> bool:
            wire.publish(channel, PROBE)
            return self._probed.wait(0.05)

        eventually(arrives, f"messages on {channel}")

    def wait_for(self, body: bytes) -> None:
        """Wait until this body has come."""
        eventually(lambda: body in self.bodies, f"a message {body[:20]!r}")

    def _hear(self, body: bytes) -> None:
        if body == PROBE:
            self._probed.set()
        else:
            self.bodies.append(body)


@contextlib.contextmanager
def running_wire(url: str, process: str = "tests") -> Iterator[Wire]:
    """Yield a wire that is up, and close it."""
    wire = Wire(url, process)
    try:
        eventually(lambda: wire.is_up, "the wire")
        yield wire
    finally:
        wire.close()
