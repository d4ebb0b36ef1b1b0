"""Choose whose files and records to remove first when a quota is exceeded. Pure."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Use(NamedTuple):
    """Use of storage by a file or row of an item, which is removed as a whole.

    `item`: the item's id. `owner`: its user. `removable`: whether it may be removed now. `digest`:
    identifies the file or row. `size`: its bytes. `share`: the address whose users count together,
    or "" for a user who counts alone.
    """

    item: str
    owner: str
    removable: bool
    digest: str
    size: float
    share: str = ""


@dataclass(frozen=True, slots=True)
class _Holders:
    """Heap of shares or users by the bytes that they hold, which only decrease."""

    held: Mapping[object, float]
    heap: list[tuple[float, int, object]] = field(default_factory=list)

    def add(self, holder: object) -> None:
        self.heap.append((float("-inf"), len(self.heap), holder))

    def largest(self) -> object:
        """Return the largest holder; the first one if several are equal."""
        while True:
            priority, order, holder = self.heap[0]
            if priority == -self.held[holder]:
                return holder
            heapq.heapreplace(self.heap, (-self.held[holder], order, holder))

    def drop(self) -> bool:
        """Drop the largest holder. Return whether any are left."""
        heapq.heappop(self.heap)
        return bool(self.heap)


def to_remove(uses: Iterable[Use], most: float) -> list[str]:
    """Return the items to remove so that all files and rows have at most `most` bytes. `uses` has
    the oldest items first.

    The first item to go is the oldest one of the largest user at the largest address. So an address
    can't push out the results of others, however many users it pretends to be. A file of several
    items counts once in total, and once for each of its users and addresses.
    """
    items: defaultdict[tuple[str, str], deque[str]] = defaultdict(deque)
    files: defaultdict[str, list[Use]] = defaultdict(list)
    users: Counter[object] = Counter()  # uses of a file: in total, and by holder
    held: defaultdict[object, float] = defaultdict(float)
    sizes: dict[str, float] = {}
    for use in uses:
        if use.removable and use.item not in files:
            items[_share_of(use), use.owner].append(use.item)
        files[use.item].append(use)
        size = sizes.setdefault(use.digest, use.size)
        users[use.digest] += 1
        for holder in _holders_of(use):
            held[holder] += 0 if users[holder, use.digest] else size
            users[holder, use.digest] += 1
    total = sum(sizes.values())
    removed: list[str] = []
    if total <= most:
        return removed
    shares, people = _Holders(held), defaultdict[str, _Holders](lambda: _Holders(held))
    for share, owner in items:
        if share not in people:
            shares.add(share)
        people[share].add((share, owner))
    while total > most and shares.heap:
        share = str(shares.largest())
        person = people[share].largest()
        own = items[person]  # type: ignore[index]  # a key of `items`
        removed.append(item := own.popleft())
        if not own and not people[share].drop():
            shares.drop()
        for use in files[item]:
            users[use.digest] -= 1
            total -= 0 if users[use.digest] else sizes[use.digest]
            for holder in _holders_of(use):
                users[holder, use.digest] -= 1
                held[holder] -= 0 if users[holder, use.digest] else sizes[use.digest]
    return removed


def _share_of(use: Use) -> str:
    return use.share or use.owner


def _holders_of(use: Use) -> tuple[object, object]:
    share = _share_of(use)
    return share, (share, use.owner)


def level_of(held: Iterable[float], most: float) -> float:
    """Return how much each holder may keep so that all together have `most`: those with less keep
    all of theirs."""
    left, rest = most, sorted(held)
    for at, size in enumerate(rest):
        share = left / (len(rest) - at)
        if size >= share:
            return share
        left -= size
    return math.inf
