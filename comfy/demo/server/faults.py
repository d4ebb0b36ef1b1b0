"""Scripted misbehaviour: what a test can tell the stand-in to do wrong, where, and how often.

    # Cut the socket instead of sending the third progress.
    demo.script("drop", at="progress", after=2)
    # Answer the next POST /prompt with 500, and the next five GET /view after two seconds.
    demo.script("http_500", at="POST /prompt")
    demo.script("slow", at="GET /view", seconds=2, count=5)
    # The next prompt to end leaves no entry in the history.
    demo.script("lost", at="history")
    # The third progress waits while the block is carried out.
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
    "drop",  # the TCP connection ends, no close frame
    "close",  # a clean close with 1001, as from a server going away
    "silence",  # the socket stays open, pings are answered, no message comes any more
    "half_open",  # as after a lost network: nothing is sent and nothing read, pings included
    "garbage_text",  # text that is no JSON, before the message
    "odd_text",  # JSON of unexpected shapes, before the message
    # binary frames too short, of unknown types and with wrong lengths, before the message
    "garbage_binary",
    "truncated_frame",  # half a frame, then the end
    "huge_frame",  # a preview of 64 MiB before the message
    # much to every other client before the message: one that does not read holds up everybody
    "flood_others",
    "no_prompt_id",  # the message without its prompt_id
    "foreign_prompt_id",  # the message with another client's prompt_id
    "lost",  # this message is not sent
    "duplicate",  # the message twice
    "late",  # the message after the one that follows it
    "hold",  # delay the message and all after it
]
HttpKind = Literal[
    "http_500",
    "http_502",
    "http_413",
    "bad_json",  # 200 with half a JSON document
    "slow",  # the request is looked at, and answered, after `seconds`
    "cut",  # the connection ends in the middle of the answer, and nothing is done
    # what was asked for is done, then the connection ends in the middle of the answer
    "answer_lost",
    "answer_502",  # what was asked for is done, but something in between answers for the server
    "answer_slow",  # what was asked for is done at once, and answered after `seconds`
    "hold",  # the request waits
]
FaultKind = SocketKind | HttpKind

_HOLD_SECONDS = 60.0


class Hold:
    """A place where the server waits until it is released, or stopped."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._released = threading.Event()

    def release(self) -> None:
        """Continue, now and whenever this point is reached again."""
        self._released.set()

    async def wait(self) -> None:
        """On the server's loop: tell that the place is reached, then wait, but not for ever."""
        self.reached.set()
        for _ in range(int(_HOLD_SECONDS / 0.005)):
            if self._released.is_set():
                return
            await asyncio.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """One line of the script: do `kind` at `at`, `count` times, after `after` occasions that went
    well."""

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
                f"{self.kind!r} cannot happen at {self.at!r}; there it is one of {', '.join(known)}"
            )


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

    def remove(self, misbehaviour: Misbehaviour) -> None:
        """Forget one line, if it is still to come."""
        with self._lock:
            self._pending = [line for line in self._pending if line[0] is not misbehaviour]

    def take(self, at: str) -> Misbehaviour | None:
        """Return the fault scripted for this occasion, if any; every call is one occasion."""
        with self._lock:
            for misbehaviour, seen in self._pending:
                if misbehaviour.at != at:
                    continue
                seen[0] += 1
                if seen[0] == misbehaviour.after + misbehaviour.count:
                    self._pending.remove((misbehaviour, seen))
                return misbehaviour if seen[0] > misbehaviour.after else None
        return None
