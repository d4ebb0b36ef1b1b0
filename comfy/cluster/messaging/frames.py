"""ComfyUI's frames of runs that other processes execute, over the wire while a program follows
them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from comfy.base.threads import Callbacks
from comfy.cluster.messaging.wire import Wire
from comfy.runs.interface import FrameFollower, OnGap

_CHANNEL = "frames"
_FOLLOWING = "following"
_FOLLOWED = 12.0  # seconds that a message about a follower counts
_MOST_HEADER = 1000  # bytes
_MOST_RUNS = 1000
_MOST_PROCESSES = 1000


class FrameExchange:
    """Frames of all runs for the followers in this process. Thread-safe; no method blocks.

    Messages are numbered per process. A missing number, a lost wire, or a run that another process
    has taken over is a gap, and followers hear of it.
    """

    def __init__(
        self,
        wire: Wire,
        life: str,
        executed: Callbacks[[str, str, str | bytes]],
        owner_of: Callable[[str], str | None],
    ) -> None:
        """`executed`: frames of the runs that this process executes. `owner_of` returns a
        run's owner; None if it isn't known here."""
        self._wire, self._life, self._owner_of = wire, life, owner_of
        self._followers = Callbacks[[str, str, str | bytes]]()
        self._gaps = Callbacks[[]]()
        self._lock = threading.Lock()
        self._count = 0  # followers
        self._leave: Callable[[], None] | None = None
        self._followed_until = float("-inf")  # by other processes
        self._number = 0
        self._numbers: dict[str, int] = {}  # the last one of each other process
        self._executors: dict[str, str] = {}  # the process of each run's last frame
        executed.add(self._take_executed)
        wire.listen(_FOLLOWING, self._note_follower)
        wire.on_return(self._gaps.call)

    def follow(self, callback: FrameFollower, gap: OnGap) -> Callable[[], None]:
        """See `RunRegistry.follow`."""
        removals = [self._followers.add(callback)]
        if gap is not None:
            removals.append(self._gaps.add(gap))
        with self._lock:
            self._count += 1
            if self._leave is None:
                self._numbers.clear()
                self._executors.clear()
                self._leave = self._wire.listen(_CHANNEL, self._receive)
        self.remind()

        def stop() -> None:
            for remove in removals:
                remove()
            leave = None
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    leave, self._leave = self._leave, None
            if leave is not None:
                leave()

        return stop

    def remind(self) -> None:
        """Tell the other processes that there are followers here, if so. Call this regularly."""
        if self._count:
            self._wire.publish(_FOLLOWING, self._life.encode(), key=_FOLLOWING)

    def _note_follower(self, body: bytes) -> None:
        if body != self._life.encode():
            self._followed_until = time.monotonic() + _FOLLOWED

    def _take_executed(self, owner: str, run_id: str, frame: str | bytes) -> None:
        self._deliver(owner, run_id, frame, self._life)
        if time.monotonic() > self._followed_until:
            return
        with self._lock:  # the wire keeps the order
            self._number += 1
            self._wire.publish(_CHANNEL, _packed(self._life, self._number, run_id, frame))

    def _receive(self, body: bytes) -> None:
        try:
            life, number, run_id, frame = _unpacked(body)
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if life == self._life:
            return
        before = self._numbers.get(life)
        if len(self._numbers) > _MOST_PROCESSES:
            self._numbers.clear()
        self._numbers[life] = number
        if before is not None and number != before + 1:
            self._gaps.call()
        owner = self._owner_of(run_id)
        if owner is not None:
            self._deliver(owner, run_id, frame, life)

    def _deliver(self, owner: str, run_id: str, frame: str | bytes, life: str) -> None:
        if not self._count:
            return
        with self._lock:
            is_taken_over = self._executors.pop(run_id, life) != life
            self._executors[run_id] = life
            while len(self._executors) > _MOST_RUNS:
                del self._executors[next(iter(self._executors))]
        if is_taken_over:
            self._gaps.call()
        self._followers.call(owner, run_id, frame)


def _packed(life: str, number: int, run_id: str, frame: str | bytes) -> bytes:
    is_text = isinstance(frame, str)
    header = json.dumps({"life": life, "number": number, "run": run_id, "text": is_text})
    return header.encode() + b"\n" + (frame.encode() if isinstance(frame, str) else frame)


def _unpacked(body: bytes) -> tuple[str, int, str, str | bytes]:
    """Raises ValueError, KeyError, TypeError or RecursionError for anything else than
    `_packed`."""
    end = body.index(b"\n", 0, _MOST_HEADER)
    header = json.loads(body[:end])
    life, number, run_id = header["life"], header["number"], header["run"]
    if not (isinstance(life, str) and type(number) is int and isinstance(run_id, str)):
        raise TypeError(header)
    frame = body[end + 1 :]
    return life, number, run_id, frame.decode() if header["text"] is True else frame
