"""Exponential back-off for wrong passwords, per user name and address, and fair turns at hashing
them. Other clients' guesses don't delay a browser on which the user has signed in before."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from comfy.base.errors import ComfyError
from comfy.base.messages import message, plural
from ui.accounts.store import GuessCounts, GuessKey, Tries
from ui.web.shares import Caller, FairSlots, Share

# remembered names and addresses; the least recently tried are forgotten first
MOST_KEYS = 10_000
MOST_LINES = 5  # names and addresses in one report
_UNKNOWN = message("unknown addresses")
# Whole offices share an address: their guesses over many names are slowed down, but never refused.
# Each wrong password holds the address's turn for so long that the time doesn't reveal which names
# exist.
PAUSE = 0.25  # seconds
_HASHING = 2  # passwords hashed at once; each takes 64 MB
SPRAYING, SPRAYING_PAUSE = 30, 0.5  # wrong passwords per address, and the pause from then on
# Attempts that wait for a turn. Each address may have a fifth of them, so five attackers leave no
# room for an unknown browser. Known browsers therefore have slots of their own.
_WAITING, _WAITING_OF_ADDRESS = 100, 20
_KNOWN_WAITING, _WAITING_OF_KNOWN = 1000, 5  # the latter per user


@dataclass(frozen=True, slots=True)
class Patience:
    """Back-off after wrong passwords: `free` of them cause no wait, and each further one doubles
    it, from one second to `longest`."""

    free: int
    longest: float

    def wait(self, wrong: int) -> float:
        """Return the seconds between the last attempt and the next one."""
        return (
            min(2.0 ** min(wrong - self.free - 1, 16), self.longest) if wrong > self.free else 0.0
        )

    def left(self, tries: Tries, now: float) -> float:
        """Return the seconds until the next attempt. Another process's clock may be ahead."""
        wait = self.wait(tries.wrong)
        return max(0.0, min(wait, tries.last + wait - now))


NAME = Patience(free=5, longest=60.0)


@dataclass(frozen=True, slots=True)
class PasswordAttempt:
    """Attempt to sign in with a password. `browser`: as from `Cookies.known_browser`; `is_user`:
    whether a user has the name. Others are never reported: they may be passwords."""

    name: str
    address: str
    browser: str = ""
    is_user: bool = False
    is_sign_in: bool = True  # others aren't reported either

    @property
    def key(self) -> GuessKey:
        """Return the key that the back-off counts by."""
        return ("known", self.browser) if self.browser else (self.address, self.name)

    @property
    def keys(self) -> tuple[GuessKey, GuessKey]:
        """Return all keys that count this attempt: its own and its address's."""
        return self.key, (self.address,)

    @property
    def reported(self) -> tuple[str, str]:
        """Return the name and the address by which failures are reported."""
        return self.name if self.is_user else "", self.address

    @property
    def lane(self) -> Caller:
        """Return the caller whose turns this attempt uses."""
        return Caller("", f"known {self.name}" if self.browser else self.address)


class FailedSignIns(NamedTuple):
    """Failed sign-ins since the last report. `name`: of the user, "" for an unknown name;
    `address`: or how many others."""

    name: str
    address: str
    number: int

    @property
    def sentence(self) -> str:
        """Return a line for the log."""
        failed = "1 failed sign-in" if self.number == 1 else f"{self.number} failed sign-ins"
        return f"{failed}{f' as {self.name}' if self.name else ''} from {self.address}."


