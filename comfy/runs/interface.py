"""Interface of runs for pages, routes, the shell and services.

There are two implementations: `comfy.runs.registry`, in one process, with a thread per run and
SQLite; and a plugin's, for several processes (the hook `shared_runs`). Nothing here depends on the
choice. Any thread may call anything here. Only `submit`, `check_room`, `record`, `forget`,
`resume`, `watch`, `catch_up` and `close` wait for a disk, a server or another process.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from comfy.comfyui.protocol.run_progress import SamplingWork
from comfy.comfyui.protocol.run_state import RunError, RunState
from comfy.comfyui.servers.needs import Needs
from comfy.records.blobs import BlobStore
from comfy.records.database import AtStart, nothing_at_start
from comfy.records.groups import Group, GroupKind
from comfy.records.record import Job, Record
from comfy.records.starts import Start
from comfy.records.store import RunStore
from comfy.runs.durations import RunTimes, RunTotals

FrameFollower = Callable[[str, str, str | bytes], None]  # gets an owner, a run id and a frame
OnGap = Callable[[], None] | None
# Raises TooManyRuns if an owner at an address may not start a group beside the groups of others.
GroupCheck = Callable[[str, str, Sequence[tuple[str, str]]], None]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of runs, in seconds. ComfyUI sends no heartbeat and repeats nothing
    (docs/comfyui.md#10), so every wait for it needs a limit.

    - `call`: an HTTP answer, a WebSocket handshake

    - `ping`: silence of a socket before a ping

    - `silence`: time without a message before checking the history

    - `fresh`: the same on a reopened socket, which the server may have forgotten
    (docs/comfyui.md#9). Doubles up to `silence_most` while nothing arrives

    - `outcome_delay`: from the stream's message about the outcome to `executing null`

    - `retry`: first pause between attempts to reconnect to the server, doubling up to `retry_most`

    - `patience`: how long to wait for an unreachable server before giving up

    - `elsewhere`: how long to wait for an unreachable server before moving to another one

    - `cancel_limit`: for canceling a run on the server
    """

    call: float = 10.0
    ping: float = 20.0
    silence: float = 15.0
    fresh: float = 5.0
    silence_most: float = 60.0
    outcome_delay: float = 1.0
    retry: float = 0.25
    retry_most: float = 2.0
    patience: float = 120.0
    elsewhere: float = 3.0
    cancel_limit: float = 0.4

    def silence_after(self, attempt: int) -> float:
        """Return the tolerated silence of a socket: the first one, or one reopened after this many
        attempts without progress."""
        return _doubled(attempt - 1, self.fresh, self.silence_most) if attempt else self.silence

    def pause_after(self, attempt: int, share: float) -> float:
        """Return the pause after this many attempts without progress, multiplied by `share`, a
        `jitter`."""
        return share * _doubled(attempt, self.retry, self.retry_most)


def jitter() -> float:
    """Return a random factor for pauses, so that runs don't reconnect to a recovered server at the
    same time."""
    return random.uniform(0.75, 1.25)


def _doubled(attempt: int, first: float, most: float) -> float:
    return min(most, first * 2.0 ** min(attempt, 30))


