"""Unfinished runs in the database. A function with a `connection` runs statements in the caller's
transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import RunError
from comfy.records.tables import reading
from comfy.runs.line.order import Turns, WaitingRow, given_back
from comfyforms.plugins.cluster.tables import live as _live
from comfyforms.plugins.cluster.tables import turns as _turns

IF_WAITING = json.dumps("if waiting")  # in place of the reason to stop a run

# Prepared, because building a statement takes longer than running it.
_COLUMNS = tuple(_live.c)
_READ, _READ_STATES = select(*_COLUMNS[:-1]), select(*_COLUMNS)
_ADD = insert(_live)
_PLACED = ("server", "accepted", "over", "process", "taken", "number")
_PLACE = (
    update(_live)
    .where(_live.c.run == bindparam("this"))
    .values({name: bindparam(name) for name in _PLACED})
)
_READ_TURNS = select(*_turns.c)
_put_turn = upsert(_turns)
_PUT_TURN = _put_turn.on_conflict_do_update(
    index_elements=["key"],
    set_={"seq": _put_turn.excluded.seq, "last": _put_turn.excluded.last},
)


class NotOurs(ComfyError):
    """Error for a run that another process has taken over, or that has ended."""

    def __init__(self) -> None:
        super().__init__("Another process has taken over this run.")


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A row of the table `live`."""

    run: str
    owner: str
    turn: str
    position: float
    rank: float = 0.0
    attempt: int = 1
    taken: int = 0
    process: str | None = None
    server: str | None = None
    accepted: bool = False
    over: bool = False
    cancel: str | None = None
    watched: bool = False
    deadline: float | None = None
    number: int = 0
    state: bytes | None = None

    @property
    def waits(self) -> bool:
        return self.server is None

    @property
    def is_idle(self) -> bool:
        """Return whether no process executes the run and no server has it."""
        return self.process is None and self.server is None

    @property
    def waiting_row(self) -> WaitingRow:
        """Return the row that sorts the run among the others that wait."""
        key = (self.turn, "" if self.turn else self.owner)
        return WaitingRow(self.run, self.owner, key, self.position, self.rank)


LiveQueue = tuple[dict[str, LiveRow], Turns]


@dataclass(frozen=True, slots=True)
class Fence:
    """Right to write about a run, until another process takes it over."""

    run: str
    taken: int

    @property
    def condition(self) -> ColumnElement[bool]:
        """Return the condition that no other process has taken over the run. It keeps others from
        it until the transaction ends."""
        mine = select(_live.c.run).where(*self._mine).with_for_update()
        return mine.scalar_subquery().is_not(None)

    def end(self, connection: Connection) -> None:
        """Delete the run's row. Raises NotOurs if another process has taken over the run."""
        if not connection.execute(delete(_live).where(*self._mine)).rowcount:
            raise NotOurs

    def update(self, connection: Connection, **values: object) -> bool:
        """Change columns; return whether the run is still ours."""
        return bool(connection.execute(update(_live).where(*self._mine).values(values)).rowcount)

    @property
    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return (_live.c.run == self.run, _live.c.taken == self.taken)


def read_live(connection: Connection, *, states: bool = False) -> dict[str, LiveRow]:
    """Return all unfinished runs by id, with their `states` if requested."""
    rows = connection.execute(_READ_STATES if states else _READ)
    return {row.run: LiveRow(*row) for row in rows}


def read_queue(connection: Connection) -> LiveQueue:
    """Return all unfinished runs by id, and the turns."""
    return read_live(connection), read_turns(connection)


def read_turns(connection: Connection) -> Turns:
    seq: dict[tuple[str, ...], int] = {}
    last: tuple[str, ...] = ("", "", "")
    for key, number, is_last in connection.execute(_READ_TURNS):
        seq[tuple(json.loads(key))] = number
        last = tuple(json.loads(key)) if is_last else last
    return Turns(seq, last)


def write_turns(connection: Connection, before: Turns, after: Turns) -> None:
    """Write the numbers that have changed."""
    changed = {
        key: number
        for key, number in after.seq.items()
        if before.seq.get(key) != number or (key == after.last) != (key == before.last)
    }
    if before.last != after.last and before.last in after.seq:
        changed[before.last] = after.seq[before.last]
    if gone := [json.dumps(key) for key in before.seq.keys() - after.seq.keys()]:
        connection.execute(delete(_turns).where(_turns.c.key.in_(gone)))
    if changed:
        rows = [
            {"key": json.dumps(key), "seq": number, "last": key == after.last}
            for key, number in changed.items()
        ]
        connection.execute(_PUT_TURN, rows)


