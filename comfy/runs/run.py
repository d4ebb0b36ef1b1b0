"""A run from its turn to its end: one thread, and the next server if one goes away. Then its files
are downloaded from the server to the app's storage.

`comfy.runs.attempt` runs a prompt on one server.

Threads:

| thread                        | work                                        | in               |
|-------------------------------|---------------------------------------------|------------------|
| the run's own, one per run    | opens, sends, waits for the next action,    | `Execution.run`, |
|                               | settles                                     | `Attempt.follow` |
| reader, one per socket        | advances the state; never waits             | `RunEvents`      |
| any: pages, routes, other     | stop, wake, watch; return at once           | `Execution.stop`, |
| runs, callbacks of watchers   |                                             | `wake`, `give_up` |

State that two threads write is in `ThreadState`, `RunEvents` and `LatestState`, each with its own
lock. Code that holds the lock of the events may take the two others, never the reverse. The run's
own thread alone writes the other fields of `Execution` and `Attempt`, and no other thread reads
them, so they need no lock. A lock that the event loop takes never covers I/O.

`LocalRun` is the run as its watchers see it: state, cancel, attach.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from comfy.base.errors import (
    ComfyError,
    DiskFull,
    NotWritten,
    PromptRejected,
    ServerError,
    ServerUnreachable,
    TooManyThreads,
)
from comfy.base.messages import message, sentences
from comfy.base.threads import start_thread
from comfy.base.wording import quoted
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_progress import SamplingWork, sampling_work
from comfy.comfyui.protocol.run_state import (
    Phase,
    RunError,
    RunState,
    failed,
    fetching,
    in_line,
    refused,
    stopped,
    unanswered,
)
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.attempt import Attempt, RunContext, RunHooks, RunParts, stop_where_due
from comfy.runs.durations import RunTimes
from comfy.runs.interface import RunPolicy, Timeouts, jitter
from comfy.runs.latest_state import LatestState, stamped
from comfy.runs.plan import Stop
from comfy.runs.reconnect import Elsewhere, End, Reconnect
from comfy.runs.run_events import FrameRelay
from comfy.runs.shared import ThreadState

if TYPE_CHECKING:
    from comfy.records.blobs import BlobStore

log = logging.getLogger(__name__)
_OWN_TRIES = 3
_SLOWEST = 50_000  # bytes per second
_PREVIEW_SECONDS = 20.0
_MOST_REASONS = 5  # named in an error
T = TypeVar("T")
OUR_FAULT = RunError(
    message("Something went wrong."),
    message("Try again."),
)
PAGE_CLOSED = RunError(
    message("Stopped because the page was closed."),
    message("Turn on “Keep running if I close this page” next time."),
)


class ResultDownloader:
    """Downloader that fetches each file once. A file that can't be fetched keeps its name on the
    server and has no digest."""

    def __init__(self, kept: BlobStore, timing: Timeouts) -> None:
        self._kept = kept
        self._timing = timing
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._aborted, self._cancelled = threading.Event(), threading.Event()
        self.failures: dict[OutputFile, ComfyError] = {}

    def fetch(
        self,
        client: Client,
        files: tuple[OutputFile, ...],
        *,
        holder: str,
        away: Callable[[], object],
        gives_way: Callable[[], bool],
    ) -> tuple[OutputFile, ...]:
        """Return the files with a local copy for `holder` where available; `failures` has the
        reasons for the others, unless the download was aborted.

        `away` is called when the server doesn't answer; requests repeat until the patience (see
        `Timeouts`) ends. Raises ServerUnreachable or ServerError only if the server has been away
        for `Timeouts.elsewhere` and `gives_way` returns that the run moves to another server.
        """
        end = time.monotonic() + self._timing.patience
        self.failures = {}
        with self._lock:
            timeout = self._timing.cancel_limit if self.cancelled else self._timing.call
            self._client = asking = client.fork(timeout=timeout)
        fetched = [self._fetch(asking, file, holder, away, gives_way, end) for file in files]
        if client.address.built_in and all(file.digest for file in fetched):
            for name, folder in {(f"{one.subfolder}/{one.filename}", one.type) for one in fetched}:
                with suppress(ComfyError):  # it deletes its oldest files by itself, too
                    asking.empty(name.lstrip("/"), folder)
        return tuple(fetched)

    @property
    def cancelled(self) -> bool:
        """Return whether the files are no longer needed."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop waiting for the files. Thread-safe. Missing files are dropped; if none was requested
        before, a server that answers at once still delivers them."""
        with self._lock:
            self._cancelled.set()
            has_begun = self._client is not None
        if has_begun:
            self.abort()

    def abort(self) -> None:
        """Abort the pending downloads. Thread-safe."""
        self._aborted.set()
        with self._lock:
            asking = self._client
        if asking is not None:
            asking.abort()

    def _fetch(
        self,
        client: Client,
        file: OutputFile,
        holder: str,
        away: Callable[[], object],
        gives_way: Callable[[], bool],
        end: float,
    ) -> OutputFile:
        attempt, away_since = 0, None
        while not self._aborted.is_set():
            try:
                with client.view(file) as answer:
                    away_since = None
                    _check_kind(file, answer.headers.get("content-type", ""))
                    chunks = _in_time(answer.iter_bytes(), end + (answer.size or 0) / _SLOWEST)
                    digest, size = self._kept.add(chunks, size=answer.size, holder=holder)
                _check_size(file, size)
                has_preview = bool(file.preview_id) and self._add_preview(client, file, digest)
                preview_id = file.preview_id if has_preview else ""
                return replace(file, digest=digest, size=size, preview_id=preview_id)
            except ComfyError as error:
                attempt += 1
                log.info("Can't store a result: %s", error)
                if isinstance(error, DiskFull):
                    self.failures[file] = error
                    break
                if self.cancelled:
                    self.abort()
                    break
                now = time.monotonic()
                away_since = away_since or now
                if _hopeless(error, attempt) or now >= end:
                    self.failures[file] = error
                    break
                if now - away_since >= self._timing.elsewhere and gives_way():
                    raise
                away()
                self._aborted.wait(self._timing.pause_after(attempt, jitter()))
        return file

    def _add_preview(self, client: Client, file: OutputFile, digest: str) -> bool:
        """Store the server's preview of a file as its thumbnail; return False if that fails."""
        try:
            with client.view(file, preview=True) as answer:
                end = time.monotonic() + _PREVIEW_SECONDS
                return self._kept.add_thumbnail(digest, _in_time(answer.iter_bytes(), end))
        except ComfyError as error:
            log.info("Can't fetch a result's preview: %s", error)
            return False


