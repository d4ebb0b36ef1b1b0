"""A TCP link between a client and a server, with the faults of real networks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65536
# Data that a narrow link can't carry yet has to wait at the sender, not in a buffer on the way.
BUFFER = 16384
IN_TRANSIT = 256  # pieces that a long link holds
RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Pair:
    """One connection: the client's socket, the server's socket, and whether data passes between
    them."""

    near: socket.socket
    far: socket.socket
    passable: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    stranded: bool = False
    ending: bool = (
        False  # one end has closed it; a browser may keep the other until its next request
    )


class FaultyLink:
    r"""A TCP proxy to `target` with its own port and thread. Any thread may call the controls,
    which return when they have taken effect.

    Example: `with FaultyLink(demo.url) as link, Client(link.url) as client: link.freeze()`
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._pairs: set[_Pair] = set()
        self._rate: float | None = None
        self._delay = 0.0
        self._free_at = 0.0
        self._place = _bound(0)  # reserves the port while no listener is bound to it
        self._port: int = self._place.getsockname()[1]
        self._listener: socket.socket | None = None
        self.handshakes = 0
        """WebSockets that clients have asked for so far."""
        self.on_its_way = 0
        """Pieces that have left one end and not come to the other, unless their connection was
        cut."""
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="link")
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._call(self._refuse)
        self._call(self._cut)
        self._call(self._closed.set)
        self._thread.join()
        self._place.close()

    # --- what can go wrong

    def cut(self) -> None:
        """Reset every connection at both ends."""
        self._call(self._cut)

    def freeze(self) -> None:
        """Stop all data on existing connections without closing them. New connections work."""
        self._call(self._freeze)

    def strand(self) -> None:
        """Reset every connection at the client's end only. The server's ends stay open until the
        link is healed."""
        self._call(self._strand)

    def refuse(self) -> None:
        """Refuse new connections. Existing connections stay open."""
        self._call(self._refuse)

    def narrow(self, rate: float | None) -> None:
        """Limit the total rate toward the client to this many bytes per second. None removes the
        limit."""
        self._call(lambda: setattr(self, "_rate", rate))

    def lag(self, seconds: float) -> None:
        """Delay all data by this many seconds in both directions."""
        self._call(lambda: setattr(self, "_delay", seconds))

    def heal(self) -> None:
        """Restore the link: frozen data passes, and stranded connections close at the server
        too."""
        self._call(self._heal)

    @property
    def connections(self) -> int:
        """Count the connections that neither end has closed, including frozen and stranded
        connections."""
        return sum(not pair.ending for pair in list(self._pairs))

    # --- on the loop

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._closed.wait())

    def _call(self, what: Callable[[], object]) -> None:
        async def called() -> None:
            what()

        asyncio.run_coroutine_threadsafe(called(), self._loop).result()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = _bound(self._port)
            self._listener.listen(128)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _refuse(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _freeze(self) -> None:
        for pair in self._pairs:
            pair.passable.clear()

    def _cut(self) -> None:
        for pair in list(self._pairs):
            self._end(pair)

    def _strand(self) -> None:
        for pair in self._pairs:
            if not pair.stranded:
                pair.stranded = True
                self._stop(pair)
                _reset(pair.near)

    def _heal(self) -> None:
        self._rate, self._delay = None, 0.0
        for pair in list(self._pairs):
            # Data that was sent into a frozen connection and taken back by a reset is never sent
            # again.
            taken_back = not pair.passable.is_set() and pair.near.getsockopt(
                socket.SOL_SOCKET, socket.SO_ERROR
            )
            if pair.stranded or taken_back:
                self._end(pair)
            pair.passable.set()
        self._listen()

    def _stop(self, pair: _Pair) -> None:
        for task in pair.tasks:
            task.cancel()
        for one in (pair.near, pair.far):
            if one.fileno() >= 0:
                self._loop.remove_reader(one)
                self._loop.remove_writer(one)

    def _end(self, pair: _Pair) -> None:
        self._pairs.discard(pair)
        self._stop(pair)
        _reset(pair.near)
        _reset(pair.far)

    def _accept(self, listener: socket.socket) -> None:
        try:
            near, _ = listener.accept()
        except OSError:  # it has gone again
            return
        far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for one, option in ((near, socket.SO_SNDBUF), (far, socket.SO_RCVBUF)):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        pair = _Pair(near, far)
        pair.passable.set()
        self._pairs.add(pair)
        pair.tasks.append(self._loop.create_task(self._carry(pair)))

    async def _carry(self, pair: _Pair) -> None:
        """Forward data in both directions until both ends are finished or either end is reset."""
        try:
            await asyncio.sleep(2 * self._delay)  # TCP's handshake, which a client can't skip
            await self._loop.sock_connect(pair.far, self._target)
            back = self._loop.create_task(
                self._pump(pair, pair.far, pair.near, towards_client=True)
            )
            pair.tasks.append(back)
            await asyncio.gather(self._pump(pair, pair.near, pair.far, towards_client=False), back)
        except OSError:
            self._end(pair)
        else:
            self._pairs.discard(pair)
            pair.near.close()
            pair.far.close()

    async def _pump(
        self, pair: _Pair, source: socket.socket, sink: socket.socket, *, towards_client: bool
    ) -> None:
        on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_TRANSIT)
        jobs = (
            self._take(source, on_its_way, towards_client=towards_client),
            self._deliver(pair, sink, on_its_way),
        )
        tasks = [self._loop.create_task(job) for job in jobs]
        pair.tasks += tasks
        await asyncio.gather(*tasks)

    async def _take(
        self,
        source: socket.socket,
        on_its_way: asyncio.Queue[tuple[float, bytes]],
        *,
        towards_client: bool,
    ) -> None:
        """Read from the source until it ends, as fast as the link allows."""
        data = b"."
        while data:
            data = await self._loop.sock_recv(source, CHUNK if self._rate is None else BUFFER // 2)
            if data and towards_client:
                await self._wait_for_room(len(data))
            elif data.startswith(b"GET /ws?"):
                self.handshakes += 1
            self.on_its_way += 1
            await on_its_way.put((self._loop.time() + self._delay, data))
            if not self._delay:  # a link without length holds nothing
                await on_its_way.join()

    async def _deliver(
        self, pair: _Pair, sink: socket.socket, on_its_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        """Forward queued data when it is due, and then the end of the stream."""
        data = b"."
        while data:
            due, data = await on_its_way.get()
            await asyncio.sleep(due - self._loop.time())
            await pair.passable.wait()
            if data:
                await self._loop.sock_sendall(sink, data)
            self.on_its_way -= 1
            on_its_way.task_done()
        pair.ending = True
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    async def _wait_for_room(self, size: int) -> None:
        """Wait until these bytes have passed the link. All connections share its rate."""
        if self._rate is not None:
            self._free_at = max(self._free_at, self._loop.time()) + size / self._rate
            await asyncio.sleep(self._free_at - self._loop.time())


def _bound(port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", port))
    one.setblocking(False)
    return one


def _reset(one: socket.socket) -> None:
    """Close the socket with RST instead of FIN."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()