@dataclass(frozen=True, slots=True)
class Origin:
    """Owner of a run, and the groups that the run belongs to.

    `owner` is an account or a browser. `address` is the client address of an owner without an
    account, otherwise "": one client can be many such owners, so limits also count addresses.
    `group` and `parents` are stored in the run's `Record`. `run_id` is a UUID that the caller
    chooses and no other run has; "" lets the registry choose. `text_sources` are
    ids of the owner's runs that become parents if their texts are among the values. `at_start`
    runs more statements in the transaction that records the run, batch or chain.
    `confirms_payment`: the caller knows that the runs use paid credits.
    """

    owner: str
    address: str = ""
    group: str = ""
    parents: tuple[str, ...] = ()
    run_id: str = ""
    text_sources: tuple[str, ...] = ()
    at_start: AtStart = nothing_at_start
    confirms_payment: bool = False

    @property
    def is_task(self) -> bool:
        """Return whether a batch or chain starts the run. It has checked the payment, and starts
        the run again after a crash."""
        return bool(self.run_id and self.group)

    @property
    def start(self) -> Start:
        """Return what the hourly limit counts: all runs of a batch or chain together."""
        return Start(self.owner, self.address, self.group if self.is_task else "")

    @property
    def calls(self) -> Iterator[Start]:
        """Yield what `count_call` counts: the owner, and all owners without an account together at
        this address."""
        yield self.start
        if self.address:
            yield Start("", self.address)


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """Rules by which the registry cancels an unfinished run.

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
        """Return the run's owner."""

    @property
    def job(self) -> Job:
        """Return the request."""

    @property
    def submitted_at(self) -> float:
        """Return the time of submission, in seconds since 1970."""

    @property
    def keeps_going(self) -> bool:
        """Return whether the run continues without watchers."""

    @property
    def state(self) -> RunState:
        """Return the newest state."""

    @property
    def record(self) -> Record:
        """Return the run's current record."""

    @property
    def is_disowned(self) -> bool:
        """Return whether the run has no more states here, because the app ends before the run."""

    @property
    def needs(self) -> Needs:
        """Return what the run needs on its server."""

    @property
    def usual_times(self) -> RunTimes | None:
        """Return the usual duration of this workflow's runs; None before the first."""

    @property
    def waits_here(self) -> bool:
        """Return whether the run hasn't been handed to a server, so that its place can be
        changed."""

    @property
    def turn(self) -> tuple[int, int]:
        """Return the sort key of unfinished runs: running ones, those waiting at a server, those
        waiting here."""

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on every new state, from any thread; it must not block. Return a function
        that unsubscribes."""

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        """Yield the current state and each newer one, up to the finished one or to `is_disowned`. A
        slow watcher misses some.

        Blocks between states. Raises TimeoutError if the run isn't finished after `timeout`
        seconds.
        """

    def catch_up(self) -> None:
        """Wait until `state` is the newest state, for at most a third of a second: another process
        may execute the run."""

    def cancel(self, reason: RunError | None = None) -> None:
        """Stop the run. Returns at once; the run ends within a second. Pending downloads are
        aborted, and the run keeps the files that have arrived. `reason`: what its owner reads; None
        if the owner stopped it."""

    def take_back(self) -> None:
        """Stop the run if it still waits. Returns at once."""

    def attach(self) -> None:
        """Add a watcher, which keeps the run alive."""

    def detach(self) -> None:
        """Remove a watcher. After the last one, the grace time starts; then the run is canceled,
        unless it keeps going or wasn't started by a page."""


