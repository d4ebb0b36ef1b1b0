"""Whose results go first when they take too much room. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Use", "runs_too_many"]


class Use(NamedTuple):
    """A run has a file: whose it is, whether it is finished, the file's digest and bytes."""

    run: str
    owner: str
    finished: bool
    digest: str
    size: float


def runs_too_many(uses: Iterable[Use], most: float) -> list[str]:
    """The finished runs to forget so that all files together have at most so many bytes. ``uses``: oldest run first.

    The oldest run of whoever has most goes first, so that nobody pushes out what others made. A file of several runs
    counts once, and for each of its people.
    """
    runs: defaultdict[str, deque[str]] = defaultdict(deque)
    files: defaultdict[str, list[Use]] = defaultdict(list)
    users: Counter[str] = Counter()
    own: Counter[tuple[str, str]] = Counter()
    held: defaultdict[str, float] = defaultdict(float)
    sizes: dict[str, float] = {}
    for use in uses:
        if use.finished and use.run not in files:
            runs[use.owner].append(use.run)
        files[use.run].append(use)
        size = sizes.setdefault(use.digest, use.size)
        held[use.owner] += 0 if own[use.owner, use.digest] else size
        users[use.digest] += 1
        own[use.owner, use.digest] += 1
    total = sum(sizes.values())
    forgotten: list[str] = []
    while total > most and runs:
        owner = max(runs, key=lambda one: held[one])
        run = runs[owner].popleft()
        if not runs[owner]:
            del runs[owner]
        forgotten.append(run)
        for use in files[run]:
            users[use.digest] -= 1
            own[owner, use.digest] -= 1
            total -= 0 if users[use.digest] else sizes[use.digest]
            held[owner] -= 0 if own[owner, use.digest] else sizes[use.digest]
    return forgotten
