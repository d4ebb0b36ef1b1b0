"""Thread that starts servers while runs wait, and stops idle ones.

Every process knows all started servers from the database. One process decides, the one that cleans
up; it also runs the commands.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from comfy.base.errors import ComfyError
from comfy.base.threads import start_thread
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.runs.interface import RunRegistry
from comfy.scaling.decision import ScaledServer, ScaleMemory, decide, remembered
from comfy.scaling.scale import Pace, Scale
from comfy.scaling.store import CommandName, CommandProblem, ScaleStore, ServerRow
from comfy.scaling.work import ServerWork

log = logging.getLogger(__name__)

_FIRST_NUMBER = 1000  # after the fixed servers
_LONGEST_JOIN = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class ScaleStatus:
    """State of a scale: its servers, and the failures of its commands that haven't succeeded since.
    `is_known`: the settings still have it."""

    name: str
    most: int
    servers: tuple[ServerRow, ...]
    problems: tuple[tuple[CommandName, CommandProblem], ...]
    is_known: bool = True


class Scaler:
    """Elastic servers of this process."""

    def __init__(
        self,
        scales: Sequence[Scale],
        store: ScaleStore,
        pool: ServerPool,
        runs: RunRegistry,
        *,
        shown: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """`shown`: users may see the servers' addresses."""
        self._scales = {one.name: one for one in scales}
        self._store, self._pool, self._runs = store, pool, runs
        self._shown, self._pace = shown, pace or Pace()
        self._servers: dict[str, ComfyServer] = {}
        self._adding: dict[str, threading.Thread] = {}
        self._memory = ScaleMemory()
        self._closing = threading.Event()
        self._work = ServerWork(store, pool, self._pace, self._closing)
        self._thread = threading.Thread(target=self._run, name="scaler", daemon=True)

    def __enter__(self) -> Scaler:
        """Add the servers that were started before, and start the thread. Raises ComfyError."""
        rows = self._store.rows()
        for row in rows:
            if row.url is not None and row.state != "starting" and row.scale in self._scales:
                self._add(row, self._scales[row.scale], row.url)
            if row.scale not in self._scales:
                log.warning("%s is left over: [[scale]] %s is gone.", row.url or row.id, row.scale)
        start_thread(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread and the commands that start servers. Started servers stay up."""
        self._closing.set()
        self._thread.join(_LONGEST_JOIN)  # it may wait for a server
        for thread in self._adding.values():
            thread.join(_LONGEST_JOIN)
        self._work.join(_LONGEST_JOIN)
        self._log_left()
        for server in tuple(self._servers.values()):
            self._pool.remove(server)
            server.client.close()

    def _log_left(self) -> None:
        try:
            left = [row.url or row.id for row in self._store.rows()]
        except ComfyError as problem:
            log.warning("Servers of [[scale]] may still run: %s", problem)
            return
        if left:
            log.warning(
                "Servers of [[scale]] still run; the next start uses or stops them: %s.",
                ", ".join(left),
            )

    def statuses(self) -> tuple[ScaleStatus, ...]:
        """Return the state of all scales. Raises ComfyError if the database can't be used."""
        rows, problems = self._store.rows(), self._store.problems()
        known = tuple(self._scales)
        names = dict.fromkeys((*known, *(row.scale for row in rows)))
        return tuple(
            ScaleStatus(
                name,
                self._scales[name].most if name in self._scales else 0,
                tuple(row for row in rows if row.scale == name),
                tuple((one, why) for (scale, one), why in problems.items() if scale == name),
                name in self._scales,
            )
            for name in names
        )

    def _run(self) -> None:
        while not self._closing.wait(self._pace.look):
            try:
                self._look()
            except ComfyError as problem:
                log.warning("Servers can't be started or stopped at the moment: %s", problem)
            except Exception:
                log.exception("Elastic servers failed with an internal error")

    def _look(self) -> None:
        self._follow(self._rows())
        self._work.renew()
        if self._runs.is_keeper:
            self._decide(self._rows())

    def _rows(self) -> Sequence[ServerRow]:
        return [row for row in self._store.rows() if row.scale in self._scales]

    def _follow(self, rows: Sequence[ServerRow]) -> None:
        """Add and remove servers as the rows say."""
        self._adding = {key: thread for key, thread in self._adding.items() if thread.is_alive()}
        for row in rows:
            server = self._servers.get(row.id)
            if server is None and row.state == "up" and row.url is not None:
                if row.id not in self._adding:  # a slow server delays nothing else
                    about = row, self._scales[row.scale], row.url
                    thread = threading.Thread(target=self._add_answering, args=about, daemon=True)
                    start_thread(thread)
                    self._adding[row.id] = thread
            elif server is not None and row.state == "stopping":
                server.retire()
        for server_id in self._servers.keys() - {row.id for row in rows}:
            server = self._servers.pop(server_id)
            log.info("ComfyUI at %s is stopped.", server.url)
            self._pool.remove(server)
            server.client.close()

    def _add_answering(self, row: ServerRow, scale: Scale, url: str) -> None:
        """Add a server once its nodes are known, so that it gets only runs that it can do."""
        server = self._server(row, scale, url)
        try:
            server.fetch_nodes()
            self._learn_nodes()
            if self._closing.is_set():
                server.client.close()
                return
            self._pool.add(server, scale.limit)
        except ComfyError as problem:
            log.info("ComfyUI at %s can't be added yet: %s", url, problem)
            server.client.close()
            return
        log.info("ComfyUI at %s is added.", url)
        self._servers[row.id] = server

    def _learn_nodes(self) -> None:
        """Learn what the other servers can do: with a single server, nothing has asked for that."""
        for server in self._pool.servers:
            if server.nodes is None and server.up:
                try:
                    server.fetch_nodes()
                except ComfyError as problem:
                    log.info("Can't read the nodes of ComfyUI at %s yet: %s", server.url, problem)

    def _add(self, row: ServerRow, scale: Scale, url: str) -> None:
        server = self._server(row, scale, url)
        if row.state == "stopping":
            server.retire()
        self._pool.add(server, scale.limit)
        self._servers[row.id] = server

    def _server(self, row: ServerRow, scale: Scale, url: str) -> ComfyServer:
        address = replace(scale.address(url), shown=self._shown)
        return ComfyServer(Client(address), _FIRST_NUMBER + row.number, spot=scale.spot)

    def _decide(self, rows: Sequence[ServerRow]) -> None:
        unfinished = [run for run in self._runs.known() if not run.state.phase.finished]
        waiting = [] if self._pool.paused else [run.id for run in unfinished if run.waits_here]
        active = Counter(run.record.server for run in unfinished if not run.waits_here)
        servers = [self._view(row, active) for row in rows]
        now, scales = time.monotonic(), tuple(self._scales.values())
        self._memory = remembered(self._memory, scales, servers, waiting, self._pace, now)
        problems = self._store.problems()
        failing = self._failing(problems, "up")
        decision = decide(self._memory, scales, servers, failing, self._pace, now)
        for name, number in decision.starts.items():
            is_trial = (name, "up") in problems  # after a failure, one server at a time
            self._start(self._scales[name], 1 if is_trial else number, rows)
        for server_id in decision.stops:
            self._store.change(server_id, "up", "stopping")
        for row in rows:
            self._continue(row, active[row.url or ""], self._failing(problems, "down"))

    def _view(self, row: ServerRow, active: Counter[str]) -> ScaledServer:
        server = self._servers.get(row.id)
        return ScaledServer(
            row.id,
            row.scale,
            coming=row.state == "starting",
            answers=server is None or server.up,
            runs=active[row.url or ""],
            taking=row.state != "stopping" and (server is None or server.takes_runs),
        )

    def _failing(
        self, problems: Mapping[tuple[str, CommandName], CommandProblem], command: CommandName
    ) -> frozenset[str]:
        """Return the scales whose command has failed and isn't due again."""
        now = time.time()
        return frozenset(
            scale
            for (scale, name), problem in problems.items()
            if name == command and now < problem.at + self._pace.after_failures(problem.failures)
        )

    def _start(self, scale: Scale, number: int, rows: Sequence[ServerRow]) -> None:
        used = {row.slot for row in rows if row.scale == scale.name}
        free = (slot for slot in count(1) if slot not in used)
        for slot in islice(free, number):
            server_id = self._store.begin(scale.name, slot)
            if server_id is not None:
                self._work.start(scale, server_id)

    def _continue(self, row: ServerRow, runs: int, failing: Collection[str]) -> None:
        """Stop a server that has no more runs, or whose start was interrupted. `failing`: scales
        whose `down` isn't due."""
        now, pace = time.time(), self._pace
        if row.state == "starting" and now - row.seen > pace.lease:
            log.warning("The start of server %s was interrupted.", row.id)
            self._store.change(row.id, "starting", "stopping")
        is_due = row.state == "stopping" and not runs and now - row.since > pace.settle
        if not is_due or row.scale in failing:
            return
        if self._store.lease(row.id, "stopping", pace.lease):
            self._work.stop(self._scales[row.scale], row)
