"""Connections to one server, kept open briefly for the next call."""

from __future__ import annotations

import math
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

import requests

from comfy.base.errors import TooManyThreads
from comfy.base.threads import start_thread
from comfy.comfyui.client.abortable import Adapter, shut
from comfy.comfyui.client.address import ServerAddress

_MOST = 8
# Seconds. A proxy may have dropped a connection that was idle longer, and that must not make us
# send a prompt twice.
_KEPT = 1.0


class Session(requests.Session):
    """Connection for one call at a time; another thread can abort it."""

    def __init__(self, address: ServerAddress) -> None:
        super().__init__()
        self.trust_env = (
            False  # .netrc would replace our login; we read proxies and bundles ourselves
        )
        # No `Connection` header: keep-alive is HTTP/1.1's default, and requests checks every header
        # on each request.
        self._usual_headers = {
            name: value for name, value in self.headers.items() if name != "Connection"
        }
        adapter = Adapter(address, self._opened)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self._lock = threading.Lock()
        self._sockets = weakref.WeakSet[socket.socket]()
        self._aborted = False

    def prepared(
        self, method: str, url: str, options: Mapping[str, Any]
    ) -> requests.PreparedRequest:
        """Return a request as `requests.Session.request` would prepare it, in a third of the time:
        only the session's headers and cookies count here."""
        parts = {name: value for name, value in options.items() if name != "stream"}
        parts["headers"] = self._usual_headers | options.get("headers", {})
        request = requests.PreparedRequest()
        request.prepare(method, url, cookies=self.cookies, **parts)
        return request

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: `comfy.comfyui.client.exchange` follows redirects. Otherwise requests would
        read the whole body to prepare the next request."""

    def abort(self) -> None:
        """Make the current call and all later ones fail at once."""
        with self._lock:
            self._aborted = True
            sockets = list(self._sockets)
        for sock in sockets:
            shut(sock)

    @property
    def is_aborted(self) -> bool:
        """Return whether `abort` was called, after which no more calls are possible."""
        with self._lock:
            return self._aborted

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            aborted = self._aborted
        if aborted:
            shut(sock)


class IdleSessions:
    """Pool of idle sessions. requests doesn't promise thread-safe sessions, so each call has its
    own session. Thread-safe."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._idle = deque[tuple[float, Session]]()  # each with its expiry time
        self._timer: threading.Timer | None = None  # closes expired sessions
        self._closed = False

    def take(self) -> Session:
        """Return the last used session, or a new one."""
        now = time.monotonic()
        with self._lock:
            session = self._idle.pop()[1] if self._idle and self._idle[-1][0] > now else None
        return session or Session(self._address)

    def give_back(self, session: Session) -> None:
        """Keep a session for the next call, if there is room."""
        with self._lock:
            has_room = not self._closed and len(self._idle) < _MOST and not session.is_aborted
            is_kept = has_room and (self._timer is not None or self._wait_locked(_KEPT))
            if is_kept:
                self._idle.append((time.monotonic() + _KEPT, session))
        if not is_kept:
            session.close()

    def close_idle(self) -> None:
        """Close idle sessions."""
        self._close_until(math.inf)

    def close(self) -> None:
        """Close all sessions, and keep none from now on."""
        with self._lock:
            self._closed = True
        self.close_idle()

    def _wait_locked(self, seconds: float) -> bool:
        """Start a timer that closes idle sessions. Return False if it can't start, since they would
        stay open."""
        timer = threading.Timer(seconds, self._close_old)
        timer.name, timer.daemon = "idle-connections", True
        try:
            start_thread(timer)
        except TooManyThreads:
            return False
        self._timer = timer
        return True

    def _close_old(self) -> None:
        self._close_until(time.monotonic())

    def _close_until(self, now: float) -> None:
        """Close the sessions that have expired at this time, and start a timer for the others."""
        old = list[Session]()
        with self._lock:
            while self._idle and self._idle[0][0] <= now:
                old.append(self._idle.popleft()[1])
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._idle and not self._wait_locked(self._idle[0][0] - now):
                old += [session for _, session in self._idle]
                self._idle.clear()
        for session in old:
            session.close()
