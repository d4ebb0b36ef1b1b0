"""Decide a run's next action and its time. Pure functions; `comfy.runs.attempt` performs the
action."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from operator import itemgetter

from comfy.comfyui.protocol.run_state import Phase, RunError, RunState
from comfy.runs.reconnect import Reconnect

_LOOK_PAUSE = 1.0  # seconds; an answer of /queue contains every queued prompt in full
# Seconds; the server may only need to put away the prompt before, or its last message may be on
# its way.
_MOMENT = 0.1
TimeLimits = Iterable[tuple[float, RunError]]


@dataclass(frozen=True, slots=True)
class Submit:
    """Action: open a socket if there isn't one, and send the prompt."""


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """Action for an unknown state: query the history, then the queue, then open a new socket."""


@dataclass(frozen=True, slots=True)
class CheckQueue:
    """Action after a queue change while the prompt waits: look up its place."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Action: end the run, here and on the server. `reason`: None if the user requested it.
    `cancels`: False to leave the prompt on the server, because another process follows it there."""

    reason: RunError | None
    cancels: bool = True


Action = Submit | CheckHistory | CheckQueue | Stop


def plan(
    state: RunState, link: Reconnect, limits: TimeLimits, stop: Stop | None
) -> tuple[float, Action]:
    """Return the next action and its time (`time.monotonic`); a past time means now.

    `limits`: times at which the run must stop, each with the reason. `stop` has priority.
    """
    if stop is not None:
        return 0.0, stop
    due: list[tuple[float, Action]] = [_next_question(state, link)]
    if (look_at := _look_at(state, link)) is not None:
        due.append((look_at, CheckQueue()))
    due.extend((when, Stop(why)) for when, why in limits)
    return min(due, key=itemgetter(0))


def seconds_left(limits: TimeLimits, now: float) -> tuple[float, RunError | None]:
    """Return the seconds until the first of these limits, infinite without one, and the reason of a
    limit that has passed."""
    when, why = min(limits, key=itemgetter(0), default=(inf, None))
    return (when - now, None) if when > now else (0.0, why)


def is_alone(state: RunState) -> bool:
    """Return whether the queue is so short that its length alone gives our place: no prompt waits,
    or only ours, which was already first."""
    remaining = state.queue_remaining
    return remaining == 0 or (remaining == 1 and not state.queue_place)


def _next_question(state: RunState, link: Reconnect) -> tuple[float, Action]:
    if not link.accepted:
        return link.retry_at, Submit()
    if state.over or link.broken is not None or link.away:
        return link.retry_at, CheckHistory()
    if state.verdict is not None:
        return link.verdict_at + link.timing.outcome_delay, CheckHistory()
    if link.overtaken_at is not None:
        return min(link.overtaken_at + _MOMENT, link.silent_until), CheckHistory()
    return link.silent_until, CheckHistory()


def _look_at(state: RunState, link: Reconnect) -> float | None:
    """Return the time of the next queue query; None if there is no news or no answer."""
    asks = link.accepted and state.phase is Phase.WAITING and not link.away
    if not asks or link.status_at is None:
        return None
    if is_alone(state):
        return link.status_at
    return max(link.status_at + _MOMENT, link.looked_at + _LOOK_PAUSE)
