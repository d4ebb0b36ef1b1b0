"""Previews in flight on a simulated link: no clock, no sockets."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.sockets.preview_window import PreviewWindow

FRAME = 67_000  # bytes
FRAMES, INTERVAL = 100, 0.1
PAINTING = 0.01  # seconds that a browser takes for it


@dataclass
class Link:
    r"""Simulated link with `rate` bytes per second and a delay of `way` seconds each way.

    It sends a server's frames as the page's socket does: the newest frame whenever the window
    allows it, as small as the window requests.
    """

    rate: float
    way: float
    frames: int = FRAMES
    interval: float = INTERVAL
    asleep_from: float = float("inf")
    busy: bool = False  # the browser reads most messages late, several at once
    piece: int = 0  # bytes that come at once, with the number before them
    decoding: float = 0.0  # seconds more that a browser takes for a frame as large as it was
    window: PreviewWindow = field(default_factory=PreviewWindow)
    sizes: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    painted: list[int] = field(default_factory=list)
    most: int = 0  # on their way at once

    def run(self) -> Link:
        came, sent, free, on_their_way = 0, 0, 0.0, 0
        events: list[tuple[float, int, str, int, float]] = [
            (number * self.interval, number, "came", number, 0.0)
            for number in range(1, self.frames + 1)
        ]
        while events:
            now, _, what, number, spent = heapq.heappop(events)
            if what == "came":
                came = number
                self.window.came(now)
            elif what == "painted":
                on_their_way -= 1
                self.painted.append(number)
                self.window.painted(number, spent, now)
            if came == sent:
                continue
            wait = self.window.wait(now)
            if wait is None:
                continue
            if wait > 0:
                heapq.heappush(events, (now + wait, came, "due", came, 0.0))
                continue
            sent, size = came, self.window.most_bytes(FRAME) or FRAME
            self.window.sent(sent, size, now)
            on_their_way += 1
            self.most = max(self.most, on_their_way)
            self.sizes.append(size)
            begun = max(now, free)
            free = begun + size / self.rate
            there = free + self.way + PAINTING + self.decoding * size / FRAME
            if now < self.asleep_from:
                self.lags.append(there - sent * self.interval)
                at_once = (self.busy and sent % 4) or size <= self.piece
                spent = 0.0 if at_once else size / self.rate
                heapq.heappush(events, (there + self.way, sent, "painted", sent, spent))
        return self

    @property
    def lag(self) -> float:
        """Return the median lag in seconds."""
        return sorted(self.lags)[len(self.lags) // 2]


@pytest.mark.parametrize(
    ("rate", "way", "least", "lag"),
    [
        (1e9, 0.0, 100, 0.02),
        (1e9, 0.075, 98, 0.115),
        (400_000, 0.0, 80, 0.25),
        (100_000, 0.0, 40, 0.4),
        (400_000, 0.1, 75, 0.35),
    ],
)
def test_a_link_gets_as_many_previews_as_it_can_carry(
    rate: float, way: float, least: int, lag: float
) -> None:
    """A link with a long delay gets nearly every preview, and a narrow link gets many. All arrive
    fresh, and the last preview always arrives."""
    link = Link(rate, way).run()
    assert len(link.painted) >= least
    assert link.lag <= lag
    assert link.painted[-1] == FRAMES


@pytest.mark.parametrize("rate", [400_000, 100_000])
def test_a_busy_browser_does_not_make_a_link_look_fast(rate: float) -> None:
    """If a browser reads the number and the bytes at the same moment, they say nothing about the
    link."""
    link = Link(rate, 0.0, busy=True).run()
    assert link.lag <= 0.4
    assert len(link.painted) >= 40


def test_small_frames_in_one_piece_do_not_make_a_link_look_fast() -> None:
    """A large frame before them, which takes longer to paint, makes no difference."""
    link = Link(100_000, 0.0, piece=16_000, decoding=0.2).run()
    assert max(link.sizes[1:]) <= FRAME / 2
    assert link.lag <= 0.4


def test_a_link_that_became_fast_is_found_out() -> None:
    """Each small frame that arrives immediately doubles the estimated rate."""
    window, now = PreviewWindow(), 0.0
    for number in range(1, 21):
        now += INTERVAL
        window.came(now)
        size = window.most_bytes(FRAME) or FRAME
        window.sent(number, size, now)
        way = 0.67 if number == 1 else 0.0
        window.painted(number, way, now := now + way)
    assert window.most_bytes(FRAME) is None


def test_a_fast_link_gets_unchanged_previews() -> None:
    """The app doesn't shrink previews that the link can carry, no matter how long the delay is."""
    assert set(Link(1e9, 0.0).run().sizes) == {FRAME}
    assert set(Link(3e6, 0.2).run().sizes) == {FRAME}
    assert min(Link(400_000, 0.0).run().sizes) < FRAME


def test_slow_samplers_get_unchanged_previews() -> None:
    """A narrow link can carry an unchanged preview every two seconds."""
    assert set(Link(100_000, 0.0, frames=10, interval=2.0).run().sizes) == {FRAME}


def test_the_number_of_previews_in_flight_fits_the_link() -> None:
    """One or two previews are in flight on a short or narrow link, and several on a long, fast
    link."""
    assert Link(1e9, 0.01).run().most == 1
    assert Link(60_000, 0.0).run().most <= 2
    assert 3 <= Link(1e9, 0.2).run().most <= 6


def test_a_long_link_delays_only_the_second_preview() -> None:
    """The first one's response tells the link's rate; the others don't wait for theirs."""
    lags = Link(1e9, 0.075, frames=30, decoding=0.03).run().lags
    assert [lag > 0.13 for lag in lags] == [number == 1 for number in range(30)]


def test_a_silent_browser_gets_only_a_few_previews() -> None:
    """The app sends a page that went to sleep, or whose link is dead, only the previews that were
    due."""
    assert len(Link(1e9, 0.01, asleep_from=2.0).run().sizes) - 20 <= 8


@given(st.floats(1e3, 1e9), st.floats(0, 2), st.floats(0.005, 3), st.integers(1, 60))
def test_any_link_gets_the_newest_and_the_last_preview(
    rate: float, way: float, interval: float, frames: int
) -> None:
    """Previews arrive in order, without duplicates, and the last one arrives at the end. At most
    eight are in flight at a time."""
    link = Link(rate, way, frames, interval).run()
    assert link.painted == sorted(set(link.painted))
    assert link.painted[-1] == frames
    assert link.most <= 8


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1e4), st.floats(0, 1)), max_size=40))
def test_invalid_reports_from_a_browser_do_no_harm(words: list[tuple[int, float, float]]) -> None:
    """The window handles numbers that the app never sent and impossible times."""
    window, now = PreviewWindow(), 0.0
    for number, spent, later in words:
        now += later
        window.came(now)
        if window.wait(now) == 0:
            window.sent(number, FRAME, now)
        window.painted(number, spent, now)
        assert (window.wait(now) or 0) >= 0
        assert (window.most_bytes(FRAME) or FRAME) >= 0
