"""What an execution asks its run, and tells it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from comfy.protocol.run_state import RunError, RunState


class RunHooks(Protocol):
    """Called in the run's own thread; none of them may wait for another run."""

    def limits(self) -> Iterable[tuple[float, RunError]]:
        """Moments (`time.monotonic`) at which the run is to be stopped, each with the reason."""

    def on_server_chosen(self, address: str) -> None:
        """Its turn has come; `address` is without a login."""

    def on_sending(self, prompt_id: str) -> None:
        """The prompt is about to be sent, or the server has another id for it."""

    def conclude(self, state: RunState) -> RunState:
        """The run has ended; what is published is what this returns, and not before."""
