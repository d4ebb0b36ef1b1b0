"""Registry of the runs of all app processes: see `comfy.runs.interface.RunRegistry`."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter, itemgetter

from sqlalchemy import Connection

from comfy.base.errors import ComfyError, RunGoesOn, RunNotFound, ShuttingDown
from comfy.base.messages import message
from comfy.base.threads import Callbacks
from comfy.comfyui.protocol.run_progress import SamplingWork
from comfy.comfyui.protocol.run_state import Phase, RunError, stopped, waiting
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.records.record import Job, Record
from comfy.records.store import RunStore
from comfy.records.tables import transaction
from comfy.runs.attempt import ApiKey, RunContext, no_key
from comfy.runs.durations import Durations, RunTotals, earlier_runs
from comfy.runs.interface import DEFAULT_POLICY, FrameFollower, OnGap, Origin, RunPolicy, Timeouts
from comfy.runs.latest_state import stamped, told_if_other
from comfy.runs.limits import RunLimits
from comfy.runs.line.forecast import Forecast
from comfy.runs.line.order import Turns, moved, moved_to_end
from comfyforms.plugins.cluster.engine import Engine
from comfyforms.plugins.cluster.executor import Executor
from comfyforms.plugins.cluster.groups import ClusterGroups, release_groups
from comfyforms.plugins.cluster.line import Decider, Entrance, LineThread, no_decision, still_active
from comfyforms.plugins.cluster.messaging.states import FrameExchange, StateReceiver, StateSender
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.mirror import Mirror
from comfyforms.plugins.cluster.processes import (
    ClusterProcesses,
    Heartbeat,
    Place,
    ProcessFiles,
    leave,
)
from comfyforms.plugins.cluster.roles import SharedServers, SharedWork
from comfyforms.plugins.cluster.rows import (
    IF_WAITING,
    LiveRow,
    NotOurs,
    cancel_waiting,
    end_waiting,
    move_waiting,
    release_all,
    request_stop,
    stop_reason,
)
from comfyforms.plugins.cluster.run import LAST, ClusterRun
from comfyforms.plugins.cluster.tables import limit_silence, lock, make_cluster_tables
from comfyforms.plugins.cluster.watching import Watchers

log = logging.getLogger(__name__)

_HINTS = "queue"
_PHASE_AND_PLACE = attrgetter("phase", "queue_place")


class ClusterRegistry:
    """Runs of all processes on one database."""

    # Tests have others, as they can't wait or fill a store as long as the program does.
    timing, ahead, keep = Timeouts(), 1, 200

    def __init__(  # noqa: PLR0913 - the parts of a cluster, and options by name
        self,
        servers: ServerPool,
        history: RunStore,
        wire: Wire,
        place: Place,
        *,
        limits: RunLimits | None = None,
        grace: float = 30.0,
        keep_running: bool = True,
        retries: bool = True,
        api_key: ApiKey = no_key,
    ) -> None:
        self.history, self.files = history, history.files
        self.keep_running, self.closed = keep_running, False
        self._servers, self._wire, self._place = servers, wire, place
        self._database = history.engine
        self.processes = ClusterProcesses(history.engine, wire, place)
        self._limits = limits or RunLimits()
        self._entrance = Entrance(history, self._limits)
        self._durations = Durations(earlier := earlier_runs(history))
        servers.note_ended((one.server, one.state.prompt_id) for one in earlier)
        self._forecast = Forecast(self._durations)
        self._listeners = Callbacks[[str]]()
        self._listeners.add(self._forecast.renew)
        limit_silence(self._database)
        make_cluster_tables(self._database)
        self._mirror = self._new_mirror()
        self._decider = Decider(servers, self.ahead, self._candidates, place.life)
        deciding = self._decider if place.executes else None
        self._line = LineThread(self._database, deciding, self._begin, self._hint)
        servers.on_change(self._mirror.look)
        sender = StateSender(wire, place.life)
        self._receiver = StateReceiver(wire, place.life, self._mirror.get, self._mirror.look)
        context = partial(RunContext, servers, self.timing, api_key=api_key)
        context = partial(context, files=history.files, history=history, retries=retries)
        context = partial(context, servers_of=self._limits.servers_of)
        self._executor = Executor(
            place.life, history, context, self._mirror, sender, self._line, self._durations.of
        )
        self._frames = FrameExchange(
            wire, place.life, self._executor.frames, self._owner_of, self._mirror.look
        )
        self._groups = ClusterGroups(history, wire, place, self._mirror.poll)
        self.group_work = self._groups.work
        execute = self._executor.execute if place.executes else None
        self._engine = Engine(self._database.url, place.life, execute)
        watchers = Watchers(self._database, grace, lambda: self._mirror.unfinished)
        shared = SharedServers(self._database, servers, place.life)
        files = ProcessFiles(history.files.folder, place.setup)
        sweeps = history.sweep, self._engine.sweep, files.sweep
        self._shared_work = SharedWork(self._database, place, shared, watchers, sweeps)
        self._heartbeat = self._new_heartbeat(files)

    def _new_mirror(self) -> Mirror:
        return Mirror(
            self._database,
            self.history,
            self._servers,
            create=self._create,
            polled=self._on_polled,
            ended=self._on_ended,
            missed=lambda: self._frames.unknown,
            keep=self.keep,
        )

    def _new_heartbeat(self, files: ProcessFiles) -> Heartbeat:
        return Heartbeat(self._database, self._engine, self._place, files, self._beat, self._hint)

    def resume(self) -> None:
        """Join the cluster."""
        self._entrance.adopt()
        self._heartbeat.start()  # first, so that all see whose work the engine's is
        self._engine.launch()
        self._shared_work.start()
        self._mirror.start()
        self._line.start()
        self._groups.start()
        self._wire.listen(_HINTS, self._on_hint)
        self._wire.on_return(self._mirror.look)

    def submit(self, job: Job, origin: Origin, policy: RunPolicy = DEFAULT_POLICY) -> ClusterRun:
        prompt_id = str(uuid.uuid4())
        run_id = origin.run_id or prompt_id
        record = Record(
            run_id,
            origin.owner,
            job,
            time.time(),
            waiting(prompt_id, job.prompt, job.outputs, job.titles),
            keeps_going=policy.keeps_going or self.keep_running,
            group=origin.group,
            parents=origin.parents,
            address=origin.address,
        )
        self._check_open()
        run = self._create(record)
        if not self._mirror.add(run):
            raise still_active()
        begun: Sequence[LiveRow] = ()

        def enqueue(connection: Connection) -> None:
            """Check the limits, add the run to the queue and decide, in the transaction that
            records it."""
            nonlocal begun
            if origin.group:
                self._groups.check(connection, origin.group)
            origin.at_start(run.id, connection)
            choose = self._decider.choose if self._place.executes else no_decision
            begun = self._entrance.enqueue(connection, record, origin, policy, choose)

        try:
            self.history.begin(record, enqueue)
        except BaseException:
            self._mirror.forget(run)
            raise
        self._mirror.confirm(run)
        for row in begun:
            self._begin(row)
        self._hint()
        self._listeners.call(run.owner)
        return run

    def check_room(self, origin: Origin) -> None:
        self._check_open()
        self._entrance.check(origin)

    def count_call(self, origin: Origin) -> None:
        self._entrance.count_call(origin)

    def get(self, run_id: str, owner: str) -> ClusterRun:
        """Return a run of this owner. Raises RunNotFound if it is unknown or another owner's."""
        run = self._mirror.get(run_id)
        if run is None or run.owner != owner:
            raise RunNotFound
        return run

    def record(self, run_id: str, owner: str) -> Record:
        try:
            return self.get(run_id, owner).record
        except RunNotFound:
            record = self.history.get(run_id, owner)
            if record is None:
                raise
        if not record.state.phase.finished:
            self._mirror.poll()  # it was just started at another process
        return record

    def forget(self, run_id: str, owner: str) -> None:
        run = self._mirror.get(run_id)
        if run is not None and run.owner == owner and not run.state.phase.finished:
            raise RunGoesOn(message("This run isn't finished yet."), message("Stop it first."))
        if not self.history.delete(run_id, owner) and (run is None or run.owner != owner):
            raise RunNotFound
        if run is not None:
            self._mirror.forget(run)

    def move_results(self, owner: str, workflow: str, other: str) -> None:
        self.history.move(owner, workflow, other)
        for run in self.owned(owner):
            if run.job.workflow == workflow and run.state.phase.finished:
                self._mirror.forget(run)

    def move(self, run_id: str, owner: str, place: int) -> None:
        self.get(run_id, owner)
        self._line.change(partial(move_waiting, move=partial(moved, run=run_id, place=place)))

    def move_to_end(self, run_id: str, *, first: bool) -> None:
        if self._mirror.get(run_id) is None:
            raise RunNotFound
        move = partial(moved_to_end, run=run_id, first=first)
        self._line.change(partial(move_waiting, move=move))

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return self._listeners.add(callback)

    def follow(self, callback: FrameFollower, gap: OnGap = None) -> Callable[[], None]:
        return self._frames.follow(callback, gap)

    def known(self) -> tuple[ClusterRun, ...]:
        return self._mirror.runs

    def owned(self, owner: str) -> tuple[ClusterRun, ...]:
        return tuple(run for run in self._mirror.runs if run.owner == owner)

    def line_of(self, owner: str) -> tuple[ClusterRun, ...]:
        unfinished = [(run.turn, run) for run in self._mirror.unfinished if run.owner == owner]
        return tuple(run for _, run in sorted(unfinished, key=itemgetter(0)))

    @property
    def waiting(self) -> int:
        """Return the number of waiting runs of all owners."""
        return sum(run.state.phase is Phase.WAITING for run in self._mirror.unfinished)

    def width_for(self, needs: Needs) -> int:
        return self._servers.width_for(needs)

    @property
    def room(self) -> int:
        return self._decider.room

    @property
    def totals(self) -> RunTotals:
        return self._durations.totals

    def due_in(self) -> Mapping[str, float]:
        return self._forecast.of(lambda: self._mirror.unfinished)

    def expected_seconds(self, workflow: str, work: SamplingWork | None) -> float | None:
        return self._durations.expected(workflow, work)

    @property
    def is_keeper(self) -> bool:
        return self._shared_work.is_keeper

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """Hand over the runs that this process executes, and leave the cluster."""
        self.closed = True
        self._listeners.call("")
        self._shared_work.close()
        self._heartbeat.close()
        self._groups.close()
        self._line.close()
        self._executor.close()
        try:
            with transaction(self._database) as connection:
                lock(connection)
                release_all(connection, self._place.life)
                release_groups(connection, self._place.life)
                leave(connection, self._place.life)
        except ComfyError as problem:
            log.warning("The runs are taken over when this process is found dead: %s", problem)
        self._groups.hint()
        self._hint()
        self._mirror.close()
        self._engine.close()
        self._wire.close()

    def _beat(self) -> None:
        self._executor.write_states()
        self._frames.remind()
        if self._shared_work.beat(is_sure=self._heartbeat.is_sure):
            self._hint()

    def _check_open(self) -> None:
        if self.closed:
            raise ShuttingDown

    def _create(self, record: Record) -> ClusterRun:
        usual = partial(self._durations.of, record.job.workflow)
        run = ClusterRun(
            record,
            self._servers,
            usual,
            cancel=self._cancel,
            take_back=lambda run: self._line.change(partial(cancel_waiting, run=run.id)),
            watch=self._receiver.watch,
            ask=self._receiver.ask,
            allowed=self._limits.servers_of(record.owner),
        )
        tell = partial(self._listeners.call, run.owner)
        run.on_change(told_if_other(lambda: _PHASE_AND_PLACE(run.state), tell))
        return run

    def _owner_of(self, run_id: str) -> str | None:
        run = self._mirror.get(run_id)
        return None if run is None else run.owner

    def _candidates(self, run_id: str) -> Sequence[ComfyServer]:
        run = self._mirror.get(run_id)
        return () if run is None else self._servers.candidates(run.needs)

    def _begin(self, row: LiveRow) -> None:
        """Start a run that this process has claimed."""
        self._executor.expect(row)
        try:
            self._engine.start(row.run, row.attempt)
        except Exception:
            log.exception("Run %s can't be started; it is handed over soon", row.run)

    def _cancel(self, run: ClusterRun, reason: RunError | None) -> None:
        if run.state.phase.finished or self._executor.cancel(run.id, reason):
            return
        self._line.change(partial(request_stop, run=run.id, reason=reason))

    def _on_polled(self, rows: Mapping[str, LiveRow], turns: Turns, asked_at: float) -> None:
        self._frames.release()
        self._executor.check(rows, asked_at)
        for row in rows.values():
            if row.cancel is not None:
                self._carry_out_cancel(row)
        for run in self._mirror.unfinished:
            self._receiver.watch(run)
        if self._place.executes and self._decider.is_due(rows, turns):
            self._line.decide()

    def _carry_out_cancel(self, row: LiveRow) -> None:
        reason, run = stop_reason(row), self._mirror.get(row.run)
        held = self._executor.cancel(row.run, reason, if_waiting=row.cancel == IF_WAITING)
        if held or run is None or not row.is_idle:
            return  # the process that executes it, or takes it over, cancels its prompt
        state = stamped(stopped(run.state, reason))
        try:
            self.history.end(replace(run.record, state=state), partial(end_waiting, run=row.run))
        except NotOurs:  # it has just begun, or another process has ended it
            return
        run.receive(LAST, state)
        self._mirror.note_state(run)
        self._hint()

    def _on_ended(self, run: ClusterRun) -> None:
        self._durations.note_end(run.job, run.state, run.age)
        if run.state.phase in (Phase.DONE, Phase.FAILED):
            self._servers.note_ended([(run.record.server, run.state.prompt_id)])
        self._receiver.watch(run)
        self._listeners.call(run.owner)

    def _hint(self) -> None:
        """Tell all processes, this one included, that the queue has changed."""
        self._mirror.look()
        self._wire.publish(_HINTS, self._place.life.encode(), key=_HINTS)

    def _on_hint(self, body: bytes) -> None:
        if body != self._place.life.encode():
            self._mirror.look()
