"""Connections whose calls can be aborted, and taken back: what urllib3 does not offer by itself."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["pools", "shut"]

_RESET = struct.pack("ii", 1, 0)


def pools(opened: Callable[[socket.socket], None]) -> Mapping[str, Callable[..., HTTPConnectionPool]]:
    """By scheme: pools of connections that report every socket they open."""
    return {
        "http": partial(_pool, HTTPConnectionPool, partial(_Connection, opened=opened)),
        "https": partial(_pool, HTTPSConnectionPool, partial(_SecureConnection, opened=opened)),
    }


def shut(sock: socket.socket) -> None:
    """From another thread: let whoever waits for this socket wait no longer."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed in the meantime, which is all that was wanted


def _pool(pool_class: type[HTTPConnectionPool], connection: Any, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
    pool = pool_class(*args, **kwargs)
    pool.ConnectionCls = connection
    return pool


class _Watched:
    """A connection that reports its socket, and takes back what was asked for when the answer is not awaited.

    Without the reset the kernel would go on to deliver a prompt after we have given it up, and sent it again.
    """

    sock: socket.socket | None
    _asked = False

    def __init__(self, *args: Any, opened: Any, **kwargs: Any) -> None:
        self._opened = opened
        super().__init__(*args, **kwargs)

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._opened(self.sock)

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
