"""The processes of a cluster: each says that it is alive, and takes over the runs of those that
aren't.

All must have the same data folder, workflow files, ComfyUI servers and settings. A file per process
in the data folder, named by its life, shows whether they do.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Engine as Database

from comfy.base.errors import ComfyError, words_of
from comfy.base.files import LOCK, TEMPORARY, write_whole
from comfy.base.json_values import parse_json
from comfy.records.started_requests import forget_interrupted
from comfy.records.tables import reading, transaction
from comfyforms.plugins.cluster.engine import Engine
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.rows import release_attempts
from comfyforms.plugins.cluster.tables import live as _live
from comfyforms.plugins.cluster.tables import lock
from comfyforms.plugins.cluster.tables import processes as _processes

_FILES = (".json", ".toml")
_MOST_NAMED = 3  # names in a sentence
log = logging.getLogger(__name__)
_FOLDER = "processes"
_OLD = 24 * 3600.0  # seconds
_STARTING = 60.0  # seconds until a new temporary folder's process surely has its lock
_PAUSE = 1.0  # seconds between two signs of life
_LOOK = 10.0  # seconds between two looks for work of processes that ended in the middle of it
ABSENT = 5.0  # seconds without a sign of life until a process counts as dead
# Prepared, because building a statement takes longer than running it.
_SIGN_OF_LIFE = (
    upsert(_processes)
    .values({"seen": func.now()})
    .on_conflict_do_update(index_elements=["life"], set_={"seen": func.now()})
)
_KNOWN = select(_processes.c.life)


@dataclass(frozen=True, slots=True)
class SharedSetup:
    """Digests of workflow files and of settings by their names, and addresses of servers without
    credentials."""

    workflows: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, body: str) -> SharedSetup | None:
        """Return the setup in a JSON text; None for any other text."""
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found: dict[str, Any] = parse_json(body)
            workflows, settings = (
                {str(name): str(one) for name, one in found[part].items()}
                for part in ("workflows", "settings")
            )
            return cls(workflows, tuple(map(str, found["servers"])), settings)
        return None

    def differences(self, other: SharedSetup, name: str) -> Iterator[str]:
        """Yield sentences about what the process with this name has differently."""
        here, there = self.workflows, other.workflows
        if here != there:
            parts = (
                _listed("only there", sorted(there.keys() - here.keys())),
                _listed("only here", sorted(here.keys() - there.keys())),
                _listed(
                    "different",
                    sorted(one for one in here if there.get(one, here[one]) != here[one]),
                ),
            )
            yield f"{name} has other workflow files: {'; '.join(filter(None, parts))}."
        servers = (
            _listed("only there", sorted({*other.servers} - {*self.servers})),
            _listed("only here", sorted({*self.servers} - {*other.servers})),
        )
        if any(servers):
            yield f"{name} has other ComfyUI servers: {'; '.join(filter(None, servers))}."
        names = sorted({*self.settings, *other.settings})
        other_values = [one for one in names if self.settings.get(one) != other.settings.get(one)]
        if other_values:
            yield f"{name} has {_listed('other settings:', other_values)}."


def _listed(word: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{word} {', '.join(names[:_MOST_NAMED])}{more}"


class SetupReader:
    """Reader of this process's setup, which reads changed files only."""

    def __init__(
        self, workflows: Path, servers: Sequence[str], settings: Mapping[str, object]
    ) -> None:
        """`servers`, `settings`: the addresses of the ComfyUI servers and the settings, as far as
        processes must have the same ones."""
        self._folder, self._servers = workflows, tuple(servers)
        self._settings = {name: _digest(repr(one).encode()) for name, one in settings.items()}
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def read(self) -> SharedSetup:
        """Return the setup as it is now. Raises OSError."""
        known: dict[Path, tuple[tuple[int, int], str]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix not in _FILES:
                continue
            with suppress(FileNotFoundError, IsADirectoryError):  # it was removed
                about = path.stat()
                mark = about.st_mtime_ns, about.st_size
                before = self._known.get(path)
                is_same = before is not None and before[0] == mark
                known[path] = before if before and is_same else (mark, _digest(path.read_bytes()))
        self._known = known
        names = {str(path.relative_to(self._folder)): one for path, (_, one) in known.items()}
        return SharedSetup(names, self._servers, self._settings)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


class ProcessFiles:
    """Files of processes in a data folder. Methods raise OSError."""

    def __init__(self, data: Path, setup: SetupReader | None = None) -> None:
        self._folder, self._setup = data / _FOLDER, setup
        self._written = SharedSetup()

    def add(self, life: str, living: Container[str]) -> None:
        """Add a process's file, and remove old files of processes that aren't living."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                is_old = path.stat().st_mtime < time.time() - _OLD
                if is_old and path.name not in living:
                    path.unlink()
        (self._folder / life).touch(mode=0o600)

    def write_setup(self, life: str) -> SharedSetup:
        """Write the setup of this process into its file, if it has changed, and return it."""
        if self._setup is not None and (setup := self._setup.read()) != self._written:
            write_whole(self._folder / life, setup.to_json().encode())
            self._written = setup
        return self._written

    def setups(self, lives: Collection[str]) -> Mapping[str, SharedSetup]:
        """Return the setups of these processes, as far as they are known."""
        found: dict[str, SharedSetup] = {}
        for life in lives:
            with suppress(FileNotFoundError):
                setup = SharedSetup.of_json((self._folder / life).read_text())
                found |= {life: setup} if setup else {}
        return found

    def sweep(self) -> None:
        """Remove the temporary folders of dead processes. Raises OSError."""
        for folder in (self._folder.parent / TEMPORARY).iterdir():
            with suppress(FileNotFoundError, Timeout):  # its process has just ended, or works
                if folder.stat().st_mtime < time.time() - _STARTING:
                    with FileLock(folder / LOCK, blocking=False):
                        shutil.rmtree(folder, ignore_errors=True)

    def remove(self, life: str) -> None:
        (self._folder / life).unlink(missing_ok=True)

    def missing(self, lives: Collection[str]) -> set[str]:
        """Return the processes without a file here: they use another folder."""
        return {life for life in lives if not (self._folder / life).exists()}


def _limit() -> ColumnElement[datetime]:
    return func.now() - text(f"interval '{ABSENT} seconds'")


_DEAD = _KNOWN.where(_processes.c.seen < _limit()).union(
    select(_live.c.process).where(_live.c.process.is_not(None), _live.c.process.not_in(_KNOWN))
)


@dataclass(frozen=True, slots=True)
class Place:
    """A process in its cluster. `name` and `version` are for administrators; with `executes`, it
    executes runs. `life` is unique for each start of the process. `setup` reads what other
    processes must have alike."""

    name: str
    executes: bool = True
    version: str = ""
    life: str = field(default_factory=lambda: uuid.uuid4().hex)
    setup: SetupReader | None = None


class Heartbeat:
    """Thread that says that this process is alive, and looks for dead processes."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        place: Place,
        files: ProcessFiles,
        work: Callable[[], None],
        taken_over: Callable[[], None],
    ) -> None:
        """`work` is called at each beat and may raise ComfyError. `taken_over` is called after runs
        of dead processes became available."""
        self._database, self._engine = database, engine
        self._row = {name: getattr(place, name) for name in KnownProcess.__slots__}
        self._life, self._files = place.life, files
        self._work, self._taken_over = work, taken_over
        self._closing = threading.Event()
        self._connected_since: float | None = None
        self._last_beat = self._looked_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Say that this process is alive, and start the thread. Raises ComfyError."""
        self._beat()
        with reading(self._database) as connection:
            known = {one.life: one.name for one in known_processes(connection)}
        if [*known.values()].count(self._row["name"]) > 1:
            log.warning(
                "Another process has the name %s: give each its own one with --process.",
                self._row["name"],
            )
        try:
            self._files.add(self._life, known)
            setup = self._files.write_setup(self._life)
            for life, other in self._files.setups(known.keys() - {self._life}).items():
                for difference in setup.differences(other, known[life]):
                    log.warning("Process %s Give all processes the same ones.", difference)
            for life in self._files.missing(known):
                log.warning(
                    "Process %s uses another data folder: give all processes the same --data.",
                    known[life],
                )
        except OSError as error:
            log.warning("Can't mark the data folder as shared: %s", words_of(error))
        self._thread.start()
        threading.Thread(target=self._keep_setup, name="setup", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        with suppress(OSError):
            self._files.remove(self._life)

    def _run(self) -> None:
        while not self._closing.wait(_PAUSE):
            try:
                dead = self._beat()
                self._work()
                is_due = time.monotonic() - self._looked_at > _LOOK
                if self.is_sure and (dead or is_due):
                    self._take_over()
                    self._looked_at = time.monotonic()
            except ComfyError as problem:
                self._connected_since = None
                log.warning("The cluster's database is away: %s", problem)
            except Exception:
                self._connected_since = None
                log.exception("A heartbeat failed with an internal error")

    def _keep_setup(self) -> None:
        """Write changes of the setup. Not in the other thread, because a shared folder may hang."""
        while not self._closing.wait(_LOOK):
            try:
                self._files.write_setup(self._life)
            except OSError as error:
                log.warning("Can't write what processes must have alike: %s", words_of(error))

    @property
    def is_sure(self) -> bool:
        """Return whether the database has been there for so long that others could reach it,
        too."""
        since = self._connected_since
        return since is not None and time.monotonic() - since > ABSENT + _PAUSE

    def _beat(self) -> set[str]:
        """Write a sign of life, and return the lives of dead processes."""
        with transaction(self._database) as connection:
            connection.execute(_SIGN_OF_LIFE, self._row)
            dead = _dead(connection)
        before, self._last_beat = self._last_beat, time.monotonic()
        was_silent = self._last_beat - before > ABSENT  # this process or the database was frozen
        if self._connected_since is None or was_silent:
            self._connected_since = self._last_beat
        return dead

    def _take_over(self) -> None:
        with transaction(self._database) as connection:
            lock(connection)  # one process at a time, as `resume_others` doesn't lock the workflows
            dead = _dead(connection)
            rows = connection.execute(select(_processes.c.life, _processes.c.name))
            names = {one.life: one.name for one in rows}
            resumed = self._engine.resume_others(names.keys() - dead)
            which = select(_live.c.run, _live.c.attempt).where(_live.c.process.in_(dead))
            attempts = [(run, attempt) for run, attempt in connection.execute(which)]
            release_attempts(connection, self._engine.unknown(attempts))
            connection.execute(delete(_processes).where(_processes.c.life.in_(dead)))
            if dead:
                forget_interrupted(connection)
        for life in dead:
            log.warning("Process %s is gone; its runs are taken over.", names.get(life, life))
        if dead or resumed:
            self._taken_over()


def _dead(connection: Connection) -> set[str]:
    """Return the lives of the processes that have been silent, or that have runs but aren't known
    anymore."""
    return set(connection.execute(_DEAD).scalars())


def living() -> Select[tuple[str]]:
    """Return the query for the lives of the processes that aren't dead."""
    return select(_processes.c.life).where(_processes.c.seen >= _limit())


