"""Number and size of previews in flight to one browser, from its link's measured speed. Pure; `now`
is in seconds of a monotonic clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

_MOST = 8  # previews on their way: a browser that is put aside says nothing more
_PATIENCE = 1.0  # seconds without a word, over the usual, until nothing more is sent
_REMEMBERED = 5  # of the link's latest rates, whose median counts
_LATEST = 30  # previews whose shortest way counts as the link's own
_QUEUED = 0.05  # seconds more than usual: previews stand in line somewhere
_GROWTH = 2  # times the rate known so far, at most, that one preview can tell of
_INSTANT = 0.001  # seconds, shorter than any link
_FASTEST = 0.15  # seconds; a link gets at least this long for each preview that is too large for it
_WEIGHT = 0.3  # of the newest interval
_FILLED = 0.7  # of the time between two previews is used: the rest is for what else travels


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    number: int
    size: int
    sent: float


class PreviewWindow:
    """One browser's link.

    A preview may go out when the one before has left the link, which is known from the link's rate:
    so several are on their way where the way is long, and one where it is narrow. When they arrive
    later than they should, all on their way are waited for.
    """

    def __init__(self) -> None:
        self._on_their_way: deque[_OnItsWay] = deque()
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._ways: deque[float] = deque(maxlen=_LATEST)
        self._free = 0.0  # when the link has carried what was sent
        self._clogged = False
        self._room = 1  # for previews on their way: one more with each that arrives in time
        self._came: float | None = None
        self._interval = 0.0  # between two previews of the server

    @property
    def rate(self) -> float | None:
        """Return the link's rate in bytes per second; None before the first preview has arrived."""
        return median(self._rates) if self._rates else None

    def came(self, now: float) -> None:
        """The server has sent a new preview."""
        if self._came is not None:
            gap = now - self._came
            known = self._interval or gap
            self._interval = known + _WEIGHT * (min(gap, 2 * known) - known)
        self._came = now

    def wait(self, now: float) -> float | None:
        """Seconds until the next preview may go out, 0 where it may now; None: not before word of
        one that is on its way."""
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
        """Return the maximum size of the next preview; None: its own `size` in bytes."""
        rate = self.rate
        if rate is None or not self._interval or size <= 0.9 * rate * self._interval:
            return None
        return int(_FILLED * rate * max(self._interval, _FASTEST))

    def sent(self, number: int, size: int, now: float) -> None:
        """A preview of `size` bytes goes out."""
        self._on_their_way.append(_OnItsWay(number, size, now))
        if rate := self.rate:
            self._free = max(self._free, now) + size / rate

    def painted(self, number: int, spent: float, now: float) -> None:
        """The browser has painted it; its bytes took `spent` seconds to come in."""
        while self._on_their_way and self._on_their_way[0].number <= number:
            one = self._on_their_way.popleft()
            if one.number != number:
                continue
            spent = min(spent, now - one.sent)
            way = now - one.sent - spent
            usual = min(self._ways, default=way)
            self._ways.append(way)
            # A busy browser reads number and bytes at once, however long they were in coming.
            rate = one.size / max(_INSTANT, spent, spent + way - usual)
            # A small one that came in one piece seems to have taken no time on any link.
            self._rates.append(rate if self.rate is None else min(rate, _GROWTH * self.rate))
            if self._on_their_way and way > usual + max(_QUEUED, 0.5 * spent):
                self._clogged, self._room = True, 1
            else:
                self._room = min(_MOST, self._room + 1)
        if not self._on_their_way:
            self._clogged, self._free = False, now
