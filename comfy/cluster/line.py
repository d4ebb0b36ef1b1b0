"""The queue of all processes: changes of its rows, and the decision which runs begin next."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from comfy.base.errors import ComfyError
from comfy.cluster.rows import (
    LiveQueue,
    LiveRow,
    change_live,
    read_queue,
    write_turns,
)
from comfy.cluster.tables import lock
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.tables import as_comfy_errors
from comfy.runs.line.order import Turns, hand_over, pruned

log = logging.getLogger(__name__)

_LOOK = 2.0  # seconds until a look without a reason, for hints that got lost
_OLD_NUMBERS = 100  # of turns, before old ones are removed
_RETRY = 0.5  # seconds after a failure

_Change = Callable[[Connection], object]


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
        self._limits = dict.fromkeys(servers.servers, ahead) | dict(servers.limits)
        self._candidates = candidates
        self._life = life

    @property
    def room(self) -> int:
        """Return how many runs all servers get at once."""
        return sum(self._limits.values())

    def decide(self, connection: Connection, queue: LiveQueue | None = None) -> list[LiveRow]:
        """Hand waiting runs to servers with room; return those that this process has to execute.
        The transaction holds the cluster's lock. `queue`: as the transaction has left it; None to
        read it."""
        rows, turns = queue or read_queue(connection)
        begun = [self._begin(connection, row) for row in rows.values() if _is_abandoned(row)]
        after = turns
        while chosen := self._next(rows, after):
            run, server, after = chosen
            row = replace(rows[run], server=server.url, accepted=False, over=False)
            values = {"server": row.server, "accepted": False, "over": False}
            change_live(connection, run, **values)
            if row.process is None:
                row = self._begin(connection, row)
                begun.append(row)
            rows[run] = row
        waiting = [row.waiting_row for row in rows.values() if row.waits]
        if len(after.seq) > 2 * len(waiting) + _OLD_NUMBERS:
            after = pruned(waiting, after)
        if after != turns:
            write_turns(connection, turns, after)
        return begun

    def _next(
        self, rows: Mapping[str, LiveRow], turns: Turns
    ) -> tuple[str, ComfyServer, Turns] | None:
        handed = [row for row in rows.values() if row.server is not None and not row.over]
        counts = Counter(row.server for row in handed)
        expected = {row.server for row in handed if not row.accepted}
        free = {
            server: counts[server.url]
            for server in self._servers.servers
            if server.url not in expected and counts[server.url] < self._limits[server]
        }
        waiting = [row.waiting_row for row in rows.values() if row.waits and row.cancel is None]
        chosen = hand_over(waiting, turns, free, self._candidates)
        return None if chosen is None else (chosen.run, chosen.server, chosen.turns)

    def _begin(self, connection: Connection, row: LiveRow) -> LiveRow:
        row = replace(row, process=self._life, taken=row.taken + 1, number=0)
        change_live(connection, row.run, process=row.process, taken=row.taken, number=0)
        return row


def _is_abandoned(row: LiveRow) -> bool:
    """Return whether a process has handed over a run that a server has."""
    return row.server is not None and row.process is None


class LineThread:
    """Thread that writes changes of the queue, in order, and then decides. A failed transaction is
    repeated until it succeeds."""

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
        self._changes: list[tuple[_Change, Callable[[float], object] | None]] = []
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Write the pending changes and end the thread."""
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def change(self, change: _Change, done: Callable[[float], object] | None = None) -> None:
        """Have a change written soon. Returns at once. `done` gets the time (`time.monotonic`)
        after it was committed."""
        with self._lock:
            self._changes.append((change, done))
        self._wake.set()

    def decide(self) -> None:
        """Have a decision made soon. Returns at once."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(_LOOK)
            self._wake.clear()
            closing = self._closing.is_set()
            try:
                self._work()
            except ComfyError as problem:
                log.warning("The queue can't be changed at the moment: %s", problem)
                self._closing.wait(_RETRY)
                self._wake.set()
            except Exception:
                log.exception("The queue failed with an internal error")
            if closing:
                return

    def _work(self) -> None:
        with self._lock:
            changes, self._changes = self._changes, []
        begun: list[LiveRow] = []
        try:
            with as_comfy_errors(), self._engine.begin() as connection:
                lock(connection)
                for change, _ in changes:
                    change(connection)
                if self._decider is not None and not self._closing.is_set():
                    begun = self._decider.decide(connection)
        except Exception:
            with self._lock:
                self._changes = changes + self._changes
            raise
        for _, done in changes:
            if done is not None:
                done(time.monotonic())
        if changes or begun:
            self._changed()
        for row in begun:
            self._begin(row)
