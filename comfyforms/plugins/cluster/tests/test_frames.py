"""Frames between processes: in order, for the right owner, and gaps are noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from comfy.base.threads import Callbacks
from comfyforms.plugins.cluster.messaging.states import FrameExchange
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.tests.redis import RedisServer
from comfyforms.plugins.cluster.tests.wires import running_wire
from tests.support.waiting import eventually

OWNERS = {"run": "user:ann"}


def nothing() -> None:
    """Read no runs."""


class Followed:
    """Frames and gaps of a follower."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, str, str | bytes]] = []
        self.gaps = 0

    def take(self, owner: str, run_id: str, frame: str | bytes) -> None:
        self.frames.append((owner, run_id, frame))

    def note_gap(self) -> None:
        self.gaps += 1


class Sender:
    """Process that executes runs."""

    def __init__(self, wire: Wire, life: str) -> None:
        self.executed = Callbacks[[str, str, str | bytes]]()
        self.exchange = FrameExchange(wire, life, self.executed, OWNERS.get, nothing)


@contextmanager
def followed(
    service: RedisServer,
    owner_of: Callable[[str], str | None] = OWNERS.get,
    look: Callable[[], None] = nothing,
) -> Iterator[tuple[Wire, Sender, FrameExchange, Followed]]:
    """Follow the frames of another process until it has noticed that."""
    with running_wire(service.url, "one") as one, running_wire(service.url, "two") as two:
        heard, sender = Followed(), Sender(one, "one")
        follower = FrameExchange(two, "two", Callbacks(), owner_of, look)
        leave = follower.follow(heard.take, heard.note_gap)

        def arrives() -> bool:
            follower.remind()
            sender.executed.call("", "run", "probe")
            return bool(heard.frames)

        eventually(arrives, "the first frame")
        yield one, sender, follower, heard
        leave()


def test_frames_arrive_in_order(service: RedisServer) -> None:
    """The other process gets texts and bytes in order, for the owner that its own records name.
    Hostile messages and frames of unknown runs are ignored."""
    with followed(service) as (wire, sender, _, heard):
        for body in (
            b"",
            b"{}\n",
            b"[1]\n",
            b'{"life":1,"number":"x","run":[],"text":1}\n',
            b"\x00",
            b"[" * 995 + b"\n",
        ):
            wire.publish("frames", body)
        sender.executed.call("user:bob", "unknown", "no")
        for number in range(50):
            sender.executed.call("user:bob", "run", f"text {number}")
            sender.executed.call("user:bob", "run", b"bytes %d" % number)
        sent = [
            ("user:ann", "run", frame)
            for number in range(50)
            for frame in (f"text {number}", b"bytes %d" % number)
        ]
        eventually(lambda: heard.frames[-100:] == sent, "all frames")
        assert heard.gaps == 0


def test_a_gap_is_noticed(service: RedisServer) -> None:
    """A follower hears of lost frames, of a wire that was away, and of a run that another process
    has taken over."""
    with followed(service) as (wire, _, follower, heard):
        wire.publish("frames", b'{"life":"one","number":9999,"run":"run","text":true}\nlate')
        eventually(lambda: heard.gaps == 1, "the gap of a number")
        third = Sender(wire, "three")

        def is_noticed() -> bool:
            follower.remind()
            third.executed.call("", "run", "taken over")
            return heard.gaps == 2

        eventually(is_noticed, "the gap of a takeover")
        service.stop()
        service.start()
        eventually(lambda: heard.gaps == 3, "the gap of an outage")


def test_frames_of_an_unknown_run_wait_for_it(service: RedisServer) -> None:
    """Frames that arrive before their run is known are delivered in order once it is, without a
    further frame. If the run stays unknown, they are dropped. Neither is a gap."""
    owners, looked = {"run": "user:ann"}, threading.Event()
    with followed(service, owners.get, looked.set) as (_, sender, follower, heard):
        sender.executed.call("user:bob", "lost", "no")
        for frame in ("start", b"cached", "executing"):
            sender.executed.call("user:bob", "new", frame)
        sender.executed.call("", "run", "last")
        eventually(lambda: heard.frames[-1][2] == "last", "the frames")
        assert looked.is_set()
        assert follower.unknown == ("lost", "new")
        owners["new"] = "user:bob"
        follower.release()
        assert heard.frames[-3:] == [
            ("user:bob", "new", frame) for frame in ("start", b"cached", "executing")
        ]

        def is_dropped() -> bool:
            follower.release()
            return not follower.unknown

        eventually(is_dropped, "the end of the wait")
        assert heard.gaps == 0


def test_frames_of_unknown_runs_are_bounded(service: RedisServer) -> None:
    """More frames of unknown runs than a process holds are dropped, and that is a gap."""
    with followed(service) as (_, sender, follower, heard):
        for number in range(1001):
            sender.executed.call("", f"unknown {number}", "no")
        eventually(lambda: heard.gaps == 1, "the gap")
        assert follower.unknown == ()
