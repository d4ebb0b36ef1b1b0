"""Connections to one server, kept for a moment for the next call."""

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
# Seconds; a proxy may have dropped a connection that was idle longer, and a prompt must not be sent
# twice for that.
_KEPT = 1.0


class Session(requests.Session):
    """Connection for one call at a time; another thread can abort it."""

    def __init__(self, address: ServerAddress) -> None:
        super().__init__()
        self.trust_env = (
            False  # .netrc would take the place of our login; proxies and bundles are read by us
        )
        # `Connection` says what HTTP/1.1 means without; every header is checked again and again.
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
        """A request as `requests.Session.request` would send it, made in a third of its time:
        nothing but headers and cookies of a session counts here."""
        parts = {name: value for name, value in options.items() if name != "stream"}
        parts["headers"] = self._usual_headers | options.get("headers", {})
        request = requests.PreparedRequest()
        request.prepare(method, url, cookies=self.cookies, **parts)
        return request

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: `comfy.comfyui.client.exchange` follows redirects. To prepare the next
        request, requests would read all of the body."""

    def abort(self) -> None:
        """Let the call in progress, and all later ones, fail at once."""
        with self._lock:
            self._aborted = True
            sockets = list(self._sockets)
        for sock in sockets:
            shut(sock)

    @property
    def is_aborted(self) -> bool:
        """True once `abort` was called: no call can be made any more."""
        with self._lock:
            return self._aborted

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            aborted = self._aborted
        if aborted:
            shut(sock)


class IdleSessions:
    """Idle sessions. requests doesn't promise thread-safe sessions, so each call has its own; any
    thread may take one."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._idle = deque[tuple[float, Session]]()  # with the moments until which they are kept
        self._timer: threading.Timer | None = None  # closes them then
        self._closed = False

    def take(self) -> Session:
        """Return the last used session, or a new one."""
        now = time.monotonic()
        with self._lock:
            session = self._idle.pop()[1] if self._idle and self._idle[-1][0] > now else None
        return session or Session(self._address)

    def give_back(self, session: Session) -> None:
        """Keep it for the next call, if there is room."""
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
        """Close all, and keep none from now on."""
        with self._lock:
            self._closed = True
        self.close_idle()

    def _wait_locked(self, seconds: float) -> bool:
        """Start a timer to close them; return False if it can't start, as they would stay open."""
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
        """Close those that are not kept any longer then, and wait for the others."""
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
