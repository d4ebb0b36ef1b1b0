"""Requests that no HTTP library sends: incomplete ones, from any address of this machine."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

RUDE = "127.0.0.2"  # one more address of this machine; no proxy that is trusted
JSON = "application/json"


@contextlib.contextmanager
def sent(app: RunningApp, *lines: str, address: str = RUDE) -> Iterator[socket.socket]:
    """Open a connection from an address, by default the rude visitor's, and send these lines."""
    host, port = app.url.removeprefix("http://").split(":")
    with socket.create_connection(
        (host, int(port)), timeout=LONGEST_WAIT, source_address=(address, 0)
    ) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        yield connection


def begun(
    path: str, length: int = 1000, kind: str = JSON, body: str = "", *heads: str
) -> tuple[str, ...]:
    """Return a request whose body is missing or incomplete. `heads`: more of its headers."""
    return (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {kind}",
        f"Content-Length: {length}",
        *heads,
        "",
        body,
    )


def status(connection: socket.socket) -> int:
    """Return the status of an answer, 0 if the connection was closed without one."""
    with contextlib.suppress(ConnectionError):
        return int(connection.recv(4000)[9:12] or 0)
    return 0