@dataclass(frozen=True, slots=True)
class KnownProcess:
    """A row of the table `processes`."""

    life: str
    name: str
    version: str
    executes: bool


def known_processes(connection: Connection) -> Sequence[KnownProcess]:
    """Return the processes that are alive, this one included."""
    columns = (_processes.c[name] for name in KnownProcess.__slots__)
    alive = select(*columns).where(_processes.c.seen >= _limit()).order_by(_processes.c.name)
    return [KnownProcess(*row) for row in connection.execute(alive)]


def leave(connection: Connection, life: str) -> None:
    """Remove a process that ends."""
    connection.execute(delete(_processes).where(_processes.c.life == life))


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """State of a process. `silent`: seconds since its last sign of life. `runs`: the number of runs
    that it executes."""

    name: str
    silent: float
    executes: bool
    runs: int


class ClusterProcesses:
    """See `comfy.runs.interface.AppProcesses`."""

    def __init__(self, database: Database, wire: Wire, place: Place) -> None:
        self._database, self._wire, self._place = database, wire, place

    @property
    def is_wire_up(self) -> bool:
        """Return whether messages to other processes arrive."""
        return self._wire.is_up

    def statuses(self) -> tuple[ProcessStatus, ...]:
        """Return all processes by name. Raises ComfyError if the database can't be used."""
        runs = func.count(_live.c.run)
        silent = func.extract("epoch", func.now() - _processes.c.seen)
        query = (
            select(_processes.c.name, silent, _processes.c.executes, runs)
            .join(_live, _live.c.process == _processes.c.life, isouter=True)
            .group_by(_processes.c.life)
            .order_by(_processes.c.name, _processes.c.life)
        )
        with reading(self._database) as connection:
            rows = connection.execute(query).all()
        return tuple(
            ProcessStatus(name, max(0.0, float(silent)), executes=executes, runs=runs)
            for name, silent, executes, runs in rows
        )

    def hint(self, topic: str) -> None:
        self._wire.publish(topic, self._place.life.encode(), key=topic)

    def on_hint(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        def hear(body: bytes) -> None:
            if body != self._place.life.encode():
                callback()

        return self._wire.listen(topic, hear)
