"""Callback lists for change notifications."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, ParamSpec

log = logging.getLogger(__name__)

P = ParamSpec("P")


class Callbacks(Generic[P]):
    """Thread-safe list of callbacks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Callable[P, None], ...] = ()

    def add(self, callback: Callable[P, None]) -> Callable[[], None]:
        """Add a callback, which must not block. Return a function that removes only this
        registration, even if the same callback was added twice."""
        added: Callable[P, None] = partial(callback)  # unique, even for the same callback
        with self._lock:
            self._all = (*self._all, added)

        def take_off() -> None:
            with self._lock:
                self._all = tuple(one for one in self._all if one is not added)

        return take_off

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all callbacks in this thread without holding the lock. Exceptions are logged."""
        for callback in self._all:
            try:
                callback(*args, **kwargs)
            except Exception:
                log.exception("A callback failed")
