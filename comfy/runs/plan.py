"""Decide a run's next action and its time. Pure: `comfy.runs.attempt` carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from operator import itemgetter

from comfy.comfyui.protocol.run_state import Phase, RunError, RunState
from comfy.runs.reconnect import Reconnect

_LOOK_PAUSE = 1.0  # seconds: an answer of /queue holds every prompt in it
_MOMENT = 0.1  # seconds: a prompt may only wait for the one before it to be put away


@dataclass(frozen=True, slots=True)
class Submit:
    """Open a socket if there is none, and send the prompt."""


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """Where a run's state is not known: ask history, then the queue, then open a new socket."""


@dataclass(frozen=True, slots=True)
class CheckQueue:
    """The queue has changed while the prompt waits in it: see where it is."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run, here and on the server; `reason` is None if the user asked for it."""

    reason: RunError | None


Action = Submit | CheckHistory | CheckQueue | Stop
TimeLimits = Iterable[tuple[float, RunError]]


def plan(
    state: RunState, link: Reconnect, limits: TimeLimits, stop: Stop | None
) -> tuple[float, Action]:
    """Return the next action and its time (`time.monotonic`): at once if that is over.

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
    """Until the first of these limits, infinite without one; its reason where it has passed."""
    when, why = min(limits, key=itemgetter(0), default=(inf, None))
    return (when - now, None) if when > now else (0.0, why)


def is_alone(state: RunState) -> bool:
    """Tell if a short queue makes a status sufficient: only our prompt, as before."""
    remaining = state.queue_remaining
    return remaining == 0 or (remaining == 1 and not state.queue_place)


def _next_question(state: RunState, link: Reconnect) -> tuple[float, Action]:
    if not link.accepted:
        return link.retry_at, Submit()
    if state.over or link.broken is not None or link.away:
        return link.retry_at, CheckHistory()
    if state.verdict is not None:
        return link.verdict_at + link.timing.outcome_delay, CheckHistory()
    return link.silent_until, CheckHistory()


def _look_at(state: RunState, link: Reconnect) -> float | None:
    """Return the time of the next queue query; None if there is no news or no answer."""
    asks = link.accepted and state.phase is Phase.WAITING and not link.away
    if not asks or link.status_at is None:
        return None
    if is_alone(state):
        return link.status_at
    return max(link.status_at + _MOMENT, link.looked_at + _LOOK_PAUSE)
