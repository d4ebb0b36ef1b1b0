"""Check of the service that carries messages between processes."""

from __future__ import annotations

import logging
import queue
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from comfy.base.errors import ComfyError
from comfy.cluster.messaging.wire import Wire
from comfy.cluster.messaging.wire_address import WireAddress

_PATIENCE = 5.0  # seconds
_ROUNDS = 5
_SIZE = 100_000  # bytes of a message, like a preview
_ACL = "The service's ACL has to allow publish, subscribe and unsubscribe on comfyforms:*."

_TLS = "rediss:// needs a port with TLS; use redis:// for a port without it."


def check_wire(url: str) -> str:
    """Check that messages of this process come back, and return how long they take. Raises
    ComfyError."""
    address = WireAddress.parse(url)
    with _quiet():
        wire = Wire(url, "check")
        try:
            seconds = _round_trip(wire, address)
        finally:
            wire.close()
    way = "encrypted" if address.encrypted else "without encryption"
    return f"Messages through {address.place} take {seconds * 1000:.1f} ms ({way})."


def _round_trip(wire: Wire, address: WireAddress) -> float:
    """Return the median time of a message, in seconds."""
    came = queue.SimpleQueue[bytes]()
    channel = f"check:{uuid.uuid4().hex}"
    wire.listen(channel, came.put)
    times: list[float] = []
    end = time.monotonic() + _PATIENCE
    body = bytes(_SIZE)
    while len(times) < _ROUNDS:
        sent = time.monotonic()
        if sent > end:
            reason = (wire.problem or "messages don't come back").rstrip(".")
            hint = _ACL if "permission" in reason else "Check --wire, and that the service runs."
            if address.encrypted:
                hint = f"{hint} {_TLS}"
            raise ComfyError(f"{address.place} can't be used: {reason}.", hint)
        wire.publish(channel, body)
        try:
            came.get(timeout=0.2)
        except queue.Empty:
            continue
        times.append(time.monotonic() - sent)
    return statistics.median(times)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the wire from logging what the check reports."""
    log = logging.getLogger("comfy.cluster.messaging.wire")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
