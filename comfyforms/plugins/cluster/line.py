"""The queue of all processes: changes of its rows, and the decision which runs begin next.

Entrance to the cluster's queue: the limits, and the place of a new run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, select

from comfy.base.errors import ComfyError, RunGoesOn
from comfy.base.messages import message
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.records.tables import digest, reading, share_of, transaction
from comfy.records.tables import runs as _runs
from comfy.runs.interface import Origin, RunPolicy
from comfy.runs.limits import Person, RunLimits
from comfy.runs.line.order import Turns, hand_over, newly_joined, pruned
from comfyforms.plugins.cluster.rows import (
    LiveRow,
    add_live,
    place_live,
    read_live,
    read_queue,
    write_turns,
)
from comfyforms.plugins.cluster.tables import live as _live
from comfyforms.plugins.cluster.tables import lock
from comfyforms.plugins.cluster.watching import start_grace

log = logging.getLogger(__name__)
_OLD_NUMBERS = 100  # of turns, before old ones are removed
_RETRY, _LONGEST_RETRY = 0.5, 5.0  # seconds after a failure, doubled with each further one


@dataclass(frozen=True, slots=True)
class Decision:
    """Runs that get a server: `changed` has their new rows, `begun` those that this process has to
    execute. `turns`: afterwards."""

    changed: Mapping[str, LiveRow]
    begun: Sequence[LiveRow]
    turns: Turns


def no_decision(_: Mapping[str, LiveRow], turns: Turns) -> Decision:
    """Decide as a process that executes no runs."""
    return Decision({}, (), turns)


class Decider:
    """Decision which waiting runs begin, at which server. `candidates` returns the servers for a
    run, best first."""

    def __init__(
        self,
        servers: ServerPool,
        ahead: int,
        candidates: Callable[[str], Sequence[ComfyServer]],
        life: str,
    ) -> None:
        self._servers = servers
        self._ahead = ahead
        self._candidates = candidates
        self._life = life

    @property
    def room(self) -> int:
        """Return how many runs all servers get at once."""
        return sum(map(self._limit, self._servers.servers))

    def _limit(self, server: ComfyServer) -> int:
        return self._servers.limits.get(server, self._ahead)

    def decide(self, connection: Connection) -> Sequence[LiveRow]:
        """Hand waiting runs to servers with room; return those that this process has to execute.
        The transaction holds the cluster's lock."""
        rows, turns = read_queue(connection)
        decision = self.choose(rows, turns)
        place_live(connection, decision.changed.values())
        write_turns(connection, turns, decision.turns)
        return decision.begun

    def is_due(self, rows: Mapping[str, LiveRow], turns: Turns) -> bool:
        """Return whether a decision would change something. Needs no lock: a change that comes
        later is followed by another question."""
        return any(map(_is_abandoned, rows.values())) or self._next(rows, turns) is not None

    def choose(self, rows: Mapping[str, LiveRow], turns: Turns) -> Decision:
        """Return which runs get a server."""
        rows, after = dict(rows), turns
        changed = {run: self._begun(row) for run, row in rows.items() if _is_abandoned(row)}
        begun = list(changed)
        rows |= changed
        while chosen := self._next(rows, after):
            run, server, after = chosen
            row = replace(rows[run], server=server.url, accepted=False, over=False)
            if row.process is None:
                row = self._begun(row)
                begun.append(run)
            rows[run] = changed[run] = row
        if len(after.seq) > 2 * len(rows) + _OLD_NUMBERS:
            after = pruned([row.waiting_row for row in rows.values() if row.waits], after)
        return Decision(changed, [changed[run] for run in begun], after)

    def _next(
        self, rows: Mapping[str, LiveRow], turns: Turns
    ) -> tuple[str, ComfyServer, Turns] | None:
        handed = [row for row in rows.values() if row.server is not None and not row.over]
        counts = Counter(row.server for row in handed)
        expected = {row.server for row in handed if not row.accepted}
        free = {
            server: counts[server.url]
            for server in self._servers.servers
            if server.url not in expected and counts[server.url] < self._limit(server)
        }
        if not free:
            return None
        waiting = [row.waiting_row for row in rows.values() if row.waits and row.cancel is None]
        chosen = hand_over(waiting, turns, free, self._candidates)
        return None if chosen is None else (chosen.run, chosen.server, chosen.turns)

    def _begun(self, row: LiveRow) -> LiveRow:
        return replace(row, process=self._life, taken=row.taken + 1, number=0)


def _is_abandoned(row: LiveRow) -> bool:
    """Return whether a process has handed over a run that a server has."""
    return row.server is not None and row.process is None


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """Work in a transaction. `done` gets the time (`time.monotonic`) after it was committed."""

    write: Callable[[Connection], object]
    done: Callable[[float], object] | None = None


