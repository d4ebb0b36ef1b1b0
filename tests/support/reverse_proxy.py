"""Proxies in front of a ComfyUI server: a reverse proxy that requires TLS and a login, and a
forward proxy for outgoing requests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.waiting import LONGEST_WAIT

END = b"\r\n\r\n"


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """Return an HTTP response that closes the connection."""
    lines = (
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
        "",
        body,
    )
    return "\r\n".join(lines).encode()


class Relay:
    """Server that relays requests, including WebSockets, to the address that `route` returns. It
    handles one request per connection and runs in its own thread."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.heads: list[str] = []
        """The head of every request, as it came."""
        self.port = 0
        self._tls, self._host = tls, host
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="relay")

    @property
    def sockets(self) -> list[str]:
        """Return the heads of the WebSocket requests."""
        return [head for head in self.heads if is_socket(head)]

    def route(self, head: str) -> tuple[tuple[str, int], str] | bytes:
        """Return the target's host and port with the head to send there, or the response that
        refuses the request. An empty head opens a tunnel."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(LONGEST_WAIT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(
            lambda *_: None
        )  # clients that refuse a certificate break off
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set_result(None)
        await self._closed.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._closed.is_set() else writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(END)).decode("latin-1")
        self.heads.append(head)
        where = self.route(head)
        if isinstance(where, bytes):
            writer.write(where)
            await writer.drain()
            return
        target, onward = where
        far_reader, far_writer = await asyncio.open_connection(*target)
        try:
            if onward:
                far_writer.write(onward.encode("latin-1"))
            else:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            asking = asyncio.create_task(_pump(reader, far_writer))
            try:
                await _pump(far_reader, writer)
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        finally:
            far_writer.close()


class Guard(Relay):
    r"""Proxy for the server at `target` that passes only requests with the header `wanted` (“Name:
    value”) and answers others with `refusal`.

    `only_sockets` requires the header of WebSocket requests only. `path` is the prefix below which
    the proxy serves the target.
    """

    def __init__(
        self,
        target: str,
        *,
        wanted: str = "",
        refusal: str = "401 Unauthorized",
        only_sockets: bool = False,
        path: str = "",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(tls=tls, host=host)
        self._target = (urlsplit(target).hostname or "", urlsplit(target).port or 80)
        self._wanted, self._refusal, self._only_sockets, self._path = (
            wanted,
            refusal,
            only_sockets,
            path,
        )

    @property
    def place(self) -> str:
        """Return the proxy's host, port and path, as a URL spells them."""
        return f"{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}{self._path}"

    def route(self, head: str) -> tuple[tuple[str, int], str] | bytes:
        asked = is_socket(head) or not self._only_sockets
        if asked and self._wanted and f"\r\n{self._wanted}\r\n" not in head:
            return answer(self._refusal)
        return self._target, one_request(head.replace(f" {self._path}/", " /", 1))


class ForwardProxy(Relay):
    """Proxy for `http_proxy` and `https_proxy` that sends requests for every host to this machine.
    `login` is the `Proxy-Authorization` value that it requires."""

    def __init__(self, *, login: str = "", refusal: str = "") -> None:
        super().__init__()
        self._login, self._refusal = login, refusal

    def route(self, head: str) -> tuple[tuple[str, int], str] | bytes:
        if self._refusal:
            return answer(self._refusal)
        if (
            self._login
            and f"\r\nproxy-authorization: {self._login}\r\n".lower() not in head.lower()
        ):
            return answer("407 Proxy Authentication Required", "Proxy-Authenticate: Basic")
        method, target, _ = head.split(" ", 2)
        if method == "CONNECT":
            return ("127.0.0.1", int(target.rpartition(":")[2])), ""
        parts = urlsplit(target)
        origin = target.removeprefix(f"{parts.scheme}://{parts.netloc}")
        lines = head.replace(target, origin, 1).split("\r\n")
        kept = [line for line in lines if not line.lower().startswith("proxy-")]
        return ("127.0.0.1", parts.port or 80), one_request("\r\n".join(kept))


def is_socket(head: str) -> bool:
    """Return whether a request asks for a WebSocket."""
    return "\r\nupgrade: websocket\r\n" in head.lower()


def one_request(head: str) -> str:
    """Return the head with a request to close the connection after the response. WebSocket requests
    don't change."""
    if is_socket(head):
        return head
    lines = [line for line in head.split("\r\n") if not line.lower().startswith("connection:")]
    return "\r\n".join([lines[0], "Connection: close", *lines[1:]])


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
    else:
        sink.close()
