"""Connections to one server, kept open briefly for the next call.

Connections to the server: through the environment's proxies, with the server's certificates and
credentials.

An adapter of requests for HTTP, and a connected socket for other protocols. Extends urllib3 so that
a call can be aborted and withdrawn.
"""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from typing import Any, cast
from urllib.parse import unquote

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ProxySchemeUnknown,
)
from urllib3.util import make_headers, parse_url

from comfy.base.errors import TooManyThreads
from comfy.base.threads import start_thread
from comfy.comfyui.client.address import ServerAddress, is_loopback

_RESET = struct.pack("ii", 1, 0)
# Timeout after the TCP connection, where a distant server or proxy may be slow. This wait can be
# aborted.
_HANDSHAKE_SECONDS = 10.0
_MOST = 8
# Seconds. A proxy may have dropped a connection that was idle longer, and that must not make us
# send a prompt twice.
_KEPT = 1.0


def open_socket(
    address: ServerAddress, opened: Callable[[socket.socket], None], *, timeout: float
) -> socket.socket:
    """Return a socket to the server, after a proxy's CONNECT and after TLS. `opened` gets it at
    once, and again when TLS has replaced it; it may raise. `timeout`: seconds for the connection
    itself. Raises the errors of urllib3."""
    options: dict[str, Any] = {"timeout": timeout, "opened": opened}
    if address.tls is not None:
        options["ssl_context"] = address.tls
    kind: Any = _Connection if address.tls is None else _SecureConnection
    if (named := _proxy(address.url)) is None:
        return _connected(kind(address.host, address.port, **options))
    proxy = parse_url(named)
    connection = kind((proxy.host or "").strip("[]"), proxy.port or 80, **options)
    login = make_headers(proxy_basic_auth=unquote(proxy.auth)) if proxy.auth else {}
    connection.set_tunnel(address.host, address.port, login)
    try:
        return _connected(connection)
    except ConnectTimeoutError as error:
        raise ProxyError("cannot connect", error) from error


def _connected(connection: HTTPConnection) -> socket.socket:
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return cast(socket.socket, connection.sock)


def timed_out(error: BaseException) -> bool:
    """Tell if an attempt to connect timed out and can be repeated."""
    timeouts = (TimeoutError, ConnectTimeoutError)
    cause = error.original_error if isinstance(error, ProxyError) else error
    return isinstance(cause, timeouts) and not isinstance(cause, NewConnectionError)


def shut(sock: socket.socket) -> None:
    """Shut down this socket from another thread, which ends that thread's wait for it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed, as intended


class Adapter(HTTPAdapter):
    """HTTP adapter that sends each request with the headers of its address: a redirect to another
    host carries no credentials.

    Reports every socket it opens, so that a call can be aborted.
    """

    def __init__(self, address: ServerAddress, opened: Callable[[socket.socket], None]) -> None:
        self._address = address
        self._opened = opened
        super().__init__(pool_connections=1, pool_maxsize=1)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """See requests; adds the address's headers only for its own server."""
        url = request.url or ""
        own = self._address.owns(url)
        for name, value in self._address.headers:
            if own:
                request.headers[name] = value
            else:
                request.headers.pop(name, None)
        proxy = self._own_proxy if own else _proxy(url)
        return super().send(
            request, *args, **options | {"proxies": {"all": proxy} if proxy else {}}
        )

    @cached_property
    def _own_proxy(self) -> str | None:
        """Return the proxy for the adapter's own server."""
        return _proxy(self._address.url)

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Do nothing: requests would add its own certificates to the context, which alone
        decides."""

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """See requests; adds the TLS settings of the address."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, pool | (
            {"ssl_context": self._address.tls} if host["scheme"] == "https" else {}
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See requests; lists open connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._opened)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> object:
        """See requests; lists open connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._opened)
        return manager

    def close(self) -> None:
        """Close all connections that are kept open for later requests."""
        # urllib3 leaves this to the garbage collector, which a stored traceback can delay for long.
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - a container of its own, that cannot be iterated
                manager.pools[key].close()
        super().close()


def _proxy(url: str) -> str | None:
    """Return the environment's proxy for an address, or None; never for this machine itself. Raises
    ProxySchemeUnknown for a proxy that isn't reached over plain HTTP, which couldn't carry the
    WebSocket."""
    if is_loopback(parse_url(url).host or ""):
        return None
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    proxy = str(proxy) if "://" in proxy else f"http://{proxy}"
    if not proxy.lower().startswith("http://"):
        raise ProxySchemeUnknown(proxy.partition(":")[0])
    return proxy


def _pools(
    opened: Callable[[socket.socket], None],
) -> Mapping[str, Callable[..., HTTPConnectionPool]]:
    """Return pool classes by scheme, whose connections report every socket they open."""
    return {
        "http": partial(_pool, HTTPConnectionPool, partial(_Connection, opened=opened)),
        "https": partial(_pool, HTTPSConnectionPool, partial(_SecureConnection, opened=opened)),
    }


def _pool(
    pool_class: type[HTTPConnectionPool], connection: Any, *args: Any, **kwargs: Any
) -> HTTPConnectionPool:
    pool = pool_class(*args, **kwargs)
    pool.ConnectionCls = connection
    return pool


class _Watched:
    """Connection that reports its socket, and resets it if nothing awaits the answer.

    Without the reset the kernel would still deliver a prompt that was given up and sent again.
    """

    sock: socket.socket | None
    _asked = False

    def __init__(self, *args: Any, opened: Callable[[socket.socket], None], **kwargs: Any) -> None:
        self._opened = opened
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        try:
            self._opened(sock)
            sock.settimeout(_HANDSHAKE_SECONDS)
        except BaseException:
            sock.close()
            raise
        return sock

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._opened(cast(socket.socket, self.sock))  # TLS has replaced the socket

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._asked = True
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self._asked = False
        return response

    def close(self) -> None:
        if self._asked and self.sock is not None:
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._asked = False
        super().close()  # type: ignore[misc]


class _Connection(_Watched, HTTPConnection):
    pass


class _SecureConnection(_Watched, HTTPSConnection):
    pass


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
