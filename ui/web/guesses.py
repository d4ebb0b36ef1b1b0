"""Who guesses passwords waits, longer with each wrong one; whoever is somewhere else does not."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

FORGOTTEN_AFTER = 900.0  # seconds after the last attempt
# names and addresses that are remembered; of more, those that tried longest ago are forgotten
MOST_KEYS = 10_000
MOST_LINES = 5  # addresses that one report names


@dataclass(frozen=True, slots=True)
class Patience:
    """`free` wrong passwords go without a wait; each further one doubles it, from one second to
    `longest`."""

    free: int
    longest: float

    def wait(self, wrong: int) -> float:
        """Seconds until the next attempt."""
        return (
            min(2.0 ** min(wrong - self.free - 1, 16), self.longest) if wrong > self.free else 0.0
        )


# Whole offices share an address: it has more attempts than one name has from there.
NAME = Patience(free=5, longest=60.0)
ADDRESS = Patience(free=30, longest=30.0)


@dataclass(frozen=True, slots=True)
class _Tries:
    wrong: int = 0
    last: float = 0.0


class Guesses:
    """The attempts to log in, counted by address and by name within an address. Times are of any
    clock that goes on.

    What is wrong for a name from one address says nothing about another: else anybody could lock
    out anybody.
    """

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, ...], _Tries] = OrderedDict()
        self._failed: Counter[str] = Counter()

    def attempt(self, name: str, address: str, now: float) -> float:
        """Seconds until this attempt may be made. 0 is now: it counts as a wrong one until `right`
        says otherwise."""
        keys = ((address, name), NAME), ((address,), ADDRESS)
        wait = max(self._due(key, patience, now) for key, patience in keys) - now
        self._failed[
            address if address in self._failed or len(self._failed) < MOST_KEYS else ""
        ] += 1
        if wait > 0:
            return wait
        for key, _ in keys:
            tries = self._known(key, now)
            self._tries[key] = _Tries(tries.wrong + 1, now)
            self._tries.move_to_end(key)
        while len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)
        return 0.0

    def right(self, name: str, address: str) -> None:
        """The attempt was right. Others from its address are counted on: who has one login may
        guess another's."""
        self._tries.pop((address, name), None)
        if tries := self._tries.get((address,)):
            self._tries[(address,)] = _Tries(max(0, tries.wrong - 1), tries.last)
        self._failed[address] -= 1

    def report(self) -> list[str]:
        """What has failed since the last report, in a few lines however much that was. It repeats
        nothing typed."""
        failed, self._failed = +self._failed, Counter()
        named = dict(failed.most_common(MOST_LINES))
        lines = [
            f"{many} failed logins from {address or 'unknown addresses'}."
            for address, many in named.items()
        ]
        if rest := failed.total() - sum(named.values()):
            lines.append(f"{rest} failed logins from {len(failed) - len(named)} other addresses.")
        return lines

    def _known(self, key: tuple[str, ...], now: float) -> _Tries:
        tries = self._tries.get(key, _Tries())
        return tries if now - tries.last < FORGOTTEN_AFTER else _Tries()

    def _due(self, key: tuple[str, ...], patience: Patience, now: float) -> float:
        tries = self._known(key, now)
        return tries.last + patience.wait(tries.wrong) if tries.wrong else now
