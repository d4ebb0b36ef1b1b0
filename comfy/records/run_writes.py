"""What is written of a run while it goes on, as statements that are made once: each run has four of
them, and making them takes longer than carrying them out."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from comfy.records.record import Record
from comfy.records.rows import COLUMNS, escaped, row_of
from comfy.records.tables import files as _files
from comfy.records.tables import parents as _parents
from comfy.records.tables import runs as _runs

_THIS = _runs.c.id == bindparam("this")
_INSERT = insert(_runs)
_UPDATE = update(_runs).where(_THIS)
_FORGET_FILES = delete(_files).where(_files.c.run == bindparam("this"))
_KEEP_FILES = insert(_files)
_NAME_PARENTS = insert(_parents)
# By `this` id and `whose` digest.
RUN_OF = select(*COLUMNS).where(_THIS & (_runs.c.owner == bindparam("whose")))


def put_run(
    connection: Connection, record: Record, ended_at: float | None, sizes: dict[str, int]
) -> None:
    """Write a run in the place of what was known of it. `sizes`: bytes of its files, by their
    digests."""
    row, this = row_of(record, ended_at), {"this": record.id}
    if connection.execute(_UPDATE, row | this).rowcount:
        connection.execute(_FORGET_FILES, this)
    else:
        _insert(connection, record, row)
    if sizes:
        rows = [{"run": record.id, "digest": one, "size": size} for one, size in sizes.items()]
        connection.execute(_KEEP_FILES, rows)


def put_sent(connection: Connection, record: Record, columns: dict[str, object]) -> None:
    """Write these columns of a run, and the others too where it is not on record yet."""
    if not connection.execute(_UPDATE, columns | {"this": record.id}).rowcount:
        _insert(connection, record, row_of(record, None) | columns)


def _insert(connection: Connection, record: Record, row: dict[str, object]) -> None:
    """Write a run for the first time; what it was made from stays as it is then."""
    connection.execute(_INSERT, {"id": record.id, **row})
    if record.parents:
        rows = [{"run": record.id, "parent": escaped(one)} for one in set(record.parents)]
        connection.execute(_NAME_PARENTS, rows)
