"""Preparation of a cluster: checks of the data folder, the database, the wire and the ComfyUI
servers, which change nothing, and the import of a single app's SQLite databases."""

from __future__ import annotations

import logging
import os
import queue
import secrets
import statistics
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Table, func, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from comfy.base.errors import ComfyError, words_of
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.records.database import new_engine
from comfy.records.tables import all_tables, held_files, reading, transaction, version
from comfy.records.tables import files as _files
from comfyforms.plugin_manager import contributed
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.messaging.wire_address import WireAddress
from comfyforms.plugins.cluster.processes import (
    KnownProcess,
    ProcessFiles,
    SharedSetup,
    known_processes,
)
from comfyforms.plugins.cluster.tables import (
    CLUSTER_SCHEMA,
    cluster_tables,
    lock,
    make_cluster_tables,
)
from comfyforms.plugins.cluster.tables import processes as _processes

_CONTENT = b"comfyforms"
_OTHER = "Mount the shared folder for the app's account, with file locks, and name it in --data."
_OLDEST = 13  # major version of Postgres
_OFF = 2.0  # seconds that clocks may differ
_CONNECTIONS = 25  # of one process
_ENGINE = "dbos"  # the schema of DBOS's tables
_ROWS = 500  # at once
_NOTHING_CHANGED = "Nothing was changed in the new database."
_PATIENCE = 5.0  # seconds
_ROUNDS = 5
_SIZE = 100_000  # bytes of a message, like a preview
_ACL = "The service's ACL has to allow publish, subscribe and unsubscribe on comfyforms:*."
_TLS = "rediss:// needs a port with TLS; use redis:// for a port without it."


def check_files(folder: Path) -> str:
    """Check that files can be written, renamed and locked. Raises ComfyError."""
    name = f"check-{secrets.token_hex(8)}"
    first, second = folder / f"{name}.part", folder / name
    try:
        first.write_bytes(_CONTENT)
        os.replace(first, second)
        if second.read_bytes() != _CONTENT:
            raise ComfyError(f"{folder} returns other bytes than were written.", _OTHER)
        _check_locks(second)
    except OSError as error:
        raise ComfyError(f"{folder} can't be used: {words_of(error)}.", _OTHER) from error
    finally:
        for path in (first, second):
            with suppress(OSError):
                path.unlink()
    return f"Files in {folder} can be written, renamed and locked."


def _check_locks(path: Path) -> None:
    with FileLock(path):
        try:
            with FileLock(path, blocking=False, is_singleton=False):
                raise ComfyError(f"File locks have no effect in {path.parent}.", _OTHER)
        except Timeout:
            pass


def check_same_folder(folder: Path, processes: Sequence[KnownProcess]) -> str:
    """Check that these processes use the same data folder. Raises ComfyError."""
    if not processes:
        return "No process runs, so nothing shows whether they share the folder."
    try:
        missing = ProcessFiles(folder).missing([one.life for one in processes])
    except OSError as error:
        raise ComfyError(f"{folder} can't be read: {words_of(error)}.", _OTHER) from error
    if missing:
        names = ", ".join(one.name for one in processes if one.life in missing)
        raise ComfyError(f"Other processes use another folder: {names}.", _OTHER)
    return f"All running processes ({len(processes)}) use this folder."


def check_same_setup(folder: Path, processes: Sequence[KnownProcess], here: SharedSetup) -> str:
    """Check that these processes have the same workflow files, servers and settings as this one
    would have. Raises ComfyError."""
    try:
        setups = ProcessFiles(folder).setups([one.life for one in processes])
    except OSError as error:
        raise ComfyError(f"{folder} can't be read: {words_of(error)}.", _OTHER) from error
    names = {one.life: one.name for one in processes}
    found = [line for life, one in setups.items() for line in here.differences(one, names[life])]
    if found:
        raise ComfyError(" ".join(found), "Give all processes the same ones.")
    own = f"{len(here.workflows)} workflow files, {len(here.servers)} servers"
    if len(setups) < len(processes):
        return f"{own}. Some processes don't tell theirs."
    return f"{own}, like all running processes ({len(processes)})."


