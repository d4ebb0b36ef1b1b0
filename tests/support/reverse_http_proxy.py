"""A reverse proxy that serves an app below a path, as nginx does with a `location`."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


@contextlib.contextmanager
def running_proxy(target: str, prefix: str) -> Iterator[str]:
    """Serve `target` below `prefix` and yield the address. The proxy removes the prefix from
    requests, including WebSocket requests."""
    host = urlsplit(target)
    listener = socket.create_server(("127.0.0.1", 0))
    here = f"127.0.0.1:{listener.getsockname()[1]}"
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                browser, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=pass_on, args=(browser,), name="proxy")
            threads.append(thread)
            thread.start()

    def pass_on(browser: socket.socket) -> None:
        with browser, socket.create_connection((host.hostname or "", host.port or 80)) as app:
            sockets.extend((browser, app))
            head = read_head(browser)
            if not head.startswith(prefix.encode(), head.find(b" ") + 1):
                browser.sendall(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            app.sendall(without_prefix(head, prefix, here))
            back = threading.Thread(target=pump, args=(app, browser), name="proxy")
            back.start()
            pump(browser, app)
            back.join()

    accepting = threading.Thread(target=serve, name="proxy")
    accepting.start()
    try:
        yield f"http://{here}{prefix}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def read_head(browser: socket.socket) -> bytes:
    """Read a request's head, and any part of the body that arrives with it."""
    head = b""
    while b"\r\n\r\n" not in head and (part := browser.recv(65536)):
        head += part
    return head


def without_prefix(head: bytes, prefix: str, here: str) -> bytes:
    """Return the head as the app receives it. Unless the request opens a WebSocket, it asks the app
    to close the connection."""
    first, _, rest = head.partition(b"\r\n")
    first = first.replace(prefix.encode(), b"", 1).replace(b"  ", b" / ")
    added = f"X-Forwarded-Host: {here}\r\nX-Forwarded-Proto: http\r\n"
    if b"upgrade: websocket" not in head.lower():
        rest = rest.replace(b"Connection: keep-alive\r\n", b"")
        added += "Connection: close\r\n"
    return first + b"\r\n" + added.encode() + rest


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Forward bytes until the source ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
