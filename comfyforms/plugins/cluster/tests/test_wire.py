"""Messages between app processes over a real Redis or Valkey service."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from comfyforms.plugins.cluster.messaging.wire import MOST_OF_A_MESSAGE, Wire
from comfyforms.plugins.cluster.tests.redis import RedisServer
from comfyforms.plugins.cluster.tests.wires import Received, running_wire
from tests.support.leaks import open_sockets, running_threads
from tests.support.waiting import LONGEST_WAIT, eventually


def test_delivers_messages_in_order_to_other_wires(service: RedisServer) -> None:
    """All listeners of a channel get all messages, in the order in which a thread published
    them."""
    bodies = [b"%d" % number for number in range(200)]
    with running_wire(service.url) as one, running_wire(service.url) as other:
        received = [Received(wire, "runs") for wire in (one, other, other)]
        elsewhere = Received(other, "accounts")
        for body in bodies:
            one.publish("runs", body)
        for each in received:
            each.wait_for(bodies[-1])
            assert each.bodies == bodies
        assert elsewhere.bodies == []


def test_any_bytes_arrive_unchanged(service: RedisServer) -> None:
    """A body may be empty, contain line ends or have the size limit."""
    bodies = [b"", b"\r\n$-1\r\n\x00\xff", b"x" * MOST_OF_A_MESSAGE, b"last"]
    with running_wire(service.url) as wire:
        received = Received(wire, "frames")
        for number, body in enumerate(bodies, 1):
            wire.publish("frames", body)
            eventually(lambda number=number: len(received.bodies) == number)
        assert received.bodies == bodies


def test_stops_delivering_after_unsubscribing(service: RedisServer) -> None:
    """Other listeners of the channel still get messages. The service sends nothing on a channel
    without listeners."""
    with running_wire(service.url) as wire:
        gone, kept = Received(wire, "runs"), Received(wire, "runs")
        gone.stop()
        gone.stop()  # harmless
        wire.publish("runs", b"1")
        kept.wait_for(b"1")
        assert gone.bodies == []
        kept.stop()
        counted = "PUBSUB", "NUMSUB", "comfyforms:0:runs"
        eventually(lambda: service.ask(*counted).endswith(":0\r\n"), "an end of the subscription")


def test_a_failing_listener_does_not_stop_others(service: RedisServer) -> None:
    """The exception is logged, and the same message reaches the other listeners."""

    def fail(body: bytes) -> None:
        raise ValueError(body)

    with running_wire(service.url) as wire:
        wire.listen("runs", fail)
        received = Received(wire, "runs")
        wire.publish("runs", b"1")
        received.wait_for(b"1")


def test_installations_with_other_numbers_hear_nothing(service: RedisServer) -> None:
    """The number at the end of an address keeps channels apart."""
    with running_wire(service.url) as one:
        received = Received(one, "runs")
        service.ask("PUBLISH", "comfyforms:1:runs", "other")
        service.ask("PUBLISH", "comfyforms:0:runs", "own")
        received.wait_for(b"own")
        assert received.bodies == [b"own"]


def test_refuses_larger_bodies(service: RedisServer) -> None:
    """Bodies above 4 MiB are neither sent nor delivered, and the connection stays."""
    with running_wire(service.url) as wire:
        received = Received(wire, "frames")
        wire.publish("frames", b"x" * (MOST_OF_A_MESSAGE + 1))
        service.ask("PUBLISH", "comfyforms:0:frames", b"x" * (MOST_OF_A_MESSAGE + 1))
        service.ask("PUBLISH", "comfyforms:0:frames", b"after")
        received.wait_for(b"after")
        assert received.bodies == [b"after"]
        assert wire.is_up


def test_a_service_that_is_away_drops_messages_at_once(service: RedisServer) -> None:
    """Publishing returns at once. Soon after its return the wire is up again, tells its
    listeners, and delivers to the same channels. What was published meanwhile is lost."""
    with running_wire(service.url) as one, running_wire(service.url) as other:
        received = Received(other, "runs")
        returned = threading.Event()
        other.on_return(returned.set)
        service.stop()
        eventually(lambda: not one.is_up and not other.is_up, "an end of the connections")
        started = time.monotonic()
        for _ in range(1000):
            one.publish("runs", b"lost" * 1000)
        assert time.monotonic() - started < LONGEST_WAIT
        assert not returned.is_set()
        service.start()
        assert returned.wait(LONGEST_WAIT)
        eventually(lambda: one.is_up, "the other wire")
        one.publish("runs", b"after")
        received.wait_for(b"after")
        assert received.bodies == [b"after"]


def test_a_frozen_service_never_blocks_publishing(service: RedisServer) -> None:
    """More than 1 MiB is dropped, oldest first. A service that wakes delivers what was newest."""
    with running_wire(service.url) as wire:
        received = Received(wire, "frames")
        service.freeze()
        try:
            for number in range(2000):
                wire.publish("frames", b"%06d" % number * 5000)  # 30 kB
        finally:
            service.wake()
        received.wait_for(b"001999" * 5000)
        assert len(received.bodies) < 200


def test_notices_a_service_that_stays_frozen(service: RedisServer) -> None:
    """A wire isn't up if nothing has come back for some seconds. It returns when the service
    wakes."""
    with running_wire(service.url) as wire:
        returned = threading.Event()
        wire.on_return(returned.set)
        service.freeze()
        try:
            eventually(lambda: not wire.is_up, "a loss")
        finally:
            service.wake()
        assert returned.wait(LONGEST_WAIT)
        assert wire.is_up


def test_waits_for_a_service_that_is_away_at_the_start(
    service: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The wire logs one warning, and it is up when the service is there."""
    service.stop()
    with caplog.at_level(logging.INFO):
        wire = Wire(service.url, "tests")
        try:
            eventually(lambda: "is away" in caplog.text, "a warning")
            assert not wire.is_up
            service.start()
            eventually(lambda: "is up again" in caplog.text, "a return")
        finally:
            wire.close()
    assert caplog.text.count("is away") == 1


@pytest.mark.parametrize("state", ["up", "away", "frozen"])
def test_closing_leaves_nothing(service: RedisServer, state: str) -> None:
    """No thread and no socket is left in any state of the service. A second call is harmless."""
    sockets, threads = open_sockets(), running_threads()
    with running_wire(service.url) as wire:
        Received(wire, "runs")
        if state == "away":
            service.stop()
            eventually(lambda: not wire.is_up, "a loss")
        if state == "frozen":
            service.freeze()
        wire.close()
        assert open_sockets() == sockets
        assert running_threads() == threads
        wire.publish("runs", b"dropped")


def test_administrators_see_the_process_name(service: RedisServer) -> None:
    """`CLIENT LIST` shows which app process a connection belongs to."""
    with running_wire(service.url, "gpu 1:7860"):
        assert service.ask("CLIENT", "LIST").count(" name=gpu_1:7860 ") == 2