class DatabaseChecks:
    """Checks of a Postgres database. Each method returns a sentence, or raises ComfyError with
    a hint. The caller closes them."""

    def __init__(self, address: str) -> None:
        """`address`: an SQLAlchemy URL. Raises ComfyError if it can't be used."""
        self._database = new_engine(address)

    def close(self) -> None:
        self._database.dispose()

    def reach(self) -> str:
        """Check that the server answers and can be used."""
        with self._connected() as rows:
            started = time.monotonic()
            name = str(rows.scalar(text("SHOW server_version")))
            took = time.monotonic() - started
            number = int(rows.scalar(text("SHOW server_version_num")) or 0)
            is_replica = rows.scalar(text("SELECT pg_is_in_recovery()"))
        if number < _OLDEST * 10_000:
            raise ComfyError(f"Postgres {name} is too old.", f"Use version {_OLDEST} or newer.")
        if is_replica:
            raise ComfyError("This database is a read-only copy.", "Name the primary server.")
        return f"Postgres {name} answers in {took * 1000:.1f} ms."

    def tables(self) -> str:
        """Check that the role can use the app's tables, or create them."""
        names = {*(one.name for one in all_tables()), *cluster_tables.tables}
        with self._connected() as rows:
            schema = str(rows.scalar(select(func.current_schema())) or "public")
            present = names & set(inspect(rows).get_table_names())
            _check_rights(rows, schema, present)
            missing = len(names - present)
            if not missing:
                return "All tables exist, and the role may use them."
            if not _may(rows, "schema", schema, "CREATE"):
                raise _not_created(rows, f"{missing} tables are missing", f"SCHEMA {schema}")
        return f"The role may create the {missing} missing tables."

    def engine(self) -> str:
        """Check that the role can use DBOS's tables, or create them."""
        from comfyforms.plugins.cluster.engine import is_current  # imports DBOS, which takes long

        with self._connected() as rows:
            present = set(inspect(rows).get_table_names(_ENGINE))
            _check_rights(rows, _ENGINE, present)
            if is_current(self._database):
                return f"The schema {_ENGINE} is complete, and the role may use it."
            name = str(rows.scalar(select(func.current_database())))
            kind, of = ("schema", _ENGINE) if present else ("database", name)
            if not _may(rows, kind, of, "CREATE"):
                what = "is of an older version" if present else "is missing"
                raise _not_created(rows, f"The schema {_ENGINE} {what}", f"{kind.upper()} {of}")
        return f"The role may {'upgrade' if present else 'create'} the schema {_ENGINE}."

    def clock(self) -> str:
        """Compare the clocks of this machine and the database."""
        with self._connected() as rows:
            before = time.time()
            there = float(rows.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
            here = (before + time.time()) / 2
        off = abs(there - here)
        if off > _OFF:
            raise ComfyError(
                f"The clocks of this machine and the database differ by {off:.1f} s.",
                "Turn on NTP on both.",
            )
        return f"The clocks of this machine and the database differ by {off * 1000:.0f} ms."

    def connections(self) -> str:
        """Check that the server allows enough connections for all processes and this one."""
        with self._connected() as rows:
            most = int(rows.scalar(text("SHOW max_connections")) or 0)
        count = len(self.processes() or "x")
        if most < _CONNECTIONS * count:
            raise ComfyError(
                f"The database allows {most} connections; {count} processes need up to"
                f" {_CONNECTIONS * count}.",
                "Raise max_connections in postgresql.conf.",
            )
        return f"The database allows {most} connections; a process needs up to {_CONNECTIONS}."

    def processes(self) -> Sequence[KnownProcess]:
        with self._connected() as rows:
            if not inspect(rows).has_table(_processes.name):
                return []
            return known_processes(rows)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with _errors(), self._database.connect() as rows:
            yield rows


def _check_rights(rows: Connection, schema: str, names: Collection[str]) -> None:
    """Raise ComfyError if the role may not use these tables."""
    if not names:
        return
    if not _may(rows, "schema", schema, "USAGE"):
        raise ComfyError(
            f"The role may not use the schema {schema}.",
            f"GRANT USAGE ON SCHEMA {schema} TO {_role(rows)};",
        )
    rights = "SELECT, INSERT, UPDATE, DELETE"
    needed = [("table", right, sorted(names)) for right in rights.split(", ")]
    needed.append(("sequence", "USAGE", inspect(rows).get_sequence_names(schema)))
    for kind, right, of_kind in needed:
        for name in of_kind:
            if not _may(rows, kind, f'"{schema}"."{name}"', right):
                every = rights if kind == "table" else right
                raise ComfyError(
                    f"The role has no {right} on the {kind} {schema}.{name}.",
                    f"GRANT {every} ON ALL {kind.upper()}S IN SCHEMA {schema} TO {_role(rows)};",
                )


def _may(rows: Connection, kind: str, name: str, right: str) -> bool:
    asked = getattr(func, f"has_{kind}_privilege")
    return bool(rows.scalar(select(asked(name, right))))


def _role(rows: Connection) -> str:
    return str(rows.scalar(text("SELECT current_user")))


def _not_created(rows: Connection, what: str, where: str) -> ComfyError:
    return ComfyError(
        f"{what}, and the role may not create anything there.",
        f"GRANT CREATE ON {where} TO {_role(rows)}; or start one process with a role that may.",
    )


@contextmanager
def _errors() -> Iterator[None]:
    """Raise ComfyErrors with the server's own words, which name no password."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        why = str(reason).strip().partition("\n")[0]
        raise ComfyError(f"The database can't be used: {why}.", "Check --database.") from error


@dataclass(frozen=True, slots=True)
class ImportedTables:
    """Tables to copy from a database. Rows refer to earlier tables only. The new database has the
    tables already."""

    source: Engine
    copied: Sequence[Table]


def history_tables(source: Engine) -> ImportedTables:
    """Return the tables of a history to copy."""
    left_out = (version, *(one.schema.version for one in contributed("tables")), held_files)
    return ImportedTables(source, [one for one in all_tables() if one not in left_out])


def import_tables(target: Engine, parts: Sequence[ImportedTables]) -> dict[str, int]:
    """Copy all rows in one transaction, count them in the new database, and return their numbers by
    table. Raises ComfyError if a process uses the new database, or if it isn't empty."""
    make_cluster_tables(target)
    counts: dict[str, int] = {}
    with transaction(target) as rows:
        lock(rows)
        _refuse_rows(rows, [one for part in parts for one in part.copied])
        for part in parts:
            with part.source.connect() as source:
                for table in part.copied:
                    counts[table.name] = _copied(source, rows, table)
    return counts


def used_files(target: Engine) -> set[str]:
    """Return the digests of the files of all runs. Raises ComfyError."""
    with reading(target) as rows:
        return set(rows.scalars(select(_files.c.digest).distinct()))


def _refuse_rows(rows: Connection, copied: Sequence[Table]) -> None:
    if _count(rows, _processes):
        raise ComfyError(
            "A process of the app uses the new database.",
            "Stop all processes. After a crash, try again in ten seconds.",
        )
    ours = (one for one in cluster_tables.sorted_tables if one is not CLUSTER_SCHEMA.version)
    for table in (*copied, *ours):
        if count := _count(rows, table):
            raise ComfyError(
                f"The new database isn't empty: its table {table.name} has {count} rows.",
                "Name an empty database in --database.",
            )


def _copied(source: Connection, target: Connection, table: Table) -> int:
    """Copy a table and return the number of rows. Raises ComfyError."""
    expected = _count(source, table)
    try:
        for chunk in source.execute(select(table)).mappings().partitions(_ROWS):
            target.execute(insert(table), [dict(row) for row in chunk])
    except DBAPIError as error:
        why = str(error.orig).strip().partition("\n")[0]
        raise ComfyError(
            f"The table {table.name} couldn't be copied: {why}.", _NOTHING_CHANGED
        ) from error
    if (count := _count(target, table)) != expected:
        raise ComfyError(
            f"{expected} rows of the table {table.name} became {count}.", _NOTHING_CHANGED
        )
    column = table.autoincrement_column
    if column is not None and expected:  # new rows get the numbers after these
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        target.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))
    return count


