"""Timeouts of runs, passed as one value."""

from __future__ import annotations

import random
from dataclasses import dataclass


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
