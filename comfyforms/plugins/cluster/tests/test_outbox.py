"""The queue of outgoing messages: replaced keys, dropped messages."""

from __future__ import annotations

from comfyforms.plugins.cluster.messaging.wire import Outbox

KIB = 1024


def opened() -> Outbox:
    outbox = Outbox()
    outbox.open()
    return outbox


def taken(outbox: Outbox) -> list[tuple[str, bytes]]:
    """Return all queued messages."""
    messages: list[tuple[str, bytes]] = []
    while more := outbox.take(0):
        messages += more
    return messages


def test_a_newer_message_replaces_the_one_of_its_key() -> None:
    """It takes the place of the older one. Other keys, other channels and messages without a key
    stay."""
    outbox = opened()
    outbox.put("runs", b"old", "a")
    outbox.put("runs", b"b", "b")
    outbox.put("frames", b"other channel", "a")
    outbox.put("runs", b"first")
    outbox.put("runs", b"second")
    outbox.put("runs", b"new", "a")
    assert taken(outbox) == [
        ("runs", b"new"),
        ("runs", b"b"),
        ("frames", b"other channel"),
        ("runs", b"first"),
        ("runs", b"second"),
    ]


def test_a_taken_message_is_not_replaced() -> None:
    outbox = opened()
    outbox.put("runs", b"1", "a")
    assert outbox.take(0) == [("runs", b"1")]
    outbox.put("runs", b"2", "a")
    assert outbox.take(0) == [("runs", b"2")]


def test_drops_the_oldest_above_a_mebibyte() -> None:
    """At most the newest mebibyte remains."""
    outbox = opened()
    for number in range(2000):
        outbox.put("frames", b"%06d" % number * KIB)
    bodies = [body[:6] for _, body in taken(outbox)]
    assert bodies == [b"%06d" % number for number in range(2000 - len(bodies), 2000)]
    assert 160 <= len(bodies) <= 170


def test_a_single_message_may_be_larger() -> None:
    """A message above 1 MiB replaces all others in the queue."""
    outbox = opened()
    outbox.put("runs", b"small")
    outbox.put("frames", b"x" * 3000 * KIB)
    assert [channel for channel, _ in taken(outbox)] == ["frames"]


def test_takes_little_at_once() -> None:
    """The rest can still be replaced while a slow link sends."""
    outbox = opened()
    for number in range(20):
        outbox.put("frames", b"x" * 30 * KIB, str(number))
    assert len(outbox.take(0)) == 5
    outbox.put("frames", b"new", "19")
    assert taken(outbox)[-1] == ("frames", b"new")


def test_a_closed_outbox_drops_everything() -> None:
    """Also what was queued before, when the connection was lost."""
    outbox = Outbox()
    outbox.put("runs", b"before")
    outbox.open()
    outbox.put("runs", b"queued")
    outbox.close()
    outbox.put("runs", b"closed")
    outbox.open()
    assert outbox.take(0) == []