def add_live(connection: Connection, row: LiveRow) -> None:
    connection.execute(_ADD, {name: getattr(row, name) for name in LiveRow.__slots__})


def place_live(connection: Connection, rows: Iterable[LiveRow]) -> None:
    """Write which servers and processes these runs have got."""
    values = [{name: getattr(row, name) for name in _PLACED} | {"this": row.run} for row in rows]
    if values:
        connection.execute(_PLACE, values)


def _change_live(connection: Connection, run: str, **values: object) -> None:
    """Change columns of a run that any process executes."""
    connection.execute(update(_live).where(_live.c.run == run).values(values))


def request_stop(connection: Connection, run: str, reason: RunError | None) -> None:
    """Have a run stopped by the process that executes it. `reason`: for users."""
    words = json.dumps(None if reason is None else [reason.message, reason.hint])
    _change_live(connection, run, cancel=words)


def stop_reason(row: LiveRow) -> RunError | None:
    """Return the reason to stop a run, for users; None without one."""
    words = json.loads(row.cancel or "null")
    return RunError(*words) if isinstance(words, list) else None


def cancel_waiting(connection: Connection, run: str) -> None:
    """Have a run stopped unless it begins before its process hears of it."""
    waits = (_live.c.run == run, ~_live.c.accepted, _live.c.cancel.is_(None))
    connection.execute(update(_live).where(*waits).values(cancel=IF_WAITING))


def keep_begun(connection: Connection, run: str) -> None:
    """Undo `cancel_waiting` for a run that has begun."""
    which = (_live.c.run == run, _live.c.cancel == IF_WAITING)
    connection.execute(update(_live).where(*which).values(cancel=None))


def end_waiting(connection: Connection, run: str) -> None:
    """Delete the row of a run that no process executes and no server has. Raises NotOurs
    otherwise."""
    idle = (_live.c.run == run, _live.c.process.is_(None), _live.c.server.is_(None))
    if not connection.execute(delete(_live).where(*idle)).rowcount:
        raise NotOurs


def move_waiting(
    connection: Connection, move: Callable[[Iterable[WaitingRow]], Iterable[WaitingRow]]
) -> None:
    """Change places: `move` gets the runs that wait, and returns those that change."""
    rows = [row.waiting_row for row in read_live(connection).values() if row.waits]
    for row in move(rows):
        _change_live(connection, row.run, position=row.position, rank=row.rank)


def claim(connection: Connection, run: str, attempt: int, life: str) -> LiveRow | None:
    """Make this process the one that executes an attempt; None if the run has ended or was handed
    over since."""
    mine = (_live.c.run == run, _live.c.attempt == attempt)
    changed = (
        update(_live)
        .where(*mine)
        .values(process=life, taken=_live.c.taken + 1, number=0)
        .returning(*_COLUMNS)
    )
    row = connection.execute(changed).first()
    return None if row is None else LiveRow(*row)


def give_back(connection: Connection, fence: Fence) -> None:
    """Put a run back at the front of the queue. The transaction holds the cluster's lock."""
    rows, turns = read_queue(connection)
    row = rows.get(fence.run)
    if row is None or row.taken != fence.taken:
        return
    waiting_rows = [one.waiting_row for one in rows.values() if one.waits]
    place = row.waiting_row
    place, after = given_back(waiting_rows, turns, row.run, place.owner, place.turn_key)
    values = {"server": None, "accepted": False, "over": False, "position": place.position}
    fence.update(connection, **values)
    write_turns(connection, turns, after)


def release_all(connection: Connection, life: str) -> None:
    """Hand over the runs that a process executes."""
    mine = update(_live).where(_live.c.process == life)
    connection.execute(mine.values(process=None, attempt=_live.c.attempt + 1))


def release_attempts(connection: Connection, attempts: Iterable[tuple[str, int]]) -> None:
    """Hand over these attempts, which no process executes."""
    for run, attempt in attempts:
        which = update(_live).where(_live.c.run == run, _live.c.attempt == attempt)
        connection.execute(which.values(process=None, attempt=attempt + 1))


def write_states(database: Engine, states: Mapping[Fence, tuple[int, bytes]]) -> Sequence[Fence]:
    """Write the states of runs; return those that aren't ours anymore. One transaction each: if it
    locked several rows, it and a change of the queue could wait for each other."""
    with reading(database) as connection:
        at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
        return [
            fence
            for fence, (number, state) in states.items()
            if not fence.update(at_once, number=number, state=state)
        ]
