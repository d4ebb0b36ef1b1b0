"""Pauses between starts of a process that keeps ending. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST, _LONGEST = 1.0, 60.0  # seconds
_LASTED = 60.0  # seconds after which a process counts as healthy


@dataclass(frozen=True, slots=True)
class Backoff:
    """Number of `failures` in a row: starts whose process ended before it answered, or within a
    minute."""

    failures: int = 0

    def ended(self, answered_for: float | None, *, wanted: bool) -> Backoff:
        """Return the value after an end. `answered_for`: seconds since its first answer, None
        without one; `wanted`: the app ended it."""
        if wanted:
            return Backoff()
        lasted = answered_for is not None and answered_for >= _LASTED
        return Backoff(1 if lasted else self.failures + 1)

    def pause(self, *, wanted: bool) -> float:
        """Return the seconds until the next start."""
        if wanted:
            return 0.0
        return min(_LONGEST, _FIRST * 2.0 ** min(max(self.failures - 1, 0), 30))
