"""Scripted misbehaviour: what a test can tell the stand-in to do wrong, where, and how often.

    demo.script("drop", at="progress", after=2)           # cut the socket instead of sending the third progress
    demo.script("http_500", at="POST /prompt")            # answer the next POST /prompt with 500
    demo.script("slow", at="GET /view", seconds=2, count=5)

`at` is a message type ("status", "executing", "progress", "preview" …), "open" for a WebSocket handshake, or a
method and path without the /api prefix. Broadcast messages are never touched.
"""

import threading
from dataclasses import dataclass
from typing import Literal, get_args

SocketKind = Literal[
    "drop",  # the TCP connection is reset, no close frame
    "close",  # a clean close with 1001, as from a server going away
    "silence",  # the socket stays open, pings are answered, no message comes any more
    "half_open",  # as after a lost network: nothing is sent and nothing read, pings included
    "garbage_text",  # text that is no JSON, before the message
    "odd_text",  # JSON of unexpected shapes, before the message
    "garbage_binary",  # binary frames too short, of unknown types and with lying lengths, before the message
    "truncated_frame",  # half a frame, then a reset
    "huge_frame",  # a preview of 64 MiB before the message
    "no_prompt_id",  # the message without its prompt_id
    "foreign_prompt_id",  # the message with somebody else's prompt_id
    "lost",  # this message is not sent
    "duplicate",  # the message twice
    "late",  # the message after the one that follows it
]
HttpKind = Literal[
    "http_500",
    "http_502",
    "http_413",
    "bad_json",  # 200 with half a JSON document
    "slow",  # the answer comes after `seconds`
    "cut",  # the connection ends in the middle of the answer
]
Kind = SocketKind | HttpKind


@dataclass(frozen=True)
class Misbehaviour:
    """One line of the script: do `kind` at `at`, `count` times, after `after` occasions that went well."""

    kind: Kind
    at: str
    after: int = 0
    count: int = 1
    seconds: float = 0.0

    def __post_init__(self) -> None:
        known = get_args(HttpKind) if " " in self.at else get_args(SocketKind)
        if self.kind not in known:
            raise ValueError(f"{self.kind!r} cannot happen at {self.at!r}; there it is one of {', '.join(known)}")


class Script:
    """The misbehaviours still to come. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Misbehaviour, list[int]]] = []

    def add(self, misbehaviour: Misbehaviour) -> None:
        """Append a line; lines for the same place take their turns in order."""
        with self._lock:
            self._pending.append((misbehaviour, [0]))

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._pending.clear()

    def take(self, at: str) -> Misbehaviour | None:
        """What to do wrong on this occasion, if anything; every call is one occasion."""
        with self._lock:
            for misbehaviour, seen in self._pending:
                if misbehaviour.at != at:
                    continue
                seen[0] += 1
                if seen[0] == misbehaviour.after + misbehaviour.count:
                    self._pending.remove((misbehaviour, seen))
                return misbehaviour if seen[0] > misbehaviour.after else None
        return None
