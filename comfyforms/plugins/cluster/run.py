"""A run as a process sees it, whichever process executes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from comfy.comfyui.protocol.run_progress import SamplingWork, sampling_work
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, in_line
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Job, Record
from comfy.runs.durations import RunTimes
from comfy.runs.latest_state import LatestState
from comfyforms.plugins.cluster.rows import LiveRow

StateNumber = tuple[int, int]  # the number of the takeover, and of the state since
LAST: StateNumber = (2**31, 0)  # of an end that the database names
_WRITTEN = 4.0  # seconds until a state that was sent is also in the database


class ClusterRun:
    """One prompt from its submission to its end."""

    is_disowned = False

    def __init__(  # noqa: PLR0913 - options by name
        self,
        record: Record,
        servers: ServerPool,
        usual: Callable[[], RunTimes | None],
        *,
        cancel: Callable[[ClusterRun, RunError | None], None],
        take_back: Callable[[ClusterRun], None],
        watch: Callable[[ClusterRun], None],
        ask: Callable[[ClusterRun], None],
        allowed: Collection[str] | None,
    ) -> None:
        """`cancel` has the run stopped, with the reason; `take_back` only if it waits. `watch` is
        called when the first follower has come, and when the last one has left. `ask` waits for
        the newest state. `allowed`: the servers that its owner may use, None for all."""
        self.id = record.id
        self.owner = record.owner
        self.job: Job = record.job
        self.submitted_at = record.submitted_at
        self.keeps_going = record.keeps_going
        self.address = record.address
        self.row: LiveRow | None = None
        self.place: int | None = None
        self._record = record
        self._servers = servers
        self._usual = usual
        self._cancel, self._take_back, self._watch, self._ask = cancel, take_back, watch, ask
        self._latest = LatestState(record.state)
        self._version: StateNumber = (0, 0)
        self._sure: StateNumber = (0, 0)  # of the newest state that didn't come over the wire
        self._doubted_since: float | None = None
        self._lock = threading.Lock()
        self._pages = self._followers = 0
        self._followed_until = float("-inf")
        self.answered = threading.Event()  # by the process that executes it
        self.answered.set()
        given = (target for one in record.job.inputs.values() for target in one.targets)
        self.needs = Needs(record.job.prompt, given, allowed)

    @property
    def state(self) -> RunState:
        return self._latest.state

    @property
    def record(self) -> Record:
        row = self.row
        server = self._record.server if row is None or row.server is None else row.server
        return replace(self._record, state=self.state, server=server)

    @property
    def first_record(self) -> Record:
        """Return the record as it was when the run came to this process."""
        return self._record

    @property
    def usual_times(self) -> RunTimes | None:
        """Return the usual duration of this workflow's runs; None before the first."""
        return self._usual()

    @property
    def waits_here(self) -> bool:
        """Return whether no server has the run yet."""
        return self.place is not None and not self.state.phase.finished

    @property
    def servers(self) -> Sequence[ComfyServer]:
        """Return the run's server, or the servers that it may use."""
        if self.waits_here:
            return self._servers.candidates(self.needs)
        row = self.row
        server = None if row is None or row.server is None else self._servers.at(row.server)
        return () if server is None else [server]

    @cached_property
    def work(self) -> SamplingWork | None:
        """Return the work of the run's samplers, as far as known beforehand."""
        return sampling_work(self.job.prompt)

    @property
    def turn(self) -> tuple[int, int]:
        """Return the sort key of unfinished runs; see `comfy.runs.interface.Run.turn`."""
        place = self.place
        return (2, place) if place is not None else (int(self.state.phase is Phase.WAITING), 0)

    @property
    def is_watched(self) -> bool:
        """Return whether the run has a page at this process."""
        return self._pages > 0

    @property
    def is_followed(self) -> bool:
        """Return whether this process needs every state of the run."""
        return self._followers > 0 or time.monotonic() < self._followed_until

    def follow_for(self, seconds: float) -> bool:
        """Follow the run for some seconds. Return whether nothing here followed it before."""
        with self._lock:
            is_new = not self.is_followed
            if is_new:
                self.answered.clear()
            self._followed_until = time.monotonic() + seconds
        return is_new

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` on every new state that this process knows, without following the
        run."""
        self._latest.subscribe(callback)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on every new state, from any thread; it must not block. Return a function
        that unsubscribes it."""
        unsubscribe = self._latest.subscribe(callback)
        self._count_follower(1)

        def leave() -> None:
            unsubscribe()
            self._count_follower(-1)

        return leave

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        self._count_follower(1)
        try:
            yield from self._latest.watch(timeout)
        finally:
            self._count_follower(-1)

    def catch_up(self) -> None:
        self._ask(self)

    def cancel(self, reason: RunError | None = None) -> None:
        """Have the run stopped. Returns at once."""
        self._cancel(self, reason)

    def take_back(self) -> None:
        """Have the run stopped if no server has it yet. Returns at once."""
        self._take_back(self)

    def attach(self) -> None:
        """Add a page."""
        with self._lock:
            self._pages += 1
        self._count_follower(1)

    def detach(self) -> None:
        """Remove a page."""
        with self._lock:
            self._pages = max(0, self._pages - 1)
        self._count_follower(-1)

    def _count_follower(self, change: int) -> None:
        with self._lock:
            before, self._followers = self._followers, max(0, self._followers + change)
            is_other = (before > 0) != (self._followers > 0)
        if is_other:
            self._watch(self)

    def receive(self, version: StateNumber, state: RunState) -> bool:
        """Show a state that this process or the database names; return False if a newer one is
        known. States of different processes are ordered by their versions. A finished state always
        counts, and never changes."""
        with self._lock:
            is_known = version == self._sure == self._version
            is_older = is_known or version < self._sure
            if self.state.phase.finished or (is_older and not state.phase.finished):
                return False
            self._version = self._sure = version
            return self._latest.update(lambda _: state)

    def hear(self, version: StateNumber, state: RunState) -> None:
        """Show an unfinished state that came over the wire, unless a newer one is known. The same
        one may come again with its preview."""
        with self._lock:
            if self.state.phase.finished or state.phase.finished or version < self._version:
                return
            if version == self._version and (state.preview is None or self.state.preview):
                return
            self._version, self._doubted_since = version, None
            self._latest.update(lambda _: state)

    def lacks(self, version: StateNumber, read_at: float) -> bool:
        """Return whether the state with this version, which the database had at `read_at`, is newer
        than the shown one. Also if the shown one came over the wire and should be in the database
        by now: such messages prove nothing."""
        with self._lock:
            if version > self._version:
                return True
            if version == self._version:
                self._sure = version
            if self._version == self._sure:
                return False
            if self._doubted_since is None:
                self._doubted_since = read_at
            return read_at - self._doubted_since > _WRITTEN

    def update_row(self, row: LiveRow, place: int | None, *, held: bool) -> None:
        """Show what the queue's row says: the place, and the state if it is newer."""
        self.row, self.place = row, place
        with self._lock:
            if place is not None and not self.state.phase.finished:
                self._latest.update(partial(in_line, place=place, held=held))

    @property
    def version(self) -> StateNumber:
        """Return the version of the newest state."""
        return self._version

    @property
    def age(self) -> float:
        """Return the seconds since the run was submitted."""
        return max(0.0, time.time() - self.submitted_at)