class AppProcesses(Protocol):
    """All processes of the app, if there may be several."""

    def hint(self, topic: str) -> None:
        """Tell the other processes that something in the database has changed. Any thread may call
        this; it never blocks. The message may get lost."""

    def on_hint(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call the function when another process sends a hint; it must return at once. Return a
        function that ends this."""


class WorkingQueue(Protocol):
    """Queue of groups as `GroupWork` uses it. No method raises, and only `take_up`, `show` and
    `save_changed` access the database."""

    def take_up(self, group: Group) -> None:
        """Execute an unfinished group from now on, or cancel the remaining runs of an ended one."""

    def lose(self, group_id: str) -> None:
        """Stop to execute a group, without a change, because another process executes it."""

    def show(self, group: Group) -> None:
        """Show the progress of a group that another process has changed."""

    def forget(self, group_id: str) -> None:
        """Hide a group that another process has deleted."""

    def save_changed(self) -> None:
        """Store the progress of the executed groups that has changed since it was stored."""


class GroupWork(Protocol):
    """Decides which app process executes a batch or chain. Exactly one does, from its start to its
    end, and only that process may start runs of the group and store its progress.

    `person`: the owner and address of a group. `hands_over`: other processes continue the groups
    when this one ends.
    """

    hands_over: bool

    def join(self, queue: WorkingQueue) -> Collection[Group]:
        """Begin to tell the queue about groups. Return those to take up now. Raises ComfyError."""

    def check(self, person: tuple[str, str], check: GroupCheck, but: str = "") -> None:
        """Raise TooManyRuns if there is no room for another group. `but`: the id of a group that
        doesn't count. Raises ComfyError."""

    def claim(self, group_id: str, person: tuple[str, str], check: GroupCheck | None) -> None:
        """Make this process execute a group, which counts as running from now on. Raises like
        `check`; without one, the group is in `changing` or was taken up, and nothing is raised."""

    def release(self, group_id: str) -> None:
        """Note that a group doesn't run anymore."""

    def is_here(self, group_id: str) -> bool:
        """Return whether this process executes or changes a group, so that its copy in memory is
        the newest."""

    def changing(self, group_id: str, person: tuple[str, str]) -> AbstractContextManager[bool]:
        """Keep other processes from executing a group during the block, which changes it. Return
        whether it has to be read again, because its copy in memory may be old. Raises ComfyError,
        and GroupTaken at the end if another process has changed the group meanwhile."""


class RunRegistry(Protocol):
    """Registry that submits runs, finds them again and ends them all."""

    @property
    def history(self) -> RunStore:
        """Return the history of runs."""

    @property
    def files(self) -> BlobStore:
        """Return the store for input files until a run's turn."""

    @property
    def keep_running(self) -> bool:
        """Return whether every run continues without watchers, also against its policy."""

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
        unpredictable runs. Uses the progress of the runs ahead, and earlier runs of the same
        workflow or of any."""

    def expected_seconds(self, workflow: str, work: SamplingWork | None) -> float | None:
        """Predict the seconds of a run of this workflow with this much sampler work (None:
        unknown); None before its first run."""

    @property
    def group_work(self) -> Callable[[GroupKind], GroupWork] | None:
        """Return what decides where groups are executed; None if this process executes all."""

    @property
    def closed(self) -> bool:
        """Return whether the app is shutting down."""

    @property
    def processes(self) -> AppProcesses | None:
        """Return all processes that execute and show runs; None if this is the only one."""

    @property
    def is_keeper(self) -> bool:
        """Return whether this process cleans up and delivers webhooks. Of several processes on one
        database, one does."""

    def submit(self, job: Job, origin: Origin, policy: RunPolicy = DEFAULT_POLICY) -> Run:
        """Start a run and return it without waiting. Its state shows the progress.

        A free run of a task (`Origin.is_task`) without files is recorded only when it is sent: its
        caller starts it again after a crash. Raises RunGoesOn while a run with this id is
        unfinished, TooManyRuns at a limit, TooManyThreads if its thread can't start, ComfyError
        after `close`.
        """

    def check_room(self, origin: Origin) -> None:
        """Raise the error that `submit` would raise now for any job of this origin."""

    def count_call(self, origin: Origin) -> None:
        """Count a call that costs money or a processor elsewhere, such as one of a language model,
        for the hourly limit of runs. Raises TooManyRuns at the limit. Blocks on the database."""

    def get(self, run_id: str, owner: str) -> Run:
        """Return a run of this owner. Raises RunNotFound if it is unknown or another owner's."""

    def record(self, run_id: str, owner: str) -> Record:
        """Return the record of a run of this owner, also from before a restart. Raises RunNotFound
        like `get`."""

    def forget(self, run_id: str, owner: str) -> None:
        """Delete a finished run of this owner and its files, here and in the history. Raises
        RunNotFound like `get`, but unreadable records are deleted. Raises ComfyError if the run is
        active."""

    def move_results(self, owner: str, workflow: str, other: str) -> None:
        """Move this owner's finished runs and presets from a workflow to the `other` one. Raises
        ComfyError."""

    def move(self, run_id: str, owner: str, place: int) -> None:
        """Move a run of this owner to index `place` (0 = next) among the owner's runs that wait
        here. Raises RunNotFound like `get`."""

    def move_to_end(self, run_id: str, *, first: bool) -> None:
        """Move any user's run before or behind all other runs that wait here. For administrators.
        Raises RunNotFound for an unknown run."""

    def known(self) -> tuple[Run, ...]:
        """Return the runs of all owners that are still in memory, oldest first. For
        administrators."""

    def owned(self, owner: str) -> tuple[Run, ...]:
        """Return the runs of this owner that are still in memory, oldest first."""

    def line_of(self, owner: str) -> tuple[Run, ...]:
        """Return the unfinished runs of this owner in the order of their turns."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with an owner when one of their runs begins, ends or changes its phase or
        place, and with "" when the app shuts down. It must not block. Return a function that
        unsubscribes."""

    def follow(self, callback: FrameFollower, gap: OnGap = None) -> Callable[[], None]:
        """Call `callback` with an owner, the id of one of their runs, and each of its frames as
        ComfyUI sends them, text or binary. The last frame is always `executing` without a node.
        `gap` is called if frames of another process got lost; later frames follow. Neither may
        block. Return a function that unsubscribes."""

    def resume(self) -> None:
        """Resume the runs that were unfinished when the app stopped."""

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """Accept no more runs, let active ones continue for at most `finish` seconds, then cancel
        all and wait `timeout` seconds for them."""
