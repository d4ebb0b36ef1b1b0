"""Scripted faults of the stand-in: which fault, where, and how often.

    # Cut the socket instead of sending the third progress.
    demo.script("drop", at="progress", after=2)
    # Answer the next POST /prompt with 500, and the next five GET /view after two seconds.
    demo.script("http_500", at="POST /prompt")
    demo.script("slow", at="GET /view", seconds=2, count=5)
    # The next prompt that ends leaves no entry in the history.
    demo.script("lost", at="history")
    # The third progress waits until the block ends.
    with demo.hold("progress", after=2) as reached:
        ...

`at` is a message type ("status", "executing", "progress", "preview" …), "open" for a WebSocket
handshake, "history" for the entry of a prompt that ended, or a method and path without the /api
prefix. Broadcast messages are never touched.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Literal, get_args

SocketKind = Literal[
    "drop",  # TCP reset without a close frame
    "close",  # a clean close with 1001, like from a server that is shutting down
    "silence",  # the socket stays open and answers pings, but sends no more messages
    "half_open",  # as after a lost network: no sending or reading, pings included
    "garbage_text",  # text that isn't JSON, before the message
    "odd_text",  # JSON of unexpected shapes, before the message
    # binary frames that are too short, of unknown types or with wrong lengths, before the message
    "garbage_binary",
    "truncated_frame",  # half a frame, then a disconnect
    "huge_frame",  # a preview of 64 MiB before the message
    # a lot of data to every other client before the message, since a client that doesn't read
    # stalls all
    "flood_others",
    "no_prompt_id",  # the message without its prompt_id
    "foreign_prompt_id",  # the message with another client's prompt_id
    "lost",  # the message isn't sent
    "duplicate",  # the message twice
    "late",  # the message after the next one
    "hold",  # a delay of the message and all later ones
]
HttpKind = Literal[
    "http_500",
    "http_502",
    "http_413",
    "bad_json",  # 200 with half a JSON document
    "slow",  # the server processes and answers the request after `seconds`
    # The connection breaks in the middle of the response, and the server doesn't process the
    # request.
    "cut",
    # the server processes the request, then the connection breaks in the middle of the response
    "answer_lost",
    "answer_502",  # the server processes the request, but a proxy answers in its place
    "answer_slow",  # the server processes the request at once and answers after `seconds`
    "hold",  # the request waits
]
FaultKind = SocketKind | HttpKind

_HOLD_SECONDS = 60.0


class Hold:
    """A point where the server waits until it is released or stopped."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._released = threading.Event()

    def release(self) -> None:
        """Continue now, and whenever this point is reached again."""
        self._released.set()

    async def wait(self) -> None:
        """Signal that the point is reached, then wait for the release, for a limited time. Runs on
        the server's event loop."""
        self.reached.set()
        for _ in range(int(_HOLD_SECONDS / 0.005)):
            if self._released.is_set():
                return
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Misbehavior:
    """One line of the script: do `kind` at `at`, `count` times, after `after` normal occasions."""

    kind: FaultKind
    at: str
    after: int = 0
    count: int = 1
    seconds: float = 0.0
    hold: Hold | None = None

    def __post_init__(self) -> None:
        known = (
            get_args(HttpKind)
            if " " in self.at
            else ("lost",)
            if self.at == "history"
            else get_args(SocketKind)
        )
        if self.kind not in known:
            raise ValueError(
                f"{self.kind!r} can't happen at {self.at!r}; use one of {', '.join(known)}"
            )


class Script:
    """The scripted faults that haven't happened yet. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Misbehavior, list[int]]] = []

    def add(self, misbehavior: Misbehavior) -> None:
        """Append a line. Lines for the same occasion apply in order."""
        with self._lock:
            self._pending.append((misbehavior, [0]))

    def clear(self) -> None:
        """Clear the script and behave normally."""
        with self._lock:
            self._pending.clear()

    def remove(self, misbehavior: Misbehavior) -> None:
        """Remove a line if it is still pending."""
        with self._lock:
            self._pending = [line for line in self._pending if line[0] is not misbehavior]

    def take(self, at: str) -> Misbehavior | None:
        """Return the fault scripted for this occasion, if any. Every call counts as an occasion."""
        with self._lock:
            for misbehavior, seen in self._pending:
                if misbehavior.at != at:
                    continue
                seen[0] += 1
                if seen[0] == misbehavior.after + misbehavior.count:
                    self._pending.remove((misbehavior, seen))
                return misbehavior if seen[0] > misbehavior.after else None
        return None
