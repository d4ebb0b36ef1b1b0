"""Registries with short timeouts, and helpers that wait for a run's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.responses import Queue
from comfy.comfyui.protocol.run_state import RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.runs.interface import Run, RunRegistry, Timeouts
from comfyui_standin import DemoServer
from tests.support.registries import new_registry
from tests.support.waiting import LONGEST_WAIT

HURRIED = Timeouts(
    call=5,
    silence=0.3,
    fresh=0.2,
    silence_most=0.6,
    outcome_delay=0.2,
    retry=0.05,
    retry_most=0.2,
    patience=1.0,
)
LIMIT = LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Watched:
    """Stand-in with the counts it had when the test started."""

    server: DemoServer
    requests: Counter[str]
    closed: int

    @property
    def calls(self) -> Counter[str]:
        """Return the requests since the test started, with all requests for a history counted
        together."""
        found: Counter[str] = Counter()
        for name, count in (self.server.requests - self.requests).items():
            found["GET /history" if "/history/" in name else name] += count
        return found

    @property
    def close_codes(self) -> list[int | None]:
        return self.server.sockets.close_codes[self.closed :]


@contextmanager
def registry(
    demo: DemoServer, timing: Timeouts = HURRIED, ahead: int = 2, **options: Any
) -> Iterator[RunRegistry]:
    with Client(demo.url) as client:
        runs = new_registry(ServerPool(client), timing=timing, ahead=ahead, **options)
        try:
            yield runs
        finally:
            runs.close()


def queue_of(demo: DemoServer) -> Queue:
    with Client(demo.url) as client:
        return client.queue()


def end(run: Run) -> RunState:
    *_, state = run.watch(LIMIT)
    return state


def until(run: Run, wanted: Callable[[RunState], bool]) -> RunState:
    for state in run.watch(LIMIT):
        if wanted(state):
            return state
    raise AssertionError(f"it never came so far: {run.state}")


def running(run: Run) -> RunState:
    return until(run, lambda state: state.preview_number > 0)
