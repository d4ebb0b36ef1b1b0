"""States of runs between processes: the newest ones over the wire, and the last one in the
database."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from comfy.cluster.messaging.state_messages import (
    preview_from_wire,
    preview_to_wire,
    state_from_wire,
    state_to_wire,
)
from comfy.cluster.messaging.wire import Wire
from comfy.cluster.rows import Fence
from comfy.cluster.run import ClusterRun, StateNumber
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.run_state import RunState

log = logging.getLogger(__name__)

_CHANNEL = "states"
_WATCHING = "watching"
_WATCHED = 12.0  # seconds that a message about a follower counts
_ASKED = 10.0  # seconds that a run is followed after a request for its state
_ANSWER = 0.3  # seconds that such a request waits for the process that executes the run
_MOST_HEADER = 1000  # bytes


@dataclass(frozen=True, slots=True)
class _Sent:
    """Newest state of a run that this process executes."""

    version: StateNumber
    fence: Fence
    state: RunState


class StateSender:
    """Sends the states of the runs that this process executes. Thread-safe; no method blocks."""

    def __init__(self, wire: Wire, life: str) -> None:
        self._wire, self._life = wire, life
        self._lock = threading.Lock()
        self._unwritten: dict[Fence, tuple[int, RunState]] = {}
        self._newest: dict[str, _Sent] = {}
        self._watched: dict[str, float] = {}
        wire.listen(_WATCHING, self._note_watcher)

    def send(self, run: ClusterRun, fence: Fence, number: int, state: RunState) -> None:
        """Send a state to the processes where the run has a follower; to all processes if lists
        show the difference."""
        version = fence.taken, number
        with self._lock:
            before = self._newest.get(run.id)
            if before is not None and before.version > version:  # from another thread
                return
            is_other = before is None or _listed(before.state) != _listed(state)
            self._newest[run.id] = _Sent(version, fence, state)
            self._unwritten[fence] = number, state
            is_watched = self._watched.get(run.id, 0.0) > time.monotonic()
            if state.phase.finished:
                del self._newest[run.id], self._unwritten[fence]
        if (is_other or is_watched) and (body := _body(fence, state)):
            if is_other:
                self._wire.publish(_CHANNEL, _packed(run.id, version, body), key=run.id)
            if is_watched:
                packed = _packed(run.id, version, body, _preview_body(state))
                self._wire.publish(_channel_of(run.id), packed, key=run.id)

    def forget(self, fence: Fence) -> None:
        """Forget a run that another process executes."""
        with self._lock:
            self._newest.pop(fence.run, None)
            self._unwritten.pop(fence, None)

    def unwritten(self) -> Mapping[Fence, tuple[int, bytes]]:
        """Return the newest states that the database lacks."""
        with self._lock:
            states = tuple(self._unwritten.items())
        bodies = {fence: (number, _body(fence, state)) for fence, (number, state) in states}
        found = {fence: (number, body) for fence, (number, body) in bodies.items() if body}
        self.note_written({fence: bodies[fence][0] for fence in bodies.keys() - found.keys()})
        return found

    def note_written(self, numbers: Mapping[Fence, int]) -> None:
        """Note that these states have been written, or can't be."""
        with self._lock:
            for fence, number in numbers.items():
                if fence in self._unwritten and self._unwritten[fence][0] == number:
                    del self._unwritten[fence]

    def _note_watcher(self, body: bytes) -> None:
        life, _, words = body[:_MOST_HEADER].decode("ascii", "replace").partition(" ")
        run_id, _, asks = words.partition(" ")
        if life == self._life:
            return
        now = time.monotonic()
        with self._lock:
            self._watched = {run: until for run, until in self._watched.items() if until > now}
            self._watched[run_id] = now + _WATCHED
            newest = self._newest.get(run_id) if asks else None
        if newest is not None and (body := _body(newest.fence, newest.state) or b""):
            packed = _packed(run_id, newest.version, body, _preview_body(newest.state))
            self._wire.publish(_answers_to(life), packed, key=run_id)


