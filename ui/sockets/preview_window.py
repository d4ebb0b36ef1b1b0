"""Number and size of previews in flight to one browser, from its link's measured speed. Pure; `now`
is in seconds of a monotonic clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

_MOST = 8  # previews in flight: a browser in the background stops responding
_GAINED = 2  # more in flight after one that arrives in time; the known rate limits them as well
_PATIENCE = 1.0  # seconds over the usual without a response until sending stops
_REMEMBERED = 5  # latest link rates, whose median counts
_LATEST = 30  # previews whose shortest delay counts as the link's own
_QUEUED = 0.05  # seconds over the usual delay that mean that previews are queued
_GROWTH = 2  # maximum factor by which one preview can raise the known rate
_INSTANT = 0.001  # seconds, shorter than any link's delay
_FASTEST = 0.15  # seconds; minimum time for a preview that is too large for the link
_WEIGHT = 0.3  # weight of the newest interval
_FILLED = 0.7  # used share of the time between two previews; the rest is for other traffic


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    number: int
    size: int
    sent: float


class PreviewWindow:
    """Link to one browser.

    A preview may be sent when the one before has left the link, as computed from the link's rate. A
    link with a long delay therefore has several in flight, and a narrow one has a single one. If
    previews arrive late, sending pauses until all in flight have arrived.
    """

    def __init__(self) -> None:
        self._on_their_way: deque[_OnItsWay] = deque()
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._ways: deque[float] = deque(maxlen=_LATEST)
        self._free = 0.0  # time when the link has carried everything sent
        self._clogged = False
        self._room = 1  # maximum previews in flight; grows with each that arrives in time
        self._came: float | None = None
        self._interval = 0.0  # seconds between two of the server's previews

    @property
    def rate(self) -> float | None:
        """Return the link's rate in bytes per second; None before the first preview has arrived."""
        return median(self._rates) if self._rates else None

    def came(self, now: float) -> None:
        """Record that the server has sent a new preview."""
        if self._came is not None:
            gap = now - self._came
            known = self._interval or gap
            self._interval = known + _WEIGHT * (min(gap, 2 * known) - known)
        self._came = now

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next preview may be sent; 0: now; None: only after a
        response to one in flight."""
        rate = self.rate
        if not self._on_their_way:
            return 0.0
        if rate is None or self._clogged or len(self._on_their_way) >= self._room:
            return None
        first = self._on_their_way[0]
        if now - first.sent > _PATIENCE + 2 * (first.size / rate + min(self._ways)):
            return None
        return max(0.0, self._free - now)

    def most_bytes(self, size: int) -> int | None:
        """Return the maximum size of the next preview in bytes; None if it may have its own
        `size`."""
        rate = self.rate
        if rate is None or not self._interval or size <= 0.9 * rate * self._interval:
            return None
        return int(_FILLED * rate * max(self._interval, _FASTEST))

    def sent(self, number: int, size: int, now: float) -> None:
        """Record that a preview of `size` bytes is sent."""
        self._on_their_way.append(_OnItsWay(number, size, now))
        if rate := self.rate:
            self._free = max(self._free, now) + size / rate

    def painted(self, number: int, spent: float, now: float) -> None:
        """Record that the browser has painted a preview; its bytes took `spent` seconds to
        arrive."""
        while self._on_their_way and self._on_their_way[0].number <= number:
            preview = self._on_their_way.popleft()
            if preview.number != number:
                continue
            spent = min(spent, now - preview.sent)
            way = now - preview.sent - spent
            usual = min(self._ways, default=way)
            self._ways.append(way)
            # A busy browser reads number and bytes at once, no matter how long they took to arrive.
            rate = preview.size / max(_INSTANT, spent, spent + way - usual)
            # A small preview that arrives in one piece seems to have taken no time on any link.
            self._rates.append(rate if self.rate is None else min(rate, _GROWTH * self.rate))
            if self._on_their_way and way > usual + max(_QUEUED, 0.5 * spent):
                self._clogged, self._room = True, 1
            else:
                self._room = min(_MOST, self._room + _GAINED)
        if not self._on_their_way:
            self._clogged, self._free = False, now
