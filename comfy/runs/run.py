"""A run as its watchers see it: state, cancel, attach. `comfy.runs.execution` does the work."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable, TooManyThreads
from comfy.base.messages import message
from comfy.base.threads import start_thread
from comfy.comfyui.protocol.run_progress import SamplingWork, sampling_work
from comfy.comfyui.protocol.run_state import (
    Phase,
    RunError,
    RunState,
    fetching,
    stopped,
    unanswered,
)
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.context import RunContext
from comfy.runs.download import ResultDownloader
from comfy.runs.durations import RunTimes
from comfy.runs.execution import Execution
from comfy.runs.interface import RunPolicy
from comfy.runs.latest_state import LatestState, stamped
from comfy.runs.reconnect import Elsewhere

log = logging.getLogger(__name__)

PAGE_CLOSED = RunError(
    message("Stopped because the page was closed."),
    message("Turn on “Keep running if I close this page” next time."),
)


class LocalRun:
    """One prompt from submission to its end, in its own thread.
    `comfy.runs.registry.LocalRunRegistry.submit` creates it."""

    def __init__(
        self,
        record: Record,
        policy: RunPolicy,
        context: RunContext,
        *,
        grace: float,
        usual: Callable[[], RunTimes | None],
        ended: Callable[[LocalRun], None],
    ) -> None:
        """Create a run from its first record. A record that was `sent` resumes at its server.
        `grace` is how many seconds a watched run continues without a watcher."""
        self.id = record.id
        self.owner = record.owner
        self.address = record.address
        self.job = record.job
        self.submitted_at = record.submitted_at
        self.keeps_going = record.keeps_going
        self._record = record
        self._usual = usual
        self._context = context
        self._grace = grace
        self._deadline = policy.deadline
        self._born = time.monotonic()
        self._watchers = 0
        self._ends_unwatched = policy.watched and not record.keeps_going
        self._unwatched_since = self._born if self._ends_unwatched else None
        self._lock = threading.Lock()
        self._ended = ended
        self._leaving = False
        self.recorded = True
        self._latest = LatestState(record.state)
        kept = context.files if context.history is not None else None
        self._results = ResultDownloader(kept, context.timing) if kept is not None else None
        given = (target for one in record.job.inputs.values() for target in one.targets)
        self.needs = Needs(record.job.prompt, given)
        self._server: ComfyServer | None = None
        self._execution = Execution(record, self.needs, self._latest, context)
        self._thread = threading.Thread(target=self._main, name=f"run-{self.id[:8]}", daemon=True)

    @property
    def state(self) -> RunState:
        """Return the newest state."""
        return self._latest.state

    @property
    def record(self) -> Record:
        """Return the run's current record."""
        return replace(self._record, state=self.state)

    @property
    def usual_times(self) -> RunTimes | None:
        """Return the usual duration of this workflow's runs; None before the first."""
        return self._usual()

    @property
    def age(self) -> float:
        """Return the seconds since the run was submitted, or resumed after a restart."""
        return time.monotonic() - self._born

    @property
    def waits_here(self) -> bool:
        """Return whether the run hasn't been handed to a server yet, so its position in the queue
        can change."""
        return self._context.line.place(self.id) is not None

    @property
    def servers(self) -> Sequence[ComfyServer]:
        """Return the run's server, or the servers that it may use. Empty for a canceled run."""
        if server := self._context.line.server_of(self.id):
            return [server]
        return self._context.servers.candidates(self.needs) if self.waits_here else ()

    @cached_property
    def work(self) -> SamplingWork | None:
        """Return the work of the run's samplers, as far as known beforehand."""
        return sampling_work(self.job.prompt)

    @property
    def turn(self) -> tuple[int, int]:
        """Return the sort key of unfinished runs. Running ones come first, then those waiting at a
        server, then those waiting here."""
        position = self._context.line.place(self.id)
        return (
            (2, position) if position is not None else (int(self.state.phase is Phase.WAITING), 0)
        )

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on every new state, from the run's threads: it must not block. Returns a
        function that unsubscribes it."""
        return self._latest.subscribe(callback)

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        """Yield the current state and each newer one, up to the final state. A slow watcher misses
        some.

        Blocks between them. Raises TimeoutError if the run hasn't finished `timeout` seconds after
        the iteration starts.
        """
        return self._latest.watch(timeout)

    def cancel(self, reason: RunError | None = None) -> None:
        """Stop the run here and on the server. Returns at once; the run ends within a second.
        Downloads in progress are aborted. `reason`: what its owner reads."""
        self._execution.stop(reason)
        if self._results is not None:
            self._results.cancel()

    def take_back(self) -> None:
        """See `comfy.runs.interface.Run.take_back`."""
        if self.state.phase is Phase.WAITING:
            self.cancel()

    def leave(self, reason: RunError) -> None:
        """Cancel the run because the app is shutting down. Files that haven't arrived are fetched
        after the restart."""
        self._leaving = True
        self._execution.stop(reason)
        if self._results is not None:
            self._results.abort()

    def catch_up(self) -> None:
        """Do nothing: this process executes the run, so its state is the newest."""

    def attach(self) -> None:
        """Add a watcher, which keeps the run alive."""
        with self._lock:
            self._watchers += 1
            self._unwatched_since = None
        self._execution.wake()

    def detach(self) -> None:
        """Remove a watcher. After the last one the grace time starts, then the run is canceled,
        unless it keeps going or wasn't started by a page."""
        with self._lock:
            self._watchers = max(0, self._watchers - 1)
            if self._watchers == 0 and self._ends_unwatched:
                self._unwatched_since = time.monotonic()
        self._execution.wake()

    def start(self) -> None:
        """Queue the run and start its thread. The registry calls this once. Raises TooManyThreads
        if the thread can't start; the run is then in no queue."""
        self._join_line()
        try:
            start_thread(self._thread)
        except TooManyThreads:
            self._context.line.leave(self.id)
            raise

    def execute(self) -> None:
        """Follow the run to its end in this thread, instead of `start`."""
        self._join_line()
        self._main()

    def disown(self) -> None:
        """Stop following the run, because another process follows it: close its socket, write
        nothing and tell the server nothing. Returns at once."""
        self._execution.disown()
        if self._results is not None:
            self._results.abort()

    @property
    def is_disowned(self) -> bool:
        """Return whether another process follows the run."""
        return self._execution.is_disowned

    def _join_line(self) -> None:
        servers = self._context.servers
        self._context.line.join(
            self.id,
            self.owner,
            self._on_moved,
            address=self.address,
            handed=servers.at(self._record.server) if self._record.sent else None,
            candidates=partial(servers.candidates, self.needs),
        )

    def end_unstarted(self) -> None:
        """Release the waiters of a run that couldn't be started."""
        self._latest.update(stopped)

    def _on_moved(self) -> None:
        """Wake the run if its queue position or hold changed. Every waiting run hears of each
        change in the queue."""
        position, state, servers = (
            self._context.line.place(self.id),
            self.state,
            self._context.servers,
        )
        moved = position is None or position != state.queue_place
        if moved or servers.must_wait(self.needs) != state.held:
            self._execution.wake()

    def give_up(self) -> None:
        """Let a canceled run end even if the app can't reach the server."""
        self._execution.give_up()

    def join(self, timeout: float) -> bool:
        """Wait for the run's thread. Return False if it is still running after `timeout`
        seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._execution.run(self)
        finally:
            self._context.line.leave(self.id)
            self._log("ended")
            self._ended(self)

    def on_server_chosen(self, server: ComfyServer) -> None:
        """See `RunHooks`."""
        self._server = server
        self._record = replace(self._record, server=server.url)
        self._log("begins")

    def _log(self, what: str) -> None:
        """Log a line for the administrator that reveals nothing about the run's content."""
        server, phase, seconds = self._record.server, self.state.phase.value, round(self.age, 3)
        extra = {"run": self.id, "server": server or None, "phase": phase, "seconds": seconds}
        where = f" at {server}" if server else ""
        log.info("Run %s %s%s: %s, %.1f s", self.id, what, where, phase, seconds, extra=extra)

    def on_sending(self, prompt_id: str) -> None:
        """See `RunHooks`."""
        self._record = replace(self._record, sent=True)
        if self._context.history is not None:
            self._context.history.sent(self.record, prompt_id)

    def conclude(
        self, state: RunState, may_begin_elsewhere: Callable[[], bool]
    ) -> RunState | Elsewhere:
        """Download the files and save the run. Only then does it count as finished."""
        server = self._server
        if server is not None and state.phase in (Phase.DONE, Phase.FAILED):
            server.ended.add(state.prompt_id)
        # The slow steps below no longer block other threads.
        self._context.line.release(self.id)
        if self._context.history is None or self._results is None or self.is_disowned:
            return state
        if server is not None and state.phase is Phase.DONE and state.files:
            self._latest.update(fetching)
            away = partial(self._latest.update, unanswered)
            try:
                files = self._results.fetch(
                    server.client,
                    state.files,
                    holder=self.id,
                    away=away,
                    gives_way=may_begin_elsewhere,
                )
            except (ServerUnreachable, ServerError):
                return Elsewhere(began=True)
            kept = tuple(file for file in files if file.digest)
            if self._results.cancelled and kept != files:
                state, files = replace(state, phase=Phase.STOPPED), kept
            full = self._results.problem
            problem = RunError(str(full), full.hint) if full else state.error
            state = replace(state, files=files, error=problem, started_at=self.state.started_at)
        state = stamped(state)
        if self.is_disowned:
            return state
        if (
            self._leaving
            and state.phase is Phase.DONE
            and not all(file.digest for file in state.files)
        ):
            # The saved run stays unfinished: after a restart it is settled again and its files are
            # fetched.
            return state
        try:
            self._context.history.end(replace(self.record, state=state))
        except ComfyError as problem:
            extra = {"run": self.id}
            log.warning("Run %s could not be recorded yet: %s", self.id, problem, extra=extra)
            self.recorded = False
        return state

    def limits(self) -> Iterator[tuple[float, RunError]]:
        """Yield the times at which the run has to stop, with the reasons. The run's own thread
        checks them, so no run needs a timer."""
        if self._deadline is not None:
            yield (
                self._born + self._deadline,
                RunError(
                    f"The run was stopped: it took longer than {self._deadline:g} seconds.",
                    "Allow it more time.",
                ),
            )
        since = self._unwatched_since
        if since is not None:
            yield (
                since + self._grace,
                PAGE_CLOSED,
            )


def not_joined(runs: list[LocalRun], timeout: float) -> list[LocalRun]:
    """Return the runs whose threads haven't ended after this many seconds in all."""
    end = time.monotonic() + timeout
    return [run for run in runs if not run.join(max(0.0, end - time.monotonic()))]
