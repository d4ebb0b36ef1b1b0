"""Timeouts of runs: one value, passed in."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ComfyUI sends no heartbeat and repeats nothing (docs/comfyui.md#10), so every wait
    for it has an end.

    - `call`: an HTTP answer, a WebSocket handshake
    - `ping`: silence of a socket until it is asked for a sign
    - `silence`: without a message until history is asked
    - `fresh`: the same on a socket that was opened again, which the server may have forgotten
      (docs/comfyui.md#9), doubling up to `silence_most` while nothing comes
    - `outcome_delay`: from the stream's word on the outcome to `executing null`
    - `retry`: first pause between attempts to reach the server again, doubling up to `retry_most`
    - `patience`: a server that is away is given up after it
    - `elsewhere`: a server that is away is left for another one after it
    - `cancel_limit`: to tell the server that a run is cancelled
    """

    call: float = 10.0
    ping: float = 20.0
    silence: float = 15.0
    fresh: float = 5.0
    silence_most: float = 60.0
    outcome_delay: float = 1.0
    retry: float = 0.25
    retry_most: float = 10.0
    patience: float = 120.0
    elsewhere: float = 3.0
    cancel_limit: float = 0.4

    def silence_after(self, attempt: int) -> float:
        """Return the tolerated silence of a socket, the first or one reopened after this many
        attempts without progress."""
        return _doubled(attempt - 1, self.fresh, self.silence_most) if attempt else self.silence

    def pause_after(self, attempt: int, share: float) -> float:
        """Return the pause after this many attempts without progress, times a `jitter`."""
        return share * _doubled(attempt, self.retry, self.retry_most)


def jitter() -> float:
    """Return a random factor for pauses, so that runs don't reconnect to a recovered server at the
    same time."""
    return random.uniform(0.75, 1.25)


def _doubled(attempt: int, first: float, most: float) -> float:
    return min(most, first * 2.0 ** min(attempt, 30))
