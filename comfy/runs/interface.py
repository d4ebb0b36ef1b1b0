"""Runs as everybody above them knows them: pages, routes, the shell and services.

Today's implementation is in this process: `comfy.runs.registry`, with a thread a run and SQLite.
Another one, across machines, would be fed by messages and tables; nothing here says which it is.
Any thread may call anything here, and nothing but `submit`, `check_room`, `record`, `forget`,
`resume`, `watch` and `close` waits for a disk, a server or another run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from comfy.comfyui.protocol.run_progress import SamplingWork
from comfy.comfyui.protocol.run_state import RunState
from comfy.comfyui.servers.needs import Needs
from comfy.records.blobs import BlobStore
from comfy.records.record import Job, Record
from comfy.records.store import RunStore
from comfy.runs.durations import RunTimes, RunTotals


@dataclass(frozen=True, slots=True)
class Origin:
    """Owner of a run, and the groups that the run belongs to.

    `owner` is an account or a browser. `address` is the client address of an owner without an
    account, otherwise "": one client can be many such owners, so limits also count addresses.
    `group` and `parents` are stored in the run's `Record`. `run_id` is a UUID that the caller
    chooses for a task that must start only once; "" lets the registry choose. `text_sources` are
    ids of the owner's runs that become parents if their texts are among the values.
    """

    owner: str
    address: str = ""
    group: str = ""
    parents: tuple[str, ...] = ()
    run_id: str = ""
    text_sources: tuple[str, ...] = ()

    @property
    def counted_group(self) -> str:
        """The batch or chain whose runs the limits count together, "" for a run of its own."""
        return self.group if self.run_id else ""


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """When the registry cancels an unfinished run.

    `deadline` is in seconds after the start, None for no deadline. A `watched` run expects a page:
    the registry cancels it when no page is attached during the grace time, unless the run
    `keeps_going`.
    """

    deadline: float | None = None
    watched: bool = True
    keeps_going: bool = False


DEFAULT_POLICY = RunPolicy()
UNWATCHED = RunPolicy(watched=False)


class Run(Protocol):
    """One prompt from its submission to its end."""

    @property
    def id(self) -> str:
        """Return the run's own id, which the server may not know."""

    @property
    def owner(self) -> str:
        """Whose it is."""

    @property
    def job(self) -> Job:
        """Return the request."""

    @property
    def submitted_at(self) -> float:
        """Seconds since 1970."""

    @property
    def keeps_going(self) -> bool:
        """Tell if it continues without watchers."""

    @property
    def state(self) -> RunState:
        """The newest state."""

    @property
    def record(self) -> Record:
        """Return the run's current record."""

    @property
    def usual_times(self) -> RunTimes | None:
        """Return the usual duration of this workflow's runs; None before the first."""

    @property
    def waits_here(self) -> bool:
        """It has not been handed to a server, so its place can be changed."""

    @property
    def turn(self) -> tuple[int, int]:
        """Return the sort key of unfinished runs: running ones, those waiting at a server, those
        waiting here."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on every new state, from any thread: it must not block. Returns the way
        out."""

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        """The state now and each newer one (a slow watcher misses some), up to the finished one.

        Blocks between them; TimeoutError if the run is not finished `timeout` seconds after the
        start.
        """

    def cancel(self) -> None:
        """Stop the run. Returns at once; it ends within a second. Files that are on their way then
        are let go: the run is stopped, with those that are here."""

    def attach(self) -> None:
        """Add a watcher, which keeps the run alive."""

    def detach(self) -> None:
        """Remove a watcher. After the last one the grace time starts, then the run is canceled,
        unless it keeps going or wasn't started by a page."""


class RunRegistry(Protocol):
    """Submits runs, finds them again and ends them all."""

    @property
    def history(self) -> RunStore | None:
        """Where runs are on record; None where nothing is remembered."""

    @property
    def files(self) -> BlobStore | None:
        """Where the files that runs are given are kept until their turn; None where none can be."""

    @property
    def waiting(self) -> int:
        """Return the number of waiting runs of all owners."""

    def width_for(self, needs: Needs) -> int:
        """Return how many runs with these needs can be active at the same time on their servers."""

    @property
    def room(self) -> int:
        """Return how many runs the servers get at once, to run or to wait there."""

    @property
    def totals(self) -> RunTotals:
        """Return the number and durations of ended runs of all owners since the start."""

    def due_in(self) -> Mapping[str, float]:
        """Return the seconds until each waiting run starts and each active one ends, by id, without
        unpredictable ones. Uses the progress of runs ahead and earlier runs of the same
        workflow, or of any."""

    def expected_seconds(self, workflow: str, work: SamplingWork | None) -> float | None:
        """Predict the seconds of this workflow's run with this much sampler work (None: unknown);
        None before its first run."""

    @property
    def closed(self) -> bool:
        """The program is about to end."""

    def submit(self, job: Job, origin: Origin, policy: RunPolicy = DEFAULT_POLICY) -> Run:
        """Start a run and return it without waiting. Its state tells how it proceeds.

        A run without files and with an `Origin.run_id` is recorded only when it is sent: its caller
        starts it again after a crash. Raises RunGoesOn while a run with this id is unfinished,
        TooManyRuns at a limit, TooManyThreads if its thread can't start, ComfyError after `close`.
        """

    def check_room(self, origin: Origin) -> None:
        """Raise the error that `submit` would raise now for any job of this origin."""

    def get(self, run_id: str, owner: str) -> Run:
        """Return a run of this owner; RunNotFound if it is unknown or another owner's."""

    def record(self, run_id: str, owner: str) -> Record:
        """Return the record of a run of this owner, also from before a restart; RunNotFound like
        `get`."""

    def forget(self, run_id: str, owner: str) -> None:
        """Delete a finished run of this owner and its files, here and in the history; RunNotFound
        like `get`, but unreadable records are deleted. ComfyError if it is active."""

    def move(self, run_id: str, owner: str, place: int) -> None:
        """Let a run of this owner be the `place`-th (0 = next) of those that wait here; RunNotFound
        as with `get`."""

    def known(self) -> tuple[Run, ...]:
        """The runs of all people that are still known, oldest first. For operators."""

    def owned(self, owner: str) -> tuple[Run, ...]:
        """The runs of this owner that are still known, oldest first."""

    def line_of(self, owner: str) -> tuple[Run, ...]:
        """The unfinished runs of this owner in the order of their turns."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with an owner whenever one of their runs begins, ends or has another
        phase or place, and with "" when the program is about to end: it must not block. Returns the
        way out."""

    def follow(self, callback: Callable[[str, str, str | bytes], None]) -> Callable[[], None]:
        """Call `callback` with an owner, the id of a run of theirs, and each frame of it as ComfyUI
        sends it, text or binary, up to `executing` with no node, which always comes: it must not
        block. Returns the way out."""

    def resume(self) -> None:
        """Take up what was unfinished when the program ended."""

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """Accept no more runs, let active ones continue for at most `finish` seconds, then cancel
        all and wait `timeout` seconds for them."""
