"""What the threads of one run share, behind a lock of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from comfy.comfyui.client.event_stream import EventStream
from comfy.runs.plan import Stop
from comfy.runs.reconnect import Reconnect

P = ParamSpec("P")


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
