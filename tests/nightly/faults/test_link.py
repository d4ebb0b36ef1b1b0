"""The link of the fault tests fails only on command."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.link import RESET, FaultyLink
from tests.support.waiting import LONGEST_WAIT, eventually


class Echo:
    """Server that sends back its input and records how each connection ended."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ends: list[str] = []
        self.received = b""
        self.ended = threading.Condition()
        self.threads: list[threading.Thread] = []
        self.accepting = threading.Thread(target=self.accept)
        self.accepting.start()

    def accept(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self.echo, args=(one,)))
            self.threads[-1].start()

    def echo(self, one: socket.socket) -> None:
        end = "closed"
        with one:
            try:
                while data := one.recv(65536):
                    self.received = self.received[-10:] + data[-10:]
                    one.sendall(data)
            except OSError as error:
                end = type(error).__name__
        with self.ended:
            self.ends.append(end)
            self.ended.notify_all()

    def wait_for_end(self, seconds: float = 5.0) -> bool:
        with self.ended:
            return self.ended.wait_for(lambda: self.ends, seconds)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.accepting.join()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def link(echo: Echo) -> Iterator[FaultyLink]:
    with FaultyLink(echo.url) as one:
        yield one


def connected(link: FaultyLink) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", int(link.url.rpartition(":")[2])), timeout=LONGEST_WAIT
    )


def answered(one: socket.socket, data: bytes = b"hello") -> bool:
    one.sendall(data)
    return received(one, len(data)) == data


def received(one: socket.socket, size: int, seconds: float = 5.0) -> bytes:
    one.settimeout(seconds)
    found = b""
    try:
        while len(found) < size and (more := one.recv(size - len(found))):
            found += more
    except TimeoutError:
        pass
    return found


def test_an_undisturbed_link_passes_everything(link: FaultyLink) -> None:
    """An undisturbed link passes small and large data in both directions, and the end of a
    connection."""
    with connected(link) as one:
        assert answered(one)
        sender = threading.Thread(target=one.sendall, args=(bytes(8_000_000),))
        sender.start()
        assert len(received(one, 8_000_000)) == 8_000_000
        sender.join()
        one.shutdown(socket.SHUT_WR)
        assert one.recv(1) == b""
    end = time.monotonic() + 5
    while link.connections:
        assert time.monotonic() < end


def test_cut_resets_both_ends(link: FaultyLink, echo: Echo) -> None:
    """Client and server both get a reset. A new connection works."""
    with connected(link) as one:
        assert answered(one)
        link.cut()
        with pytest.raises(ConnectionResetError):
            one.recv(1)
    assert echo.wait_for_end()
    assert echo.ends == ["ConnectionResetError"]
    with connected(link) as one:
        assert answered(one)


def test_freeze_holds_back_and_heal_lets_through(link: FaultyLink) -> None:
    """No data passes, and neither end notices. New connections pass. After healing, no data is
    lost."""
    with connected(link) as one:
        assert answered(one)
        link.freeze()
        one.sendall(b"later")
        assert received(one, 5, 0.2) == b""
        with connected(link) as other:
            assert answered(other)
        link.heal()
        assert received(one, 5) == b"later"


def test_frozen_data_is_dropped_after_a_reset(link: FaultyLink, echo: Echo) -> None:
    """Data sent into a frozen connection arrives after a normal close, but not after a reset."""
    for reset in (False, True):
        echo.ends.clear()
        one = connected(link)
        assert answered(one)
        link.freeze()
        one.sendall(b"later")
        if reset:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.close()
        link.heal()
        assert echo.wait_for_end()
        assert echo.received.endswith(b"later") is not reset
        echo.received = b""


def test_strand_leaves_the_server_its_end(link: FaultyLink, echo: Echo) -> None:
    """The client's end is reset at once, and the server's end when the link is healed."""
    with connected(link) as one:
        assert answered(one)
        link.strand()
        with pytest.raises(ConnectionResetError):
            one.recv(1)
    assert not echo.wait_for_end(0.2)
    with connected(link) as other:
        assert answered(other)
        link.heal()
        assert echo.wait_for_end()
        assert answered(other)


def test_refuse_refuses_until_healed(link: FaultyLink) -> None:
    """The link refuses new connections. Existing connections continue."""
    with connected(link) as one:
        assert answered(one)
        link.refuse()
        assert answered(one)
        with pytest.raises(ConnectionRefusedError):
            connected(link)
        link.heal()
    with connected(link) as one:
        assert answered(one)


def test_narrow_and_lag_take_time(link: FaultyLink) -> None:
    """A narrow link takes as long as its rate requires. A lagging link delays both directions."""
    with connected(link) as one:
        link.narrow(100_000)
        begun = time.monotonic()
        assert answered(one, bytes(30_000))
        assert time.monotonic() - begun >= 0.25
        link.heal()
        link.lag(0.1)
        begun = time.monotonic()
        assert answered(one)
        assert time.monotonic() - begun >= 0.2
        link.heal()
        assert answered(one)


def test_a_long_link_carries_several_at_once(link: FaultyLink, echo: Echo) -> None:
    """Data sent while other data is in transit doesn't wait for it: twenty pieces leave before the
    first arrives."""
    pieces = [bytes([number]) * 65_536 for number in range(30)]
    with connected(link) as one:
        eventually(lambda: link.connections == 1)  # its handshake takes no time
        link.lag(LONGEST_WAIT)
        for piece in pieces:
            one.sendall(piece)
        eventually(lambda: link.on_its_way >= 20)
        assert echo.received == b""
        link.cut()
    link.lag(0.1)
    with connected(link) as one:
        for piece in pieces:
            one.sendall(piece)
        assert received(one, 30 * 65_536) == b"".join(pieces)


def test_no_peer_at_the_other_end(echo: Echo) -> None:
    """The link resets a connection if there is no server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

    def ask() -> None:
        with connected(link) as one:
            one.recv(1)

    with FaultyLink(url) as link, pytest.raises(ConnectionResetError):
        ask()