class StateReceiver:
    """Receives the states of the runs that other processes execute. Thread-safe."""

    def __init__(
        self,
        wire: Wire,
        life: str,
        get: Callable[[str], ClusterRun | None],
        look: Callable[[], None],
    ) -> None:
        """`get` returns a run by its id. `look` has the database read soon: only the database says
        that a run has ended."""
        self._wire, self._life = wire, life
        self._get, self._look = get, look
        self._lock = threading.Lock()
        self._leave: dict[str, Callable[[], None]] = {}
        wire.listen(_CHANNEL, self._receive)
        wire.listen(_answers_to(life), self._receive_answer)

    def watch(self, run: ClusterRun) -> None:
        """Follow every state of a run if it has a follower here, and stop otherwise. Call this
        regularly: the process that executes the run forgets followers."""
        is_followed = run.is_followed and not run.state.phase.finished
        with self._lock:
            leave = None if is_followed else self._leave.pop(run.id, None)
            is_new = is_followed and run.id not in self._leave
            if is_new:
                self._leave[run.id] = self._wire.listen(_channel_of(run.id), self._receive)
        if leave is not None:
            leave()
        if is_followed:
            words = f"{self._life} {run.id}" + " asks" * is_new
            self._wire.publish(_WATCHING, words.encode(), key=words)

    def ask(self, run: ClusterRun) -> None:
        """Wait briefly until a run shows its newest state, if another process executes it. Follow
        it for a while, because programs ask often."""
        row = run.row
        if row is None or row.process in (None, self._life) or run.state.phase.finished:
            return
        if run.follow_for(_ASKED):
            self.watch(run)
        run.answered.wait(_ANSWER)
        run.answered.set()

    def _receive_answer(self, body: bytes) -> None:
        if run := self._receive(body):
            run.answered.set()

    def _receive(self, body: bytes) -> ClusterRun | None:
        """Show a state. Return its run if the message says which."""
        try:
            run_id, version, state_body, preview = _unpacked(body)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        run = self._get(run_id)
        if run is not None and not run.state.phase.finished and version >= run.version:
            self._show(run, version, state_body, preview)
        return run

    def _show(
        self, run: ClusterRun, version: StateNumber, state_body: bytes, preview: bytes
    ) -> None:
        try:
            state = state_from_wire(state_body, run.job)
            shown = preview_from_wire(preview) if preview else _previous(run.state, state)
        except ValueError:
            return
        if state.phase.finished:
            self._look()
        else:
            run.hear(version, replace(state, preview=shown))


def _body(fence: Fence, state: RunState) -> bytes | None:
    """Return the body of a state; None if it is too large."""
    try:
        return state_to_wire(state)
    except ValueError as problem:
        log.warning("Run %s can't be shown at other processes: %s", fence.run, problem)
        return None


def _listed(state: RunState) -> object:
    """Return what lists of runs show."""
    return state.phase, state.queue_place, state.held, state.away


def _preview_body(state: RunState) -> bytes:
    return preview_to_wire(state.preview) if state.preview else b""


def _previous(known: RunState, state: RunState) -> Preview | None:
    """Return the preview that a state without one continues to show."""
    return known.preview if known.preview_number == state.preview_number else None


def _channel_of(run_id: str) -> str:
    return f"run:{run_id}"


def _answers_to(life: str) -> str:
    return f"states:{life}"


def _packed(run_id: str, version: StateNumber, state: bytes, preview: bytes = b"") -> bytes:
    header = json.dumps({"run": run_id, "version": version, "size": len(state)})
    return header.encode() + b"\n" + state + preview


def _unpacked(body: bytes) -> tuple[str, StateNumber, bytes, bytes]:
    """Raises ValueError, KeyError, TypeError or RecursionError for anything else than
    `_packed`."""
    end = body.index(b"\n", 0, _MOST_HEADER)
    header = json.loads(body[:end])
    run_id, (taken, number), size = header["run"], header["version"], header["size"]
    if not (isinstance(run_id, str) and all(type(one) is int for one in (taken, number, size))):
        raise TypeError(header)
    start = end + 1
    return run_id, (taken, number), body[start : start + size], body[start + size :]
