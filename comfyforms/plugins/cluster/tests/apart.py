"""Calls outside the event loop of a browser."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def run_apart(call: Callable[[], object]) -> None:
    """Run a call in another thread. In this one, a browser's event loop may be running, which the
    engine refuses."""
    with ThreadPoolExecutor(1, "apart") as thread:
        thread.submit(call).result()
