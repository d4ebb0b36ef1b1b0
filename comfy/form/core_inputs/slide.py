"""The range that a slider shows for a number whose limits are much wider. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

# A value this many times beyond the range has another meaning, such as 10,000 for "the last step".
_FAR = 4
_ROUND = (1, 2, 5)
_MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class SlideRange:
    """Sensible range of a number. Values beyond it are valid up to the field's own limits."""

    low: int | float
    high: int | float
    step: int | float

    def within(self, low: float | None, high: float | None) -> SlideRange | None:
        """Return the part of the range within these limits, None if hardly anything is left."""
        least = self.low if low is None else max(self.low, low)
        most = self.high if high is None else min(self.high, high)
        return replace(self, low=least, high=most) if most - least >= 2 * self.step else None

    def reaches(self, value: object) -> bool:
        """Return whether a slider that also shows this value would still be useful."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return abs(value) <= _FAR * max(abs(self.low), abs(self.high))

    def covering(self, value: object, low: float | None, high: float | None) -> SlideRange:
        """Return the range, grown to round ends beyond the value, but not beyond the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self
        grown = self
        if value > self.high:
            end = _rounded_up(value)
            grown = replace(grown, high=end if high is None else min(end, high))
        if value < self.low:
            end = -_rounded_up(-value) if value < 0 else 0
            grown = replace(grown, low=end if low is None else max(end, low))
        return grown


def _rounded_up(value: float) -> int | float:
    """Return the first of 1, 2, 5, 10, 20, 50 … that is at least this positive number."""
    return next(one for one in _round_numbers() if one >= value)


def _round_numbers() -> Iterator[int]:
    for digits in range(_MOST_DIGITS * 2):
        yield from (digit * 10**digits for digit in _ROUND)
