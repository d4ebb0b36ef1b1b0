"""A run from its turn to its end: one thread, and the next server if one goes away.

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
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from comfy.base.errors import ComfyError, PromptRejected
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import RunError, RunState, failed, in_line, refused, stopped
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.runs.attempt import Attempt, stop_where_due
from comfy.runs.context import RunContext, RunHooks, RunParts
from comfy.runs.latest_state import LatestState
from comfy.runs.plan import Stop
from comfy.runs.reconnect import Elsewhere, End, Reconnect
from comfy.runs.run_events import FrameRelay
from comfy.runs.shared import ThreadState

log = logging.getLogger(__name__)

T = TypeVar("T")

OUR_FAULT = RunError(
    message("Something went wrong."),
    message("Try again."),
)


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
            self._relay.end(state)
            self._latest.update(lambda _: state)
        if self._attempt is not None and not reached:
            _guarded(self._attempt.tell_later)
        # Breaks the reference cycle, so that the run is freed with its last reference.
        self._attempt = None

    def stop(self, reason: RunError | None) -> None:
        """Cancel the run. Returns at once; `run` finishes within a second."""
        self._stop(Stop(reason))

    def disown(self) -> None:
        """Stop following the run, because another process follows it: close its socket, publish
        nothing and leave the prompt on the server. Returns at once."""
        self._stop(Stop(None, cancels=False))

    @property
    def is_disowned(self) -> bool:
        """Return whether another process follows the run."""
        return self._shared.is_disowned

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
        """Leave the server and put the run back at the front of the line."""
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        run_id, url = self._record.id, attempt.server.url
        log.warning("Run %s moves from %s to another server", run_id, url, extra={"run": run_id})
        attempt.leave_behind()
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
