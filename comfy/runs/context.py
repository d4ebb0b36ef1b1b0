"""Dependencies of a run's execution: shared by all runs of a registry, or of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from comfy.base.callbacks import Callbacks
from comfy.comfyui.protocol.run_state import RunError, RunState
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.latest_state import LatestState
from comfy.runs.line.fair_queue import FairQueue
from comfy.runs.reconnect import Elsewhere
from comfy.runs.run_events import FrameRelay
from comfy.runs.shared import ThreadState
from comfy.runs.timeouts import Timeouts

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore
    from comfy.records.store import RunStore


@dataclass(frozen=True, slots=True)
class RunContext:
    """The servers, their timeouts, and the queue. `files`: the store of input files. Without a
    `history`, nothing survives a restart. `retries`: a run starts again on another server if its
    server goes away after it began. `frames`: see `RunRegistry.follow`."""

    servers: ServerPool
    timing: Timeouts
    line: FairQueue[ComfyServer]
    files: BlobStore | None = None
    history: RunStore | None = None
    retries: bool = True
    frames: Callbacks[[str, str, str | bytes]] = field(default_factory=Callbacks)


@dataclass(frozen=True, slots=True)
class RunParts:
    """State shared by all attempts of one run: its start, needs, state and frames."""

    record: Record
    needs: Needs
    latest: LatestState
    shared: ThreadState
    relay: FrameRelay
    context: RunContext


class RunHooks(Protocol):
    """Callbacks in the run's own thread. None of them may wait for another run."""

    def limits(self) -> Iterable[tuple[float, RunError]]:
        """Return the times (`time.monotonic`) at which the run must stop, each with the reason."""

    def on_server_chosen(self, server: ComfyServer) -> None:
        """Note that the run's turn has come, on this server."""

    def on_sending(self, prompt_id: str) -> None:
        """Note that the prompt is about to be sent, or that the server gave it another id."""

    def conclude(
        self, state: RunState, may_begin_elsewhere: Callable[[], bool]
    ) -> RunState | Elsewhere:
        """Finish the run and publish the returned state. Return Elsewhere if it may start again on
        another server."""
