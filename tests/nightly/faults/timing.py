"""Short timeouts for runs on a stand-in that causes faults and answers at once."""

from __future__ import annotations

from comfy.runs.interface import Timeouts

# Patience is long where the server comes back, so that a busy machine changes no outcome.
HURRIED = Timeouts(
    call=1.0,
    ping=0.6,
    silence=0.4,
    fresh=0.2,
    silence_most=0.8,
    outcome_delay=0.4,
    retry=0.03,
    retry_most=0.15,
    patience=60.0,
    cancel_limit=0.3,
)
