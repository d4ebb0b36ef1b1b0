"""States of runs between processes: the newest ones over the wire, and the last one in the
database."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

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
_WATCHED = 12.0  # seconds that a message about a watcher counts
_MOST_HEADER = 1000  # bytes


class StateSender:
    """Sends the states of the runs that this process executes. Thread-safe; no method blocks."""

    def __init__(self, wire: Wire, life: str) -> None:
        self._wire, self._life = wire, life
        self._lock = threading.Lock()
        self._unwritten: dict[Fence, tuple[int, RunState]] = {}
        self._shown: dict[str, tuple[StateNumber, object]] = {}
        self._watched: dict[str, float] = {}
        wire.listen(_WATCHING, self._note_watcher)

    def send(self, run: ClusterRun, fence: Fence, number: int, state: RunState) -> None:
        """Send a state to the processes where the run has a watcher; to all processes if lists
        show the difference."""
        version = fence.taken, number
        shown = (state.phase, state.queue_place, state.held, state.away)
        with self._lock:
            before, shown_before = self._shown.get(run.id, (version, None))
            if before > version:  # another thread has sent a newer one
                return
            is_other = shown_before != shown
            self._shown[run.id] = version, shown
            self._unwritten[fence] = number, state
            is_watched = self._watched.get(run.id, 0.0) > time.monotonic()
            if state.phase.finished:
                del self._shown[run.id], self._unwritten[fence]
        if (is_other or is_watched) and (body := _body(fence, state)):
            if is_other:
                self._wire.publish(_CHANNEL, _packed(run.id, version, body), key=run.id)
            if is_watched:
                preview = state.preview and preview_to_wire(state.preview)
                packed = _packed(run.id, version, body, preview or b"")
                self._wire.publish(_channel_of(run.id), packed, key=run.id)

    def forget(self, fence: Fence) -> None:
        """Forget a run that another process executes."""
        with self._lock:
            self._shown.pop(fence.run, None)
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
        life, _, run_id = body[:_MOST_HEADER].decode("ascii", "replace").partition(" ")
        if life == self._life:
            return
        now = time.monotonic()
        with self._lock:
            self._watched = {run: until for run, until in self._watched.items() if until > now}
            self._watched[run_id] = now + _WATCHED


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

    def watch(self, run: ClusterRun) -> None:
        """Follow every state of a run if it has a watcher here, and stop otherwise."""
        is_watched = run.is_watched and not run.state.phase.finished
        with self._lock:
            leave = None if is_watched else self._leave.pop(run.id, None)
            if is_watched and run.id not in self._leave:
                self._leave[run.id] = self._wire.listen(_channel_of(run.id), self._receive)
        if leave is not None:
            leave()
        if is_watched:
            self.remind(run)

    def remind(self, run: ClusterRun) -> None:
        """Tell the process that executes a run that it has a watcher here."""
        self._wire.publish(_WATCHING, f"{self._life} {run.id}".encode(), key=run.id)

    def _receive(self, body: bytes) -> None:
        try:
            run_id, version, state_body, preview = _unpacked(body)
        except (ValueError, KeyError, TypeError):
            return
        run = self._get(run_id)
        if run is None or run.state.phase.finished or version <= run.version:
            return
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


def _previous(known: RunState, state: RunState) -> Preview | None:
    """Return the preview that a state without one continues to show."""
    return known.preview if known.preview_number == state.preview_number else None


def _channel_of(run_id: str) -> str:
    return f"run:{run_id}"


def _packed(run_id: str, version: StateNumber, state: bytes, preview: bytes = b"") -> bytes:
    header = json.dumps({"run": run_id, "version": version, "size": len(state)})
    return header.encode() + b"\n" + state + preview


def _unpacked(body: bytes) -> tuple[str, StateNumber, bytes, bytes]:
    """Raises ValueError, KeyError or TypeError for anything else than `_packed`."""
    end = body.index(b"\n", 0, _MOST_HEADER)
    header = json.loads(body[:end])
    run_id, (taken, number), size = header["run"], header["version"], header["size"]
    if not (isinstance(run_id, str) and all(type(one) is int for one in (taken, number, size))):
        raise TypeError(header)
    start = end + 1
    return run_id, (taken, number), body[start : start + size], body[start + size :]
