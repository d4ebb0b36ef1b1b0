"""Entrance to the cluster's queue: the limits, and the place of a new run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from comfy.base.errors import RunGoesOn
from comfy.base.messages import message
from comfy.cluster.line import Decision
from comfy.cluster.rows import (
    LiveRow,
    add_live,
    place_live,
    read_live,
    read_queue,
    write_turns,
)
from comfy.cluster.tables import live as _live
from comfy.cluster.tables import lock
from comfy.cluster.watching import start_grace
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.records.tables import as_comfy_errors, digest, share_of
from comfy.records.tables import runs as _runs
from comfy.runs.interface import Origin, RunPolicy
from comfy.runs.limits import Person, RunLimits
from comfy.runs.line.order import Turns, newly_joined


class Entrance:
    """Limits that count over all processes, and places of new runs."""

    def __init__(self, history: RunStore, limits: RunLimits) -> None:
        self._database, self._starts = history.engine, history.state.starts
        self._paid_runs = history.state.paid_runs
        self._files, self._limits = history.files, limits

    def check(self, origin: Origin) -> None:
        """Raise TooManyRuns if `enqueue` would refuse another run, and NotWritten if the shared
        folder couldn't store its results."""
        self._files.check_writable()
        owner, turn = _person(origin)
        with as_comfy_errors(), self._database.connect() as connection:
            unfinished = [(row.owner, row.turn) for row in read_live(connection).values()]
        self._limits.check_unfinished(owner, turn, unfinished)
        self._limits.check_hourly(self._starts.recent(origin.start))

    def enqueue(
        self,
        connection: Connection,
        record: Record,
        origin: Origin,
        policy: RunPolicy,
        choose: Callable[[Mapping[str, LiveRow], Turns], Decision],
    ) -> Sequence[LiveRow]:
        """Add a run to the queue and write what `choose` decides then; hold the cluster's lock
        until the transaction ends. Return the runs that this process has to execute. Raises
        TooManyRuns at a limit, and RunGoesOn for an unfinished run."""
        lock(connection)
        rows, turns = read_queue(connection)
        run_id = record.id
        if run_id in rows:
            raise still_active()
        owner, turn = _person(origin)
        unfinished = [(row.owner, row.turn) for row in rows.values()]
        self._limits.check_unfinished(owner, turn, unfinished)
        self._starts.count_in(connection, origin.start, self._limits.check_hourly)
        self._paid_runs.count_in(connection, record, self._limits.check_paid)
        deadline = None if policy.deadline is None else time.time() + policy.deadline
        watched = policy.watched and not record.keeps_going
        row, after = _joined(rows, turns, run_id, (owner, turn))
        row = replace(row, watched=watched, deadline=deadline)
        decision = choose({**rows, run_id: row}, after)
        add_live(connection, decision.changed.get(run_id, row))
        others = (one for one in decision.changed.values() if one.run != run_id)
        place_live(connection, others)
        if watched:
            start_grace(connection, run_id)
        write_turns(connection, turns, decision.turns)
        return decision.begun

    def adopt(self) -> None:
        """Queue the unfinished runs without a place, which the app had before it was a cluster."""
        columns = (_runs.c[name] for name in ("id", "owner", "share"))
        unplaced = _runs.c.ended_at.is_(None) & _runs.c.id.not_in(select(_live.c.run))
        which = select(*columns).where(unplaced).order_by(_runs.c.submitted_at, _runs.c.id)
        with as_comfy_errors(), self._database.begin() as connection:
            lock(connection)
            rows, before = read_queue(connection)
            turns = before
            for run_id, owner, share in connection.execute(which):
                rows[run_id], turns = _joined(rows, turns, run_id, (owner, share))
                add_live(connection, rows[run_id])
            write_turns(connection, before, turns)


def _joined(
    rows: Mapping[str, LiveRow], turns: Turns, run_id: str, person: Person
) -> tuple[LiveRow, Turns]:
    """Return the row of a new run, and the turns with it."""
    owner, turn = person
    waiting_rows = [row.waiting_row for row in rows.values() if row.waits]
    key = (turn, "" if turn else owner)
    place, after = newly_joined(waiting_rows, turns, run_id, owner, key)
    return LiveRow(run_id, owner, turn, place.position), after


def _person(origin: Origin) -> Person:
    """Return the digests of the owner, and of the address that owners share."""
    return digest(origin.owner), share_of(origin.address)


def still_active() -> RunGoesOn:
    """Return the error for an id that an unfinished run has."""
    return RunGoesOn(message("This run isn't finished yet."), message("Wait for it to finish."))