def _in_time(chunks: Iterator[bytes], end: float) -> Iterator[bytes]:
    """Yield the chunks. Raises ServerUnreachable if they still arrive after `end`, although each
    meets its timeout."""
    for chunk in chunks:
        if time.monotonic() > end:
            raise ServerUnreachable(
                message("The download from the server was cut off."),
                message("Try again later."),
            )
        yield chunk


def _check_kind(file: OutputFile, media_type: str) -> None:
    """Raise ComfyError if the server sends a web page or an error instead of an image, as a proxy
    may do."""
    if file.kind != "file" and media_type.startswith(("text/html", "application/json")):
        raise ComfyError(
            message("The server sent {file} as {type}.", file=file.name, type=media_type),
            message("Check the network or proxy between ComfyForms and the ComfyUI server."),
        )


def _check_size(file: OutputFile, size: int) -> None:
    """Raise ComfyError if the server sends nothing, as for a video whose encoder failed."""
    if not size and file.kind != "file":
        raise ComfyError(message("The server sent an unexpected response."))


def _hopeless(error: ComfyError, attempt: int) -> bool:
    """Return whether a retry is useless: the file is gone, or can't be stored here."""
    match error:
        case ServerError(status=status):
            return status < 500
        case ServerUnreachable(passing=passing):
            return not passing
        case _:
            return attempt >= _OWN_TRIES


def _with_failures(state: RunState, failures: Mapping[OutputFile, ComfyError]) -> RunState:
    """Return an ended run with the reasons for the results that couldn't be fetched, unless it has
    failed for another reason. Those that the server no longer has are removed. Without any result
    the run has failed, unless its results wait at the server for room here."""
    if not failures:
        return state
    gone = {file for file, why in failures.items() if getattr(why, "status", None) == 404}
    state = replace(state, files=tuple(file for file in state.files if file not in gone))
    if state.phase is Phase.FAILED:
        return state
    local = next((why for why in failures.values() if isinstance(why, NotWritten)), None)
    if local is not None:
        return replace(state, error=RunError(str(local), local.hint))
    reasons = dict.fromkeys(
        str(why)
        if file in gone
        else message("{file} couldn't be fetched. {why}", file=quoted(file.name), why=str(why))
        for file, why in failures.items()
    )
    error = RunError(sentences(*islice(reasons, _MOST_REASONS)), next(iter(failures.values())).hint)
    has_results = bool(state.texts) or any(file.digest for file in state.files)
    phase = Phase.DONE if has_results else Phase.FAILED
    return replace(state, phase=phase, error=error)


