"""Copy of a single app's SQLite databases to the Postgres database of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, MetaData, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from comfy.base.errors import ComfyError
from comfy.cluster.tables import CLUSTER_SCHEMA, cluster_tables, lock, make_cluster_tables
from comfy.cluster.tables import processes as _processes
from comfy.records.tables import as_comfy_errors, held_files, tables, version
from comfy.records.tables import files as _files

_ROWS = 500  # at once
_NOTHING_CHANGED = "Nothing was changed in the new database."


@dataclass(frozen=True, slots=True)
class ImportedTables:
    """Tables to copy from a database, except for those `left_out`. The new database has them
    already."""

    source: Engine
    tables: MetaData
    left_out: frozenset[str]

    @property
    def copied(self) -> list[Table]:
        """Return the tables in an order in which rows refer to earlier ones only."""
        return [one for one in self.tables.sorted_tables if one.name not in self.left_out]


def history_tables(source: Engine) -> ImportedTables:
    """Return the tables of a history to copy."""
    return ImportedTables(source, tables, frozenset((version.name, held_files.name)))


def import_tables(target: Engine, parts: Sequence[ImportedTables]) -> dict[str, int]:
    """Copy all rows in one transaction, count them in the new database, and return their numbers by
    table. Raises ComfyError if a process uses the new database, or if it isn't empty."""
    make_cluster_tables(target)
    counts: dict[str, int] = {}
    with as_comfy_errors(), target.begin() as rows:
        lock(rows)
        _refuse_rows(rows, [one for part in parts for one in part.copied])
        for part in parts:
            with part.source.connect() as source:
                for table in part.copied:
                    counts[table.name] = _copied(source, rows, table)
    return counts


def used_files(target: Engine) -> set[str]:
    """Return the digests of the files of all runs. Raises ComfyError."""
    with as_comfy_errors(), target.connect() as rows:
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