class Guesses:
    """Failed sign-ins, counted by name within an address or by known browser. Times are in seconds
    since 1970. For the event loop.

    Wrong passwords from one address don't affect another: otherwise a stranger could lock a user
    out. Memory refuses attempts without reading the database, and counts alone while it can't be
    used.
    """

    def __init__(self, counts: GuessCounts | None = None) -> None:
        """`counts`: the wrong passwords that all processes count together."""
        self._counts = counts
        self._tries: OrderedDict[GuessKey, Tries] = OrderedDict()
        self._failed: Counter[tuple[str, str]] = Counter()

    def attempt(self, attempt: PasswordAttempt, now: float) -> float:
        """Return the seconds until this attempt may be made. At 0, it may be made now and counts as
        a wrong password until `right` is called."""
        wait = NAME.left(self._known(attempt.key, now), now)
        if wait > 0:
            self.fail(attempt)
            return wait
        for key in attempt.keys:
            self._put(key, Tries(self._known(key, now).wrong + 1, now))
        return 0.0

    def fail(self, attempt: PasswordAttempt) -> None:
        """Count an attempt for the report, once it's known to have failed."""
        reported = attempt.reported
        is_known = reported in self._failed
        if attempt.is_sign_in:
            self._failed[reported if is_known or len(self._failed) < MOST_KEYS else ("", "")] += 1

    async def wait_elsewhere(self, attempt: PasswordAttempt, now: float) -> float:
        """Return the seconds until an attempt may be made, because of wrong passwords at other
        processes or before a restart."""
        if self._counts is None:
            return 0.0
        try:
            stored = await asyncio.to_thread(self._counts.tries, attempt.keys, now)
        except ComfyError:  # logged; a right password can't begin a session now either
            return 0.0
        for key, tries in zip(attempt.keys, stored, strict=True):
            known = self._known(key, now)
            self._put(key, Tries(max(known.wrong, tries.wrong), max(known.last, tries.last)))
        wait = NAME.left(stored[0], now)
        if wait > 0:
            self.fail(attempt)
        return wait

    async def save_wrong(self, attempt: PasswordAttempt, now: float) -> None:
        """Count a wrong password for all processes, and for the report."""
        self.fail(attempt)
        if self._counts is not None:
            with contextlib.suppress(ComfyError):  # logged; memory has counted it
                await asyncio.to_thread(self._counts.add, attempt.keys, now)

    def right(self, attempt: PasswordAttempt) -> None:
        """Forget the wrong passwords for this name at this address. Wrong passwords for other names
        still count: a user with an account may guess another user's password."""
        self._tries.pop(attempt.key, None)
        if tries := self._tries.get((attempt.address,)):
            self._tries[(attempt.address,)] = Tries(max(0, tries.wrong - 1), tries.last)

    async def save_right(self, attempt: PasswordAttempt) -> None:
        """Like `right`, for all processes."""
        self.right(attempt)
        if self._counts is not None:
            with contextlib.suppress(ComfyError):  # logged
                await asyncio.to_thread(self._counts.clear, attempt.key)

    async def forget(self, now: float) -> None:
        """Delete old counts from the database."""
        if self._counts is not None:
            await asyncio.to_thread(self._counts.forget, now)

    def pause(self, attempt: PasswordAttempt, now: float) -> float:
        """Return the seconds for which a wrong password holds its turn."""
        wrong = self._known((attempt.address,), now).wrong
        return SPRAYING_PAUSE if wrong > SPRAYING else PAUSE

    def report(self) -> list[FailedSignIns]:
        """Return a few lines about the failures since the last report."""
        failed, self._failed = self._failed, Counter()
        lines = [
            FailedSignIns(name, address or _UNKNOWN, count)
            for (name, address), count in failed.most_common(MOST_LINES)
        ]
        if others := len(failed) - len(lines):
            rest = failed.total() - sum(one.number for one in lines)
            words = plural(
                "{count} other name or address", "{count} other names or addresses", count=others
            )
            lines.append(FailedSignIns("", words, rest))
        return lines

    def _known(self, key: GuessKey, now: float) -> Tries:
        return self._tries.get(key, Tries()).at(now)

    def _put(self, key: GuessKey, tries: Tries) -> None:
        self._tries[key] = tries
        self._tries.move_to_end(key)
        while len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)


@dataclass(frozen=True, slots=True)
class HashingTurns:
    """Turns at hashing passwords, for the event loop. Each address has one turn at a time, so
    another address's wait grows with the number of addresses, not of attempts. `hashing`: held
    while a password is hashed."""

    hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHING))
    _lanes: FairSlots = field(default_factory=lambda: FairSlots(sys.maxsize, 1))
    _waiting: Share = field(default_factory=lambda: Share(_WAITING, _WAITING, _WAITING_OF_ADDRESS))
    _known: Share = field(
        default_factory=lambda: Share(_KNOWN_WAITING, _KNOWN_WAITING, _WAITING_OF_KNOWN)
    )

    @contextlib.contextmanager
    def place(self, attempt: PasswordAttempt) -> Iterator[bool]:
        """Hold a place in the queue. The value is False if the queue is full."""
        room = self._known if attempt.browser else self._waiting
        with room.held(attempt.lane) as has_slot:
            yield has_slot

    @contextlib.asynccontextmanager
    async def turn(self, attempt: PasswordAttempt) -> AsyncIterator[None]:
        """Wait for the turn of a lane, and hold it during the block."""
        async with self._lanes.turn(attempt.lane):
            yield
