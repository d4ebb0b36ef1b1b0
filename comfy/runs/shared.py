"""What threads share, each behind a lock of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Concatenate, Generic, ParamSpec

from comfy.client.event_stream import EventStream
from comfy.runs.plan import Stop
from comfy.runs.reconnect import Reconnect

log = logging.getLogger(__name__)

P = ParamSpec("P")


class Callbacks(Generic[P]):
    """What is to be called whenever something changes. Any thread may add, take off and call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: tuple[Callable[P, None], ...] = ()

    def add(self, callback: Callable[P, None]) -> Callable[[], None]:
        """Call it from now on: it must not block. Returns the way out, which takes off this one
        alone, though the same was added twice."""
        added: Callable[P, None] = partial(callback)  # another object each time
        with self._lock:
            self._all = (*self._all, added)

        def take_off() -> None:
            with self._lock:
                self._all = tuple(one for one in self._all if one is not added)

        return take_off

    def call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all, in this thread and with no lock held; one that fails is logged."""
        for callback in self._all:
            try:
                callback(*args, **kwargs)
            except Exception:
                log.exception("A watcher failed")


class ThreadState:
    """What the threads of one run share: what is known of the server, and whether it is to stop.

    Any thread may call anything, a callback of the state's watchers included: nothing waits, and no
    other lock is taken while this one is held. Each value is replaced as a whole, so that reading
    one needs no lock.
    """

    def __init__(self, link: Reconnect) -> None:
        self._lock = threading.Lock()
        self._link, self._heard_at = link, link.heard_at
        self._stop: Stop | None = None
        self._opening: EventStream | None = None
        self._wake = threading.Event()

    @property
    def link(self) -> Reconnect:
        """What is known of the server."""
        link, heard_at = self._link, self._heard_at
        return link if heard_at <= link.heard_at else link.heard(heard_at)

    @property
    def stopping(self) -> Stop | None:
        """Why the run is to stop, if it is."""
        return self._stop

    def note(
        self,
        change: Callable[Concatenate[Reconnect, P], Reconnect],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Let what is known be what `change`, a method of `Reconnect`, makes of it."""
        with self._lock:
            self._link = change(self.link, *args, **kwargs)

    def progressed(self, *, ended: bool) -> None:
        """See `Reconnect.progressed`: after nearly every message there is nothing to note."""
        if ended or self._link.attempts:
            self.note(Reconnect.progressed, ended=ended)

    def heard(self, now: float) -> None:
        """A message has come: noted once somebody wants to know, as they come in dozens."""
        with self._lock:
            self._heard_at = now

    def stop(self, stop: Stop) -> None:
        """The first one counts. A socket that is being opened just now is given up."""
        with self._lock:
            self._stop = self._stop or stop
            opening = self._opening
        if opening is not None:
            opening.abort()
        self._wake.set()

    def opening(self, stream: EventStream | None) -> bool:
        """Let `stop` know what it has to give up. False if the run is to stop."""
        with self._lock:
            self._opening = stream
            return self._stop is None

    def wake(self) -> None:
        """End the run's `sleep`: something is to be decided anew."""
        self._wake.set()

    def sleep(self, seconds: float) -> None:
        """Of the run's own thread alone: so long, or until somebody wakes it."""
        if seconds > 0 and self._wake.wait(min(seconds, threading.TIMEOUT_MAX)):
            self._wake.clear()
