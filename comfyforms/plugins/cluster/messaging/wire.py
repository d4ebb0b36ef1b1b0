"""Messages between app processes over Redis or Valkey. The only file that imports the client.

Nothing on the wire has to arrive. Two threads with a connection each carry it: measured against
asyncio, they take a quarter less processor time per message.

Every process also sends heartbeats to a channel of its own. One that comes back proves the whole
way, wakes the reader to change its subscriptions, and shows a silent connection within seconds.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import redis

from comfy.base.threads import Callbacks, start_thread
from comfyforms.plugins.cluster.messaging.wire_address import WireAddress

_MOST_QUEUED = 2**20  # bytes
# Bytes that are sent at once. A message that is queued can still be replaced; these can't.
_MOST_SENT = 2**17
log = logging.getLogger(__name__)
MOST_OF_A_MESSAGE = 4 * 2**20  # bytes
_HEARTBEAT = 1.5  # seconds
_SILENCE = 4.0  # seconds without a heartbeat or an answer: the connection is dead
_CONNECTING = 2.0  # seconds
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds before trying again; the last one repeats
_REPORTING = 60.0  # seconds between two log lines about the same outage
_NOT_ASCII = re.compile(r"[^!-~]")
_CLOSING = 2.0  # seconds that `close` waits for a connection that is being opened
_Listener = Callable[[bytes], object]


@dataclass(slots=True)
class Outbox:
    """Queue between the threads that publish and the thread that sends. It is closed at first, and
    a closed outbox drops all messages."""

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _queued: dict[tuple[str, object], bytes] = field(default_factory=dict)
    _size: int = 0
    _open: bool = False

    def put(self, channel: str, body: bytes, key: str | None = None) -> None:
        """Queue a message. It replaces the queued one of the same channel and key, in its place.
        Above 1 MiB, the oldest messages are dropped. Thread-safe; never waits for the network."""
        slot = (channel, object() if key is None else key)
        with self._changed:
            if not self._open:
                return
            self._size += len(body) - len(self._queued.get(slot, b""))
            self._queued[slot] = body
            while self._size > _MOST_QUEUED and len(self._queued) > 1:
                self._remove(next(iter(self._queued)))
            self._changed.notify()

    def take(self, seconds: float) -> list[tuple[str, bytes]]:
        """Wait for messages and return some of the oldest with their channels, or [] after this
        time."""
        taken: list[tuple[str, bytes]] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._queued, seconds)
            while self._queued and size < _MOST_SENT:
                slot = next(iter(self._queued))
                body = self._remove(slot)
                taken.append((slot[0], body))
                size += len(body)
        return taken

    def open(self) -> None:
        """Accept messages."""
        with self._changed:
            self._open = True

    def close(self) -> None:
        """Drop all messages, and those that come later."""
        with self._changed:
            self._open = False
            self._queued.clear()
            self._size = 0

    def _remove(self, slot: tuple[str, object]) -> bytes:
        body = self._queued.pop(slot)
        self._size -= len(body)
        return body


class Wire:
    """Connection to the service that carries messages between app processes.

    `url` is an address for `WireAddress.parse`, `process` the name that administrators see in the
    service's `CLIENT LIST`. Raises ComfyError for an invalid address. A service that is
    away is no error: the wire tries until `close`.
    """

    def __init__(self, url: str, process: str) -> None:
        self._address = WireAddress.parse(url)
        self._process = process
        self._prefix = f"comfyforms:{self._address.number}:"
        self._heartbeats = f"heartbeat:{uuid.uuid4().hex}"
        self._outbox = Outbox()
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[_Listener, ...]] = {}
        self._after_return = Callbacks[[]]()
        self._connections = set[redis.Connection]()
        self._closing = threading.Event()
        self._losses = 0  # heartbeats from before the last loss don't count
        self._up = False
        self._problem = ""
        self._next_report = 0.0
        self._threads = [
            threading.Thread(target=self._keep, args=(work,), name=f"wire {name}", daemon=True)
            for name, work in (("writer", self._write), ("reader", self._read))
        ]
        for thread in self._threads:
            start_thread(thread)

    @property
    def is_up(self) -> bool:
        """Tell if messages of this process came back since the last loss of a connection."""
        return self._up

    @property
    def problem(self) -> str:
        """Return why the last connection ended; "" if none did."""
        return self._problem

    def publish(self, channel: str, body: bytes, *, key: str | None = None) -> None:
        """Send a message to all listeners of a channel, in this process too. Any thread may call
        it: it never blocks and never raises.

        The message is dropped if the service is away, if more than 1 MiB of newer messages is
        waiting, or if it is larger than 4 MiB. With a key, it replaces a waiting message of the
        same channel and key.
        """
        if len(body) <= MOST_OF_A_MESSAGE:
            self._outbox.put(channel, body, key)

    def listen(self, channel: str, callback: _Listener) -> Callable[[], None]:
        """Call the function with the body of each message on a channel, and return a function that
        ends this. Both take effect within milliseconds, not at once.

        The callback runs in the wire's reader thread and must return at once: all other messages
        wait for it. If it takes seconds, the service cuts the connection, and messages are lost. An
        exception is logged. The body may come from anyone who has the service's password.
        """
        with self._lock:
            self._listeners[channel] = (*self._listeners.get(channel, ()), callback)
        self._send_heartbeat()

        def stop() -> None:
            with self._lock:
                left = list(self._listeners.get(channel, ()))
                if callback in left:
                    left.remove(callback)
                self._listeners[channel] = tuple(left)
                if not left:
                    del self._listeners[channel]
            self._send_heartbeat()

        return stop

    def on_return(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call the function each time the wire is up again: messages were lost in both directions.
        It runs in the reader thread and must return at once. Return a function that ends this."""
        return self._after_return.add(callback)

    def close(self) -> None:
        """Close both connections and end the threads. Messages that wait are dropped."""
        self._closing.set()
        self._send_heartbeat()
        with self._lock:
            for connection in self._connections:
                _shut(connection)
        for thread in self._threads:
            thread.join(_CLOSING)

    def _keep(self, work: Callable[[redis.Connection], None]) -> None:
        """Connect and do this work, again and again until `close`."""
        failures = 0
        while not self._closing.is_set():
            started = time.monotonic()
            try:
                with self._connected() as connection:
                    work(connection)
            except Exception as error:
                if not isinstance(error, redis.RedisError | OSError):
                    log.exception("The wire failed with an internal error")
                self._lose(str(error))
            failures = 0 if time.monotonic() - started > _SILENCE else failures + 1
            self._closing.wait(_PAUSES[min(failures, len(_PAUSES)) - 1] if failures else 0)

    @contextmanager
    def _connected(self) -> Iterator[redis.Connection]:
        connection = self._connection()
        with self._lock:
            self._connections.add(connection)
        try:
            connection.connect()
            yield connection
        finally:
            with self._lock:  # `close` shuts down no socket that is closed here
                self._connections.discard(connection)
            connection.disconnect()

    def _connection(self) -> redis.Connection:
        options: dict[str, Any] = {
            "username": self._address.user,
            "password": self._address.password,
            "client_name": _NOT_ASCII.sub("_", self._process),
            "protocol": 2,
            "socket_timeout": _SILENCE,
            "socket_connect_timeout": _CONNECTING,
        }
        if self._address.path:
            return redis.UnixDomainSocketConnection(path=self._address.path, **options)
        options |= {"host": self._address.host, "port": self._address.port}
        if not self._address.encrypted:
            return redis.Connection(**options)
        return redis.SSLConnection(ssl_cert_reqs="required", ssl_check_hostname=True, **options)

    def _write(self, connection: redis.Connection) -> None:
        """Send published messages and heartbeats."""
        self._outbox.open()
        due = 0.0
        try:
            while not self._closing.is_set():
                messages = self._outbox.take(max(0.0, due - time.monotonic()))
                if time.monotonic() >= due:
                    messages.append((self._heartbeats, b"%d" % self._losses))
                    due = time.monotonic() + _HEARTBEAT
                commands = [("PUBLISH", self._prefix + to, body) for to, body in messages]
                connection.send_packed_command(connection.pack_commands(commands))
                for _ in commands:
                    connection.read_response()
        finally:
            self._outbox.close()

    def _read(self, connection: redis.Connection) -> None:
        """Receive messages and call the listeners."""
        subscribed = self._subscribe(connection, set())
        while not self._closing.is_set():
            match connection.read_response():
                case [b"message", bytes(name), bytes(body)]:
                    channel = name.decode(errors="replace").removeprefix(self._prefix)
                    if channel == self._heartbeats:
                        self._hear_heartbeat(body)
                        subscribed = self._subscribe(connection, subscribed)
                    else:
                        self._deliver(channel, body)
                case [b"subscribe", *_] if not self._up:
                    self._send_heartbeat()

    def _subscribe(self, connection: redis.Connection, subscribed: set[str]) -> set[str]:
        """Subscribe to all channels with listeners and to no others. Return them."""
        with self._lock:
            wanted = {self._heartbeats, *self._listeners}
        for command, names in (
            ("SUBSCRIBE", wanted - subscribed),
            (
                "UNSUBSCRIBE",
                subscribed - wanted,
            ),
        ):
            if names:
                connection.send_command(command, *(self._prefix + name for name in names))
        return wanted

    def _deliver(self, channel: str, body: bytes) -> None:
        if len(body) > MOST_OF_A_MESSAGE:
            log.debug("Refused a message of %d bytes on the wire", len(body))
            return
        for callback in self._listeners.get(channel, ()):
            try:
                callback(body)
            except Exception:
                log.exception("A listener of the wire failed")

    def _send_heartbeat(self) -> None:
        self._outbox.put(self._heartbeats, b"%d" % self._losses, key="")

    def _hear_heartbeat(self, body: bytes) -> None:
        with self._lock:
            returned = not self._up and body == b"%d" % self._losses
            self._up = self._up or returned
            lost = self._losses > 0
        if returned and lost:
            log.info("The wire at %s is up again", self._address.place)
            self._next_report = 0.0
            self._after_return.call()

    def _lose(self, reason: str) -> None:
        if self._address.password:  # some services repeat a command that they don't know
            reason = reason.replace(self._address.password, "…")
        with self._lock:
            self._losses += 1
            self._up = False
            self._problem = reason
            now = time.monotonic()
            quiet = self._closing.is_set() or now < self._next_report
            if not quiet:
                self._next_report = now + _REPORTING
        if not quiet:
            log.warning("The wire at %s is away: %s", self._address.place, reason)


def _shut(connection: redis.Connection) -> None:
    """Shut down a connection's socket, which ends its thread's wait."""
    if connection._sock is not None:
        with suppress(OSError):  # already closed
            # Not TLS's own method: the other thread may be using it.
            socket.socket.shutdown(connection._sock, socket.SHUT_RDWR)
