"""Connections to the server: through the environment's proxies, with the server's certificates and
credentials.

An adapter of requests for HTTP, and a connected socket for other protocols. Extends urllib3 so that
a call can be aborted and withdrawn.
"""

from __future__ import annotations

import socket
import struct
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

from comfy.comfyui.client.address import ServerAddress, is_loopback

_RESET = struct.pack("ii", 1, 0)
# Timeout after the TCP connection, where a distant server or proxy may be slow. This wait can be
# aborted.
_HANDSHAKE_SECONDS = 10.0


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
