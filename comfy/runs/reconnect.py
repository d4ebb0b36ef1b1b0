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
| in neither, after the socket reported a      | a user removed it: stopped                        |
| queue change but no start                    |                                                   |
| in neither, and the socket reported until    | the server went away before the run began: send   |
| its own end that the prompt waits            | it again                                          |
| the same, but the server's history still has | the server wasn't restarted, so a user removed    |
| a prompt that ended before                   | it: stopped                                       |
| in neither, after a restart of this program, | the server wasn't restarted: the prompt never     |
| and the server still has such a prompt       | arrived (or was removed meanwhile): send it again |
| in neither otherwise                         | it may have run, so don't run it twice: lost      |
| the same or no answer for a while, and       | move it there; only once if it may have begun,    |
| another server can run the prompt            | and cancel it here as soon as possible            |
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
from comfy.runs.timeouts import Timeouts

End = Callable[[RunState], RunState]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The server is gone, and another one can run the prompt. `began`: it may have started."""

    began: bool


REMOVED = RunError(
    message("Someone else removed this run from the server's queue."), message("Try again.")
)
RESTARTED = RunError(message("The server was restarted and lost this run."), message("Try again."))
FORGOTTEN = RunError(
    message("The server no longer knows this run or its result."), message("Try again.")
)


def sent_elsewhere(server: str) -> RunError:
    """Why a run is lost that was sent to this server before the program was started with another
    one; "" where people may not read its address."""
    return RunError(
        message(
            "The run was sent to ComfyUI at {address}. Since the restart, the app uses another"
            " server.",
            address=server,
        )
        if server
        else message("The run was sent to another server than the app uses since the restart."),
        message("Look for its result there, or run it again."),
    )


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Knowledge about the server beside the run's state. Methods named after observations return
    the next value; `given_up` and `unknown` return the consequence.

    `accepted`: the server has taken the prompt; `at_server`: it may still have it. `broken`: the
    reason why there is no socket, None while it is open. `heard_at`: its last message. `retry_at`:
    time of the next query; `attempts`: how often it was delayed without progress. `away_since`:
    since when no query was answered. `dropped_at`: the last time at which the server may have
    restarted unnoticed. `waited_at`: the time at which a socket ended by itself that would have
    reported a start, and had reported none. `is_resumed`: it was sent, or about to be, when this
    program stopped, and wasn't seen there since. `status_at`: time of a queue change that wasn't
    looked into yet; `looked_at`: time of the last queue query after one. `verdict_at`: time at
    which the socket reported the run's end.
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

    @classmethod
    def resumed(cls, timing: Timeouts, now: float) -> Reconnect:
        """Return the state of a run sent before a restart of this program, with
        unknown messages."""
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
        """Tell if the last query had no usable answer."""
        return self.away_since is not None

    @property
    def silent_until(self) -> float:
        """Until when the socket may be silent before the server is asked."""
        return self.heard_at + self.timing.silence_after(self.attempts)

    # Observations of the socket

    def opening(self, now: float) -> Reconnect:
        """There will be a socket, and its reading thread may be the first to know better."""
        return replace(self, broken=None, heard_at=now)

    def heard(self, now: float) -> Reconnect:
        """A message has come."""
        return replace(self, heard_at=now)

    def progressed(self, *, ended: bool) -> Reconnect:
        """It told something new of our run; `ended`: for the first time how it ended."""
        verdict_at = self.heard_at if ended else self.verdict_at
        return replace(self, attempts=0, verdict_at=verdict_at)

    def queue_changed(self, at: float) -> Reconnect:
        """The server's queue is another one than when our prompt was seen in it."""
        return replace(self, status_at=at)

    def lost(self, reason: str, phase: Phase, now: float, *, by_itself: bool) -> Reconnect:
        """The socket is at its end. `by_itself`: so far it was well."""
        in_touch = self.away_since is None or self.away_since > now - self.timing.outcome_delay
        told = by_itself and in_touch and self.accepted and phase is Phase.WAITING
        return replace(self, broken=reason, dropped_at=now, waited_at=now if told else None)

    # Results of queries

    def put_off(self, now: float, share: float) -> Reconnect:
        """Something was tried that is not to be tried again at once; `share` as of `Timeouts`."""
        attempts = self.attempts + 1
        retry_at = now + self.timing.pause_after(attempts, share)
        return replace(self, attempts=attempts, retry_at=retry_at)

    def wait_until(self, moment: float) -> Reconnect:
        """The next attempt to send the prompt is to be made then."""
        return replace(self, retry_at=moment)

    def unanswered(self, error: ComfyError, now: float, share: float) -> Reconnect:
        """No usable answer; `share` as of `put_off`."""
        away_since = now if self.away_since is None else self.away_since
        dropped_at = now if isinstance(error, ServerUnreachable) else self.dropped_at
        return replace(self.put_off(now, share), away_since=away_since, dropped_at=dropped_at)

    def sending(self) -> Reconnect:
        """The prompt is about to be sent."""
        return replace(self, at_server=True)

    def looking(self, now: float) -> Reconnect:
        """The whole queue is about to be asked for."""
        return replace(self, looked_at=now)

    def looked(self, asked_at: float) -> Reconnect:
        """The prompt is still in the queue that was changed."""
        return replace(self, status_at=_since(self.status_at, asked_at))

    def confirmed(self, asked_at: float) -> Reconnect:
        """The server has confirmed our prompt, so it wasn't restarted before this query. Later
        observations are newer than its answer."""
        return replace(
            self,
            accepted=True,
            away_since=None,
            is_resumed=False,
            dropped_at=_since(self.dropped_at, asked_at),
            waited_at=_since(self.waited_at, asked_at),
            status_at=_since(self.status_at, asked_at),
        )

    def given_up(self, error: ComfyError, now: float) -> End | None:
        """Return the run's end when the patience is over, otherwise None."""
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
        """Tell if the server may have started the prompt: not if the socket reported that it waits,
        and only ended by itself."""
        waits = self.accepted and state.verdict is None and state.phase is Phase.WAITING
        told = self.broken is None or self.waited_at is not None
        return self.at_server and not (waits and told)

    def gives_way(self, now: float) -> bool:
        """Tell if it is time to move to another server, if there is one: at once for an unsent
        prompt, otherwise after some time without an answer."""
        if not self.at_server:
            return True
        return self.away_since is not None and now - self.away_since >= self.timing.elsewhere

    def unknown(self, state: RunState, remembers: Callable[[], bool]) -> End | None:
        """The server has the prompt neither in its history nor in its queue, and both live in its
        memory: how the run ended, or None if it never began and is to be sent again. `remembers`:
        whether its history has a prompt that ended before, so that it was not restarted since."""
        if state.verdict is None and state.phase is Phase.WAITING:
            if self.status_at is not None and self.dropped_at is None:
                return lambda state: stopped(state, REMOVED)
            if self.waited_at is not None:
                return (lambda state: stopped(state, REMOVED)) if remembers() else None
            if self.is_resumed and remembers():
                return None
        why = FORGOTTEN if self.dropped_at is None else RESTARTED
        return lambda state: concluded(state, why)

    def gone(self) -> Reconnect:
        """The server does not have the prompt, or no longer anything to do with it."""
        return replace(self, at_server=False)

    def sent_again(self) -> Reconnect:
        """It never began: from the beginning, with another server as it were."""
        return replace(
            self,
            accepted=False,
            at_server=False,
            away_since=None,
            dropped_at=None,
            waited_at=None,
            is_resumed=False,
            status_at=None,
        )


def _since(noted_at: float | None, asked_at: float) -> float | None:
    """Return the observation of that time if it is newer than the query."""
    return noted_at if noted_at is not None and noted_at > asked_at else None
