"""Dependencies of a run's execution: shared by all runs of a registry, or of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.run_state import RunError, RunState
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.latest_state import LatestState
from comfy.runs.reconnect import Elsewhere
from comfy.runs.run_events import FrameRelay
from comfy.runs.shared import ThreadState
from comfy.runs.timeouts import Timeouts

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore


ApiKey = Callable[[str], str | None]


def no_key(_owner: str) -> None:
    """Return the comfy.org API key of an app without keys."""


class WaitingLine(Protocol):
    """The queue as a run uses it; see `comfy.runs.line.fair_queue.FairQueue`."""

    def join(
        self,
        run_id: str,
        owner: str,
        moved: Callable[[], None],
        *,
        address: str = "",
        handed: ComfyServer | None = None,
        candidates: Callable[[], Sequence[ComfyServer]] | None = None,
    ) -> None:
        """Add a run."""

    def place(self, run_id: str) -> int | None:
        """Return the number of runs before this one; None once a server has it."""

    def server_of(self, run_id: str) -> ComfyServer | None:
        """Return the server that has the run; None while the run waits here."""

    def mark_accepted(self, run_id: str) -> None:
        """Note that the server has accepted the run."""

    def give_back(self, run_id: str) -> None:
        """Put a run back at the front, because its server didn't run it or has lost its results."""

    def release(self, run_id: str) -> None:
        """Remove a run in any state, so that others stop waiting for it."""

    def leave(self, run_id: str) -> None:
        """Remove a run that has ended, in any state."""


class RunRecords(Protocol):
    """The history as a run uses it; see `comfy.records.store.RunStore`."""

    def sent(self, record: Record, prompt_id: str) -> None:
        """Record that a run is being sent to its server, with this id there."""

    def end(self, record: Record) -> None:
        """Record a finished run."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The servers, their timeouts, and the queue. `files`: the store of input files. Without a
    `history`, nothing survives a restart. `retries`: a run starts again on another server if its
    server goes away after it began, unless it is paid. `frames`: see `RunRegistry.follow`.
    `api_key`: returns the comfy.org API key for an owner's paid runs, None without one. A
    key is read just before a prompt is sent, and nothing stores it."""

    servers: ServerPool
    timing: Timeouts
    line: WaitingLine
    files: BlobStore | None = None
    history: RunRecords | None = None
    retries: bool = True
    api_key: ApiKey = no_key
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
