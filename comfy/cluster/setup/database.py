"""Checks of the database. They change nothing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from comfy.base.errors import ComfyError
from comfy.cluster.processes import KnownProcess, known_processes
from comfy.cluster.tables import cluster_tables
from comfy.cluster.tables import processes as _processes
from comfy.records.database import new_engine
from comfy.records.tables import tables as _history

_OLDEST = 13  # major version of Postgres
_OFF = 2.0  # seconds that clocks may differ
_CONNECTIONS = 25  # of one process
_ENGINE = "dbos"  # the schema of DBOS's tables


class DatabaseChecks:
    """Checks of a Postgres database. Each method returns a sentence, or raises ComfyError with
    a hint. The caller closes them."""

    def __init__(self, address: str) -> None:
        """`address`: an SQLAlchemy URL. Raises ComfyError if it can't be used."""
        self._database = new_engine(address)

    def close(self) -> None:
        """Close the connections."""
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
        names = {*_history.tables, *cluster_tables.tables}
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
        from comfy.cluster.engine import is_current  # imports DBOS, which takes long

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
        """Return the processes that are alive."""
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