class LineThread:
    """Thread that writes changes of the queue, in order, and decides. What fails is repeated until
    it succeeds, without keeping back other changes."""

    def __init__(
        self,
        engine: Engine,
        decider: Decider | None,
        begin: Callable[[LiveRow], None],
        changed: Callable[[], None],
    ) -> None:
        """`decider`: None if this process doesn't execute runs. `begin` gets each run that this
        process executes; `changed` is called after each transaction that changed something."""
        self._engine, self._decider = engine, decider
        self._begin, self._changed = begin, changed
        self._lock = threading.Lock()
        self._steps: list[_Step] = []
        self._deciding = _Step(self._decide)
        self._begun: Sequence[LiveRow] = ()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write the pending changes and end the thread."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def change(
        self,
        change: Callable[[Connection], object],
        done: Callable[[float], object] | None = None,
        *,
        decides: bool = False,
    ) -> None:
        """Have a change written soon. Returns at once. `decides`: a server may take a run
        afterwards. `done` gets the time (`time.monotonic`) after it was committed."""
        self._add(_Step(change, done))
        if decides:
            self.decide()

    def decide(self) -> None:
        """Have a decision made soon, after the changes so far. Returns at once."""
        if self._decider is not None:
            self._add(self._deciding)

    def _add(self, step: _Step) -> None:
        with self._lock:
            self._steps = [one for one in self._steps if one is not step]
            self._steps.append(step)
        self._wake.set()

    def _run(self) -> None:
        pause = 0.0
        while True:
            self._wake.wait(pause or None)
            self._wake.clear()
            closing = self._closing.is_set()
            try:
                if self._steps:
                    self._work(apart=pause > 0)
            except Exception as error:  # noqa: BLE001 - reported below
                if not pause:
                    _report(error)
                pause = min(max(_RETRY, 2 * pause), _LONGEST_RETRY)
            else:
                if pause:
                    log.info("The queue can be changed again.")
                pause = 0.0
            if closing:
                return

    def _work(self, *, apart: bool) -> None:
        """Do all steps in one transaction, and with `apart` each in a savepoint of its own. Raises
        the error of a failed step, which is tried again the next time."""
        with self._lock:
            steps, self._steps = self._steps, []
        failed = steps
        try:
            with transaction(self._engine) as connection:
                lock(connection)
                problems = [_problem(connection, step, apart=apart) for step in steps]
            failed = [step for step, problem in zip(steps, problems, strict=True) if problem]
        finally:
            with self._lock:
                self._steps[:0] = failed
        self._tell([step for step in steps if step not in failed])
        for problem in filter(None, problems):
            raise problem

    def _decide(self, connection: Connection) -> None:
        self._begun = ()
        if self._decider is not None and not self._closing.is_set():
            self._begun = self._decider.decide(connection)

    def _tell(self, written: Sequence[_Step]) -> None:
        """Tell the others what a transaction has changed."""
        begun = self._begun if self._deciding in written else ()
        for step in written:
            if step.done is not None:
                step.done(time.monotonic())
        for row in begun:
            self._begin(row)
        if begun or any(step is not self._deciding for step in written):
            self._changed()


def _problem(connection: Connection, step: _Step, *, apart: bool) -> Exception | None:
    """Do a step. With `apart`, return its error, after which the transaction continues."""
    if not apart:
        step.write(connection)
        return None
    try:
        with connection.begin_nested():
            step.write(connection)
    except Exception as error:  # noqa: BLE001 - the caller raises it
        return error
    return None


def _report(error: Exception) -> None:
    if isinstance(error, ComfyError):
        log.warning("The queue can't be changed at the moment: %s", error)
    else:
        log.error("The queue failed with an internal error", exc_info=error)


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
        with reading(self._database) as connection:
            unfinished = [(row.owner, row.turn) for row in read_live(connection).values()]
        self._limits.check_unfinished(owner, turn, unfinished)
        self._limits.check_hourly(self._starts.recent(origin.start))

    def count_call(self, origin: Origin) -> None:
        """See `RunRegistry.count_call`."""
        for start in origin.calls:
            self._starts.count(start, self._limits.check_hourly)

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
        self._paid_runs.count_in(connection, record, self._limits.of(record.owner).check_paid)
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
        with transaction(self._database) as connection:
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
    owner, turn = person
    waiting_rows = [row.waiting_row for row in rows.values() if row.waits]
    key = (turn, "" if turn else owner)
    place, after = newly_joined(waiting_rows, turns, run_id, owner, key)
    return LiveRow(run_id, owner, turn, place.position), after


def _person(origin: Origin) -> Person:
    return digest(origin.owner), share_of(origin.address)


def still_active() -> RunGoesOn:
    """Return the error for an id that an unfinished run has."""
    return RunGoesOn(message("This run isn't finished yet."), message("Wait for it to finish."))
