"""Whose files go first when they take too much room. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple


class Use(NamedTuple):
    """A file belongs to something that can be removed as a whole, a run or the file itself: its id,
    whose it is, whether it may be removed now, the file's digest and bytes."""

    item: str
    owner: str
    removable: bool
    digest: str
    size: float


def to_remove(uses: Iterable[Use], most: float) -> list[str]:
    """The items to remove so that all files together have at most so many bytes. `uses`: oldest
    item first.

    The oldest item of whoever has most goes first, so that nobody pushes out what others made or
    gave. A file of several items counts once, and for each of its people.
    """
    items: defaultdict[str, deque[str]] = defaultdict(deque)
    files: defaultdict[str, list[Use]] = defaultdict(list)
    users: Counter[str] = Counter()
    own: Counter[tuple[str, str]] = Counter()
    held: defaultdict[str, float] = defaultdict(float)
    sizes: dict[str, float] = {}
    for use in uses:
        if use.removable and use.item not in files:
            items[use.owner].append(use.item)
        files[use.item].append(use)
        size = sizes.setdefault(use.digest, use.size)
        held[use.owner] += 0 if own[use.owner, use.digest] else size
        users[use.digest] += 1
        own[use.owner, use.digest] += 1
    total = sum(sizes.values())
    removed: list[str] = []
    while total > most and items:
        owner = max(items, key=lambda one: held[one])
        item = items[owner].popleft()
        if not items[owner]:
            del items[owner]
        removed.append(item)
        for use in files[item]:
            users[use.digest] -= 1
            own[owner, use.digest] -= 1
            total -= 0 if users[use.digest] else sizes[use.digest]
            held[owner] -= 0 if own[owner, use.digest] else sizes[use.digest]
    return removed
