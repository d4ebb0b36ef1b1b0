"""Track the state of the server during a run, and decide about runs that it doesn't know. Pure.

| observation                                  | action                                            |
|----------------------------------------------|---------------------------------------------------|
| no usable answer: refused, timed out, cut,   | retry with growing pauses until the patience      |
| 5xx                                          | ends. Before the prompt was sent the run fails    |
|                                              | then, afterwards it is lost                       |
| the answer to the prompt is lost             | look for it in history and queue, and again a     |
|                                              | moment later; send it again, under the same id,   |
|                                              | only if it is in neither                          |
| the socket ends, or is silent for too long   | ask history, then the queue, then close the old   |
|                                              | socket and open another with the same client id   |
| another run starts there, though this one    | ask history at once: the server runs one prompt   |
| still runs                                   | at a time, and this socket may have missed the    |
|                                              | end                                               |
| in neither, after the socket reported a      | a user removed it: stopped                        |
| queue change but no start                    |                                                   |
| in neither, and the socket reported until    | the server went away before the run began: send   |
| its own end that the prompt waits            | it again                                          |
| the same, but the server's history still has | the server wasn't restarted, so a user removed    |
| a prompt that ended before                   | it: stopped                                       |
| in neither, after a restart of this app,     | the server wasn't restarted: the prompt never     |
| and the server still has such a prompt       | arrived (or was removed meanwhile): send it again |
| in neither otherwise, after the connection   | the server was restarted: start the run again,    |
| ended, and the server has no such prompt     | once; after a restart of this app only on another |
|                                              | server. A paid run is lost                        |
| in neither otherwise                         | it may have run, so don't run it twice: lost      |
| no answer for a while, and another server    | move it there; only once if it may have begun,    |
| can run the prompt                           | and cancel it here as soon as possible            |
| it is done, but the server goes away before  | the same: run it again, once, on another server;  |
| all its files are here                       | without one, ask for the files until the patience |
|                                              | ends, or until a user cancels: stopped            |
| it was sent before a restart, to a server    | don't ask the current server and don't send it    |
| that isn't configured now                    | there: lost                                       |

All times are values of `time.monotonic`, passed in by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from comfy.base.errors import ComfyError, ServerUnreachable
from comfy.base.messages import message
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, concluded, failed, stopped
from comfy.runs.interface import Timeouts

End = Callable[[RunState], RunState]
REMOVED = RunError(message("Someone else stopped this run on the server."), message("Try again."))
RESTARTED = RunError(message("The server was restarted and lost this run."), message("Try again."))
FORGOTTEN = RunError(message("ComfyUI lost this run."), message("Try again."))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Outcome for a run whose server is gone and that another one can run, or whose server has
    `returned` without it. `began`: it may have started."""

    began: bool
    returned: bool = False


