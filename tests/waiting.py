"""Waiting for what no event tells about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS = 15.0


def eventually(true: Callable[[], object], what: str = "it", seconds: float = SECONDS) -> None:
    """Come back once `true()` holds; AssertionError with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain: {what}"
        threading.Event().wait(0.01)