def _guarded(task: Callable[[], T]) -> T | None:
    """Return the result of a task of a run. If it fails unexpectedly, log the error and return
    None."""
    try:
        return task()
    except Exception:
        log.exception("A run failed with an internal error")
        return None


class Execution:
    """Execution of one prompt, from beginning to end in `run`."""

    def __init__(
        self,
        record: Record,
        needs: Needs,
        latest: LatestState,
        context: RunContext,
    ) -> None:
        """Prepare a run. A record that was `sent` continues where the app stopped."""
        timing, now = context.timing, time.monotonic()
        link = Reconnect.resumed(timing, now) if record.sent else Reconnect(timing, now)
        self._record, self._needs = record, needs
        self._latest, self._context = latest, context
        self._shared = ThreadState(link)
        self._relay = FrameRelay(record.id, partial(context.frames.call, record.owner, record.id))
        self._attempt: Attempt | None = None
        # Most moves from one failing server to the next.
        self._moves = 2 * len(context.servers.servers)
        # A paid run that may have begun doesn't begin again: it may have cost credits.
        self._may_begin_again = not record.job.paid

    def run(self, hooks: RunHooks) -> None:
        """Follow the run from opening the socket to closing it. Never raises. Publishes the
        finished state last, after the socket is closed and the server has the cancel, unless it
        doesn't answer."""
        final = self._follow_to_end(None, hooks)
        while isinstance(final, Elsewhere):
            final = self._follow_to_end(final, hooks)
        state, reached = final
        if not self._shared.is_disowned:
            self._latest.update(lambda _: state)
            self._relay.end(state)
        if self._attempt is not None and not reached:
            _guarded(self._attempt.tell_later)
        # Breaks the reference cycle, so that the run is freed with its last reference.
        self._attempt = None

    def stop(self, reason: RunError | None) -> None:
        """Cancel the run. Returns at once; `run` finishes within a second."""
        self._stop(Stop(reason))

    def disown(self) -> None:
        """Stop following the run, because another process or the next start follows it: close its
        socket, publish nothing and leave the prompt on the server. Returns at once."""
        self._stop(Stop(None, cancels=False))

    @property
    def is_disowned(self) -> bool:
        """Return whether another process follows the run."""
        return self._shared.is_disowned

    @property
    def is_stopping(self) -> bool:
        """Return whether the run was canceled or disowned."""
        return self._shared.stopping is not None

    def _stop(self, stop: Stop) -> None:
        self._shared.stop(stop)
        attempt = self._attempt  # a later attempt sees that the run must stop
        if attempt is not None:
            attempt.abort()

    def give_up(self) -> None:
        """Stop retrying to cancel on a server that doesn't answer."""
        attempt = self._attempt
        if attempt is not None:
            attempt.give_up()

    def wake(self) -> None:
        """Check the limits and the place in line again, because they may have changed."""
        self._shared.wake()

    def _follow_to_end(
        self, left: Elsewhere | None, hooks: RunHooks
    ) -> tuple[RunState, bool] | Elsewhere:
        """Return the finished state, and whether the server has the cancel; Elsewhere if the server
        goes away with the results. `left`: why the run leaves the previous server."""
        end = _guarded(partial(self._live, left, hooks)) or partial(failed, error=OUR_FAULT)
        attempt = self._attempt
        reached = attempt is None or bool(_guarded(attempt.leave))
        state = end(self._latest.state)
        may_move = attempt.may_begin_elsewhere if attempt is not None else lambda: False
        final = _guarded(partial(hooks.conclude, state, may_move)) or state
        return final if isinstance(final, Elsewhere) else (final, reached)

    def _live(self, end: End | Elsewhere | None, hooks: RunHooks) -> End:
        try:
            while True:
                if isinstance(end, Elsewhere):
                    self._move(end)
                server = self._wait_for_turn(hooks)
                if server is None:
                    why = self._shared.stopping
                    return partial(stopped, error=why.reason if why else None)
                end = self._begin(server, hooks).follow()
                if not isinstance(end, Elsewhere):
                    return end
        except PromptRejected as error:
            self._shared.note(Reconnect.gone)
            return partial(refused, error=error)
        except ComfyError as error:
            return partial(failed, error=RunError(str(error), error.hint))

    def _begin(self, server: ComfyServer, hooks: RunHooks) -> Attempt:
        parts = RunParts(
            self._record, self._needs, self._latest, self._shared, self._relay, self._context
        )
        may_move = self._moves > 0
        may_retry = self._may_begin_again and (self._context.retries or server.spot)
        self._attempt = attempt = Attempt(
            parts, server, hooks, may_move=may_move, may_retry=may_retry
        )
        return attempt

    def _move(self, elsewhere: Elsewhere) -> None:
        """Leave the server and put the run back at the front of the line, where a server that has
        returned may take it again."""
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        run_id, url = self._record.id, attempt.server.url
        log.warning("Run %s was lost by %s and starts again", run_id, url, extra={"run": run_id})
        attempt.leave_behind()
        if not elsewhere.returned:
            attempt.server.recheck(gone=True)
        self._moves -= 1
        self._may_begin_again = self._may_begin_again and not elsewhere.began
        now, initial_state = time.monotonic(), self._record.state
        self._latest.update(
            lambda state: replace(initial_state, restarted=state.restarted or elsewhere.began)
        )
        self._shared.note(lambda _: Reconnect(self._context.timing, now))
        self._relay.begin_again()
        self._context.line.give_back(self._record.id)

    def _wait_for_turn(self, hooks: RunHooks) -> ComfyServer | None:
        """Return the server that the run is handed to; None if it is stopped before."""
        line, run_id, held = self._context.line, self._record.id, False
        while self._shared.stopping is None:
            server = line.server_of(run_id)
            if server is not None:
                if held:
                    self._latest.update(partial(in_line, place=0))
                hooks.on_server_chosen(server)
                return server
            position = line.place(run_id)
            if position is not None:
                held = self._context.servers.must_wait(self._needs)
                self._latest.update(partial(in_line, place=position, held=held))
            self._shared.sleep(stop_where_due(hooks, self._shared))
        return None


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
        self._results = ResultDownloader(context.files, context.timing)
        given = (target for one in record.job.inputs.values() for target in one.targets)
        self.needs = Needs(record.job.prompt, given, context.servers_of(record.owner))
        self._server: ComfyServer | None = None
        self._execution = Execution(record, self.needs, self._latest, context)
        self._thread = threading.Thread(target=self._main, name=f"run-{self.id[:8]}", daemon=True)

    @property
    def state(self) -> RunState:
        return self._latest.state

    @property
    def record(self) -> Record:
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
        self._results.cancel()  # first: it aborts no download that only begins because of the stop
        self._execution.stop(reason)

    def take_back(self) -> None:
        if self.state.phase is Phase.WAITING:
            self.cancel()

    def leave(self, reason: RunError) -> None:
        """Cancel the run because the app is shutting down. A run that wasn't sent, and files that
        haven't arrived, are on record as unfinished for the next start, unless the run was canceled
        before."""
        self._leaving = self._leaving or not self.is_stopping
        self._execution.stop(reason)
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
        """Stop following the run, because another process or the next start follows it: close its
        socket, write nothing and tell the server nothing. Returns at once."""
        self._execution.disown()
        self._results.abort()

    @property
    def is_disowned(self) -> bool:
        """Return whether another process follows the run."""
        return self._execution.is_disowned

    @property
    def is_stopping(self) -> bool:
        """Return whether the run was canceled or disowned."""
        return self._execution.is_stopping

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
            self._latest.close()
            self._log("ended")
            self._ended(self)

    def on_server_chosen(self, server: ComfyServer) -> None:
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
        self._record = replace(self._record, sent=True)
        self._context.history.sent(self.record, prompt_id)

    def conclude(
        self, state: RunState, may_begin_elsewhere: Callable[[], bool]
    ) -> RunState | Elsewhere:
        """Download the files and save the run. Only then does it count as finished."""
        server = self._server
        has_ended = state.phase in (Phase.DONE, Phase.FAILED)
        is_done = state.phase is Phase.DONE
        if server is not None and has_ended:
            server.ended.add(state.prompt_id)
        # The slow steps below no longer block other threads.
        self._context.line.release(self.id)
        if self.is_disowned:
            return state
        if server is not None and has_ended and state.files:
            self._latest.update(fetching)
            away = partial(self._latest.update, unanswered)
            try:
                files = self._results.fetch(
                    server.client,
                    state.files,
                    holder=self.id,
                    away=away,
                    gives_way=may_begin_elsewhere if is_done else lambda: False,
                )
            except (ServerUnreachable, ServerError):
                return Elsewhere(began=True)
            kept = tuple(file for file in files if file.digest)
            if is_done and self._results.cancelled and kept != files:
                state, files = replace(state, phase=Phase.STOPPED), kept
            state = replace(state, files=files, started_at=self.state.started_at)
            state = _with_failures(state, self._results.failures)
        state = stamped(state)
        if self.is_disowned:
            return state
        is_whole = state.phase is not Phase.DONE or all(file.digest for file in state.files)
        if self._leaving and not (self._record.sent and is_whole):
            # The saved run stays unfinished: after a restart it is sent, or it is settled again and
            # its files are fetched.
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