def sent_elsewhere(server: str) -> RunError:
    """Return why a run is lost: it was sent to this server, and since a restart the app uses
    another one. `server`: its address, "" if users may not see it."""
    return RunError(
        message("The run was sent to another server than ComfyForms uses since the restart."),
        message("Look for its result there, or run it again."),
        detail=server,
    )


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Knowledge about the server in addition to the run's state. Methods named after observations
    return the next value; `given_up` and `unknown` return the consequence.

    `accepted`: the server has accepted the prompt; `at_server`: it may still have it. `broken`: the
    reason why there is no socket, None while it is open. `heard_at`: time of its last message.
    `retry_at`: time of the next query; `attempts`: how often it was delayed without progress.
    `away_since`: since when queries have been unanswered. `dropped_at`: the last time at which the
    server may have restarted unnoticed. `waited_at`: the time at which a socket closed by itself
    that would have reported a start, and hadn't reported one. `is_resumed`: the prompt was sent, or
    about to be, when the app stopped, and hasn't been seen on the server since. `status_at`: time
    of a queue change that wasn't examined yet; `looked_at`: time of the last queue query after such
    a change. `verdict_at`: time at which the socket reported the run's end. `overtaken_at`: time at
    which another run started on the server while this one still seemed to run.
    """

    timing: Timeouts
    heard_at: float
    accepted: bool = False
    at_server: bool = False
    broken: str | None = "not opened yet"
    retry_at: float = 0.0
    attempts: int = 0
    away_since: float | None = None
    dropped_at: float | None = None
    waited_at: float | None = None
    is_resumed: bool = False
    status_at: float | None = None
    looked_at: float = float("-inf")
    verdict_at: float = 0.0
    overtaken_at: float | None = None

    @classmethod
    def resumed(cls, timing: Timeouts, now: float) -> Reconnect:
        """Return the knowledge about a run that was sent before a restart of the app, whose
        messages since then are unknown."""
        return cls(
            timing,
            now,
            accepted=True,
            at_server=True,
            broken="restarted",
            dropped_at=now,
            is_resumed=True,
        )

    @property
    def away(self) -> bool:
        """Return whether the last query had no usable answer."""
        return self.away_since is not None

    @property
    def silent_until(self) -> float:
        """Return the time until which the socket may be silent before the server is queried."""
        return self.heard_at + self.timing.silence_after(self.attempts)

    # Observations of the socket

    def opening(self, now: float) -> Reconnect:
        """Note that a socket is about to open. This comes first, because the socket's reader thread
        may soon note something newer."""
        return replace(self, broken=None, heard_at=now)

    def heard(self, now: float) -> Reconnect:
        """Note that a message has arrived."""
        return replace(self, heard_at=now)

    def progressed(self, *, ended: bool) -> Reconnect:
        """Note that the socket reported news of our run. `ended`: its end, for the first time."""
        verdict_at = self.heard_at if ended else self.verdict_at
        return replace(self, attempts=0, verdict_at=verdict_at)

    def queue_changed(self, at: float) -> Reconnect:
        """Note that the server's queue has changed since our prompt was seen in it."""
        return replace(self, status_at=at)

    def overtaken(self, now: float) -> Reconnect:
        """Note that another run has started on the server while this one seems to run."""
        return replace(self, overtaken_at=now)

    def lost(self, reason: str, phase: Phase, now: float, *, by_itself: bool) -> Reconnect:
        """Note that the socket has closed. `by_itself`: it worked until then."""
        in_touch = self.away_since is None or self.away_since > now - self.timing.outcome_delay
        was_waiting = by_itself and in_touch and self.accepted and phase is Phase.WAITING
        return replace(self, broken=reason, dropped_at=now, waited_at=now if was_waiting else None)

    # Results of queries

    def put_off(self, now: float, share: float) -> Reconnect:
        """Delay the next query, which must not follow at once; `share`: see `Timeouts`."""
        attempts = self.attempts + 1
        retry_at = now + self.timing.pause_after(attempts, share)
        return replace(self, attempts=attempts, retry_at=retry_at)

    def wait_until(self, moment: float) -> Reconnect:
        """Delay the next attempt to send the prompt until this time."""
        return replace(self, retry_at=moment)

    def unanswered(self, error: ComfyError, now: float, share: float) -> Reconnect:
        """Note a query without a usable answer; `share`: see `put_off`."""
        away_since = now if self.away_since is None else self.away_since
        dropped_at = now if isinstance(error, ServerUnreachable) else self.dropped_at
        return replace(self.put_off(now, share), away_since=away_since, dropped_at=dropped_at)

    def sending(self) -> Reconnect:
        """Note that the prompt is about to be sent."""
        return replace(self, at_server=True)

    def looking(self, now: float) -> Reconnect:
        """Note that the whole queue is about to be queried."""
        return replace(self, looked_at=now)

    def looked(self, asked_at: float) -> Reconnect:
        """Note that the prompt is still in the changed queue."""
        return replace(self, status_at=_since(self.status_at, asked_at))

    def confirmed(self, asked_at: float) -> Reconnect:
        """Note that the server has confirmed our prompt, so it wasn't restarted before this query.
        Observations after the query are newer than its answer and stay. A server that answers
        again starts with short silences."""
        return replace(
            self,
            accepted=True,
            attempts=0 if self.away else self.attempts,
            away_since=None,
            is_resumed=False,
            dropped_at=_since(self.dropped_at, asked_at),
            waited_at=_since(self.waited_at, asked_at),
            status_at=_since(self.status_at, asked_at),
            overtaken_at=_since(self.overtaken_at, asked_at),
        )

    def given_up(self, error: ComfyError, now: float) -> End | None:
        """Return the run's end if the patience is over, otherwise None."""
        if self.away_since is None or now - self.away_since < self.timing.patience:
            return None
        if not self.at_server:
            return lambda state: failed(state, RunError(str(error), error.hint))
        why = message(
            "The server has not answered for {seconds} seconds, so the run was given up.",
            seconds=f"{self.timing.patience:g}",
        )
        return lambda state: concluded(state, RunError(why, error.hint, detail=str(error)))

    def may_have_begun(self, state: RunState) -> bool:
        """Return whether the server may have started the prompt. It hasn't if the socket reported
        that the prompt waits, and then only closed by itself."""
        waits = self.accepted and state.verdict is None and state.phase is Phase.WAITING
        is_reliable = self.broken is None or self.waited_at is not None
        return self.at_server and not (waits and is_reliable)

    def gives_way(self, now: float) -> bool:
        """Return whether to move to another server, if there is one: at once for an unsent prompt,
        otherwise after some time without an answer."""
        if not self.at_server:
            return True
        return self.away_since is not None and now - self.away_since >= self.timing.elsewhere

    def unknown(self, state: RunState, remembers: Callable[[], bool]) -> End | None:
        """Return the end of a run whose prompt is neither in the server's history nor in its queue,
        which both live in memory; None if it never began and must be sent again.

        `remembers` returns whether the history has a prompt that ended earlier, which means that
        the server wasn't restarted since.
        """
        if state.verdict is None and state.phase is Phase.WAITING:
            if self.status_at is not None and self.dropped_at is None:
                return lambda state: stopped(state, REMOVED)
            if self.waited_at is not None:
                return (lambda state: stopped(state, REMOVED)) if remembers() else None
            if self.is_resumed and remembers():
                return None
        why = FORGOTTEN if self.dropped_at is None else RESTARTED
        return lambda state: concluded(state, why)

    def was_restarted(self, end: RunState, remembers: Callable[[], bool]) -> bool:
        """Return whether the run has this end because the server was restarted; `remembers`: see
        `unknown`."""
        return end.phase is Phase.LOST and self.dropped_at is not None and not remembers()

    def gone(self) -> Reconnect:
        """Note that the server doesn't have the prompt, or has finished it."""
        return replace(self, at_server=False)

    def sent_again(self) -> Reconnect:
        """Start over with a prompt that never began, as if on another server."""
        return replace(
            self,
            accepted=False,
            at_server=False,
            away_since=None,
            dropped_at=None,
            waited_at=None,
            is_resumed=False,
            status_at=None,
            overtaken_at=None,
        )


def _since(noted_at: float | None, asked_at: float) -> float | None:
    """Return the time of an observation if it is newer than the query, otherwise None."""
    return noted_at if noted_at is not None and noted_at > asked_at else None