def _count(rows: Connection, table: Table) -> int:
    return rows.scalars(select(func.count()).select_from(table)).one()


def check_wire(url: str) -> str:
    """Check that messages of this process come back, and return how long they take. Raises
    ComfyError."""
    address = WireAddress.parse(url)
    with _quiet():
        wire = Wire(url, "check")
        try:
            seconds = _round_trip(wire, address)
        finally:
            wire.close()
    way = "encrypted" if address.encrypted else "without encryption"
    return f"Messages through {address.place} take {seconds * 1000:.1f} ms ({way})."


def _round_trip(wire: Wire, address: WireAddress) -> float:
    """Return the median time of a message, in seconds."""
    came = queue.SimpleQueue[bytes]()
    channel = f"check:{uuid.uuid4().hex}"
    wire.listen(channel, came.put)
    times: list[float] = []
    end = time.monotonic() + _PATIENCE
    body = bytes(_SIZE)
    while len(times) < _ROUNDS:
        sent = time.monotonic()
        if sent > end:
            reason = (wire.problem or "messages don't come back").rstrip(".")
            hint = _ACL if "permission" in reason else "Check --wire, and that the service runs."
            if address.encrypted:
                hint = f"{hint} {_TLS}"
            raise ComfyError(f"{address.place} can't be used: {reason}.", hint)
        wire.publish(channel, body)
        try:
            came.get(timeout=0.2)
        except queue.Empty:
            continue
        times.append(time.monotonic() - sent)
    return statistics.median(times)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the wire from logging what the check reports."""
    log = logging.getLogger("comfyforms.plugins.cluster.messaging.wire")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def check_server(address: ServerAddress) -> str:
    """Check that ComfyUI answers. Raises ComfyError."""
    with Client(address) as client:
        system = client.system_stats().get("system")
    if not isinstance(system, dict):
        raise ComfyError("Something other than ComfyUI answers.", "Check --server.")
    return f"ComfyUI {system.get('comfyui_version', '')} answers."
