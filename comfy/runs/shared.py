"""State shared by the threads of one run, with its own lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from comfy.comfyui.client.event_stream import EventStream
from comfy.runs.plan import Stop
from comfy.runs.reconnect import Reconnect

P = ParamSpec("P")


class ThreadState:
    """State shared by the threads of one run: its server connection, and the stop request.

    All methods are thread-safe. Callbacks of the state's watchers may call them too, because they
    never wait and take no other lock while they hold this one. Each value is replaced as a whole,
    so reading needs no lock.
    """

    def __init__(self, link: Reconnect) -> None:
        self._lock = threading.Lock()
        self._link, self._heard_at = link, link.heard_at
        self._stop: Stop | None = None
        self._opening: EventStream | None = None
        self._wake = threading.Event()

    @property
    def link(self) -> Reconnect:
        """Return the state of the server connection."""
        link, heard_at = self._link, self._heard_at
        return link if heard_at <= link.heard_at else link.heard(heard_at)

    @property
    def stopping(self) -> Stop | None:
        """Return the stop request, or None."""
        return self._stop

    @property
    def is_disowned(self) -> bool:
        """Return whether another process follows the run."""
        return self._stop is not None and not self._stop.cancels

    def note(
        self,
        change: Callable[Concatenate[Reconnect, P], Reconnect],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Update the connection state with `change`, a method of `Reconnect`."""
        with self._lock:
            self._link = change(self.link, *args, **kwargs)

    def progressed(self, *, ended: bool) -> None:
        """Note progress with `Reconnect.progressed`, which has nothing to do after most
        messages."""
        if ended or self._link.attempts:
            self.note(Reconnect.progressed, ended=ended)

    def heard(self, now: float) -> None:
        """Store a message's arrival time. It is merged only when needed, because dozens arrive."""
        with self._lock:
            self._heard_at = now

    def stop(self, stop: Stop) -> None:
        """Request a stop. Only the first request counts, unless a later one leaves the prompt on
        the server. A socket that is just being opened is aborted."""
        with self._lock:
            self._stop = self._stop if self._stop and stop.cancels else stop
            opening = self._opening
        if opening is not None:
            opening.abort()
        self._wake.set()

    def opening(self, stream: EventStream | None) -> bool:
        """Register the stream that `stop` has to abort. Return False if the run has to stop."""
        with self._lock:
            self._opening = stream
            return self._stop is None

    def wake(self) -> None:
        """End the run's `sleep`, so that the run decides again."""
        self._wake.set()

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds, or until `wake`. Only for the run's own thread."""
        if seconds > 0 and self._wake.wait(min(seconds, threading.TIMEOUT_MAX)):
            self._wake.clear()
