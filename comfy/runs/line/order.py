"""The order in which owners take turns, as pure functions of rows.

`FairQueue` keeps the rows in memory, and a database can keep them too. Each function returns the
few rows and numbers that change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from operator import attrgetter
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")

_POSITION, _RANK = attrgetter("position"), attrgetter("rank")

# The address whose turns its owners share, and ""; or "", and an owner with turns of their own.
TurnKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A run that no server has yet. `position` sorts the runs of one owner and turn key. `rank`:
    below 0 if an administrator moved the run before all others, above 0 if behind them."""

    run: str
    owner: str
    turn_key: TurnKey
    position: float = 0.0
    rank: float = 0.0

    @property
    def owner_key(self) -> tuple[str, ...]:
        """Return the owner's key in `Turns.seq`."""
        return (*self.turn_key, self.owner)


@dataclass(frozen=True, slots=True)
class Turns:
    """Numbers that sort the turn keys, and the owners at each; the lowest is next.

    `seq`: the number of the last turn, or of the arrival, by turn key (2 texts) and by turn key and
    owner (3 texts). Keys without a waiting run may have old numbers. `last`: the key of the owner
    with the last turn.
    """

    seq: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    last: tuple[str, ...] = ("", "", "")


@dataclass(frozen=True, slots=True)
class HandOver(Generic[S]):
    """The next run, its server, and the turns afterwards. The run's row is to be removed."""

    run: str
    server: S
    turns: Turns


def waiting_order(rows: Iterable[WaitingRow], turns: Turns) -> list[str]:
    """Return the ids of the waiting runs in their future order, if no run arrives or leaves.

    Turn keys take turns, and so do the owners at each. Ranks count more than turns.
    """
    return [row.run for row in _ordered(rows, turns)]


def _ordered(rows: Iterable[WaitingRow], turns: Turns) -> list[WaitingRow]:
    lines: dict[TurnKey, dict[str, list[WaitingRow]]] = {}
    for row in rows:
        lines.setdefault(row.turn_key, {}).setdefault(row.owner, []).append(row)
    seq = turns.seq
    fair: list[list[WaitingRow]] = []
    for key in sorted(lines, key=lambda key: seq.get(key, 0)):
        owners = sorted(lines[key], key=lambda owner: seq.get((*key, owner), 0))
        fair.append(_in_turn([sorted(lines[key][one], key=_POSITION) for one in owners]))
    return sorted(_in_turn(fair), key=_RANK)


def _in_turn(lines: Sequence[list[T]]) -> list[T]:
    """Return the first items of all lines, then the second items, and so on."""
    if len(lines) == 1:
        return lines[0]
    items: list[T] = []
    for place in count():
        lines = [line for line in lines if place < len(line)]
        if not lines:
            break
        items += [line[place] for line in lines]
    return items


def hand_over(
    rows: Iterable[WaitingRow],
    turns: Turns,
    servers: Mapping[S, int],
    candidates: Callable[[str], Sequence[S]],
) -> HandOver[S] | None:
    """Return the next run that a server can take now; None if there isn't one.

    `servers`: those with room, and the number of runs that each has. `candidates` returns the
    servers that a run may use, best first. The run gets the one with the fewest runs, the best of
    several.
    """
    if not servers:
        return None
    for row in _ordered(rows, turns):
        able = (server for server in candidates(row.run) if server in servers)
        server = min(able, key=servers.__getitem__, default=None)
        if server is not None:
            after = replace(_at_the_end(turns, row.owner_key, row.turn_key), last=row.owner_key)
            return HandOver(row.run, server, after)
    return None


def newly_joined(
    rows: Iterable[WaitingRow], turns: Turns, run: str, owner: str, turn_key: TurnKey
) -> tuple[WaitingRow, Turns]:
    """Return the row of a new run, behind its owner's other runs, and the turns with it.

    An owner or turn key without a waiting run is behind all others except the last served.
    """
    beside = [row for row in rows if row.turn_key == turn_key]
    own = [row.position for row in beside if row.owner == owner]
    row = WaitingRow(run, owner, turn_key, max(own, default=0.0) + 1)
    *last_key, last_owner = turns.last
    arriving: list[tuple[str, ...]] = []
    if not beside:
        arriving += turn_key, tuple(last_key)
    if not own:
        arriving += row.owner_key, (*turn_key, last_owner)
    new = (turn_key, row.owner_key)
    return row, _at_the_end(turns, *(key for key in arriving if key in turns.seq or key in new))


def given_back(
    rows: Iterable[WaitingRow], turns: Turns, run: str, owner: str, turn_key: TurnKey
) -> tuple[WaitingRow, Turns]:
    """Return the row of a run that a server gave back, before its owner's other runs, and the turns
    in which the owner is next."""
    own = (row.position for row in rows if (row.turn_key, row.owner) == (turn_key, owner))
    row = WaitingRow(run, owner, turn_key, min(own, default=0.0) - 1)
    front = min(turns.seq.values(), default=0) - 1
    return row, replace(turns, seq={**turns.seq, turn_key: front, row.owner_key: front})


def moved(rows: Iterable[WaitingRow], run: str, place: int) -> tuple[WaitingRow, ...]:
    """Return the changed rows after a run has moved to index `place` among its owner's runs: its
    own row, or all rows of the owner if there is no number left between two. () without the run."""
    rows = list(rows)
    row = next((row for row in rows if row.run == run), None)
    if row is None:
        return ()
    others = sorted(
        (one for one in rows if one.owner_key == row.owner_key and one is not row),
        key=_POSITION,
    )
    place = min(max(0, place), len(others))
    before, after = others[:place], others[place:]
    match before[-1:], after[:1]:
        case [], []:
            return ()
        case [], [follower]:
            position = follower.position - 1
        case [leader], []:
            position = leader.position + 1
        case [leader], [follower]:
            position = (leader.position + follower.position) / 2
            if not leader.position < position < follower.position:
                own = enumerate([*before, row, *after])
                return tuple(replace(one, position=float(number)) for number, one in own)
    return (replace(row, position=position),)


def moved_to_end(rows: Iterable[WaitingRow], run: str, *, first: bool) -> tuple[WaitingRow, ...]:
    """Return the changed row of a run that an administrator has moved before or behind all others;
    () without the run."""
    rows = list(rows)
    ranks = [row.rank for row in rows]
    rank = min(0.0, *ranks, 0.0) - 1 if first else max(0.0, *ranks, 0.0) + 1
    return tuple(replace(row, rank=rank) for row in rows if row.run == run)


def pruned(rows: Iterable[WaitingRow], turns: Turns) -> Turns:
    """Return the turns without the numbers of keys that have no waiting run."""
    used = {key for row in rows for key in (row.turn_key, row.owner_key)}
    return replace(turns, seq={key: number for key, number in turns.seq.items() if key in used})


def _at_the_end(turns: Turns, *keys: tuple[str, ...]) -> Turns:
    """Return the turns with these keys behind all others, in this order."""
    if not keys:
        return turns
    numbers = count(max(turns.seq.values(), default=0) + 1)
    return replace(turns, seq={**turns.seq, **dict(zip(keys, numbers, strict=False))})
