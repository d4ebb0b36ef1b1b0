"""Newest state of a run, for any number of watchers, which never block its writer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.run_state import Phase, RunState


class LatestState:
    """Thread-safe holder of one state. A slow watcher misses states, but never the last one."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._version = 0
        self._closed = False
        self._lock = threading.Lock()
        self._callbacks: Callbacks[[]] = Callbacks()

    @property
    def state(self) -> RunState:
        return self._state

    def update(self, change: Callable[[RunState], RunState]) -> bool:
        """Replace the state with `change(state)` and notify all watchers; return False if nothing
        changed."""
        with self._lock:
            state = change(self._state)
            if state is self._state:
                return False
            self._state = stamped(state)
            self._version += 1
        self._callbacks.call()
        if state.phase.finished:
            self._callbacks = Callbacks()  # last state: free the watchers
        return True

    def close(self) -> None:
        """End all watches: this process follows the run no more."""
        with self._lock:
            self._closed = True
        self._callbacks.call()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after every change, in the thread that made it; it must not block. Return
        a function that unsubscribes."""
        return self._callbacks.add(callback)

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        """Yield the current state and each newer one, up to the finished one or to `close`. Raises
        TimeoutError after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        news, seen = threading.Event(), -1
        leave = self.subscribe(news.set)
        try:
            while True:
                news.clear()
                with self._lock:
                    version, state, closed = self._version, self._state, self._closed
                if version != seen:
                    seen = version
                    yield state
                    if state.phase.finished:
                        return
                elif closed:
                    return
                elif not news.wait(None if end is None else max(0.0, end - time.monotonic())):
                    raise TimeoutError(f"the run did not finish within {timeout:g} s")
        finally:
            leave()


def told_if_other(look: Callable[[], object], tell: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `tell` when `look` returns a new value. Thread-safe."""
    lock, seen = threading.Lock(), look()

    def compare() -> None:
        nonlocal seen
        with lock:
            before, seen = seen, look()
            is_other = seen != before
        if is_other:
            tell()

    return compare


def stamped(state: RunState) -> RunState:
    """Return the state with the times of its start, steps and end, as far as they have happened."""
    if state.phase is Phase.RUNNING:
        state = state.measured(time.time())
    if state.phase is not Phase.WAITING and state.started_at is None and not state.phase.finished:
        state = replace(state, started_at=time.time())
    if state.phase.finished and state.finished_at is None:
        state = replace(state, finished_at=time.time())
    return state
