"""Ports of the tests' apps."""

from __future__ import annotations

import functools
import socket

_FIRST, _LAST = 21_000, 32_000  # below those that systems give to who asks for any
_PORTS = 100  # of each test process


@functools.cache
def own_ports() -> tuple[socket.socket, range]:
    """Return a range of ports that no other test process uses until this one ends, and the socket
    that claims it. A page that outlives its app looks for it at its address, and must not find the
    app of another process there, not even one of other tests on this machine."""
    for first in range(_FIRST, _LAST, _PORTS):
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind(("127.0.0.1", first))
        except OSError:  # taken
            claim.close()
        else:
            return claim, range(first + 1, first + _PORTS)
    raise AssertionError("no range of ports is free")


def listening_socket(host: str) -> socket.socket:
    """Return a socket on the first free port of this test process's range. Successive apps share an
    address this way, and browsers reuse the scripts that they compiled for it."""
    _claim, ports = own_ports()
    for port in ports:
        # asyncio sends small pieces at once only where the protocol is named: without it each
        # answer over a kept connection takes 40 ms more.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError:  # taken
            listener.close()
        else:
            return listener
    raise AssertionError("no port is free")
