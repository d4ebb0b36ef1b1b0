"""Prepared statements for the four writes of each run. Building a statement takes longer than
running it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, delete, insert, select, update

from comfy.records.blobs import BlobStore
from comfy.records.lineage import given_files
from comfy.records.record import Record
from comfy.records.rows import COLUMNS, UNREADABLE, escaped, record_of, row_of
from comfy.records.tables import as_comfy_errors, digest, share_of
from comfy.records.tables import files as _files
from comfy.records.tables import parents as _parents
from comfy.records.tables import runs as _runs

_BLOCK = 4096  # bytes that the smallest file takes on disk
_THIS = _runs.c.id == bindparam("this")
_INSERT = insert(_runs)
_UPDATE = update(_runs).where(_THIS)
_FORGET_FILES = delete(_files).where(_files.c.run == bindparam("this"))
_KEEP_FILES = insert(_files)
_NAME_PARENTS = insert(_parents)
# A run by its id (`this`) and the digest of its owner (`whose`).
RUN_OF = select(*COLUMNS).where(_THIS & (_runs.c.owner == bindparam("whose")))


def sizes_of(record: Record, blobs: BlobStore) -> dict[str, int]:
    """Return the bytes that a run's files take, by digest."""
    sizes = {file.digest: file.size or 0 for file in record.state.files if file.digest}
    sizes |= {digest: blobs.size(digest) for digest in given_files(record)}
    return {digest: max(size, _BLOCK) for digest, size in sizes.items()}


def put_run(
    connection: Connection, record: Record, ended_at: float | None, sizes: dict[str, int]
) -> float:
    """Insert or replace a run; return the bytes of its row. `sizes`: bytes of its files by
    digest."""
    row, this = row_of(record, ended_at), {"this": record.id}
    if connection.execute(_UPDATE, row | this).rowcount:
        connection.execute(_FORGET_FILES, this)
    else:
        _insert(connection, record, row)
    if sizes:
        rows = [{"run": record.id, "digest": one, "size": size} for one, size in sizes.items()]
        connection.execute(_KEEP_FILES, rows)
    return float(row["size"])


def put_sent(connection: Connection, record: Record, prompt_id: str) -> None:
    """Write that a run is sent, or all columns if it isn't stored yet."""
    columns = _sent_columns(record, prompt_id)
    if not connection.execute(_UPDATE, columns | {"this": record.id}).rowcount:
        _insert(connection, record, row_of(record, None) | columns)


def put_sent_if(
    engine: Engine, record: Record, prompt_id: str, condition: ColumnElement[bool]
) -> bool:
    """Write that a stored run is sent if the condition is true, in one statement without further
    round trips. Return whether it is true."""
    change = update(_runs).where(_THIS, condition)
    values = _sent_columns(record, prompt_id) | {"this": record.id}
    with as_comfy_errors(), engine.connect() as connection:
        at_once = connection.execution_options(isolation_level="AUTOCOMMIT")
        return bool(at_once.execute(change, values).rowcount)


def _sent_columns(record: Record, prompt_id: str) -> dict[str, object]:
    return {"sent": True, "prompt_id": escaped(prompt_id), "server": escaped(record.server)}


def move_runs(connection: Connection, owner: str, workflow: str, other: str) -> None:
    """Move an owner's finished runs from one workflow to another."""
    own = (_runs.c.owner == digest(owner)) & (_runs.c.workflow == digest(workflow))
    ids = connection.execute(select(_runs.c.id).where(own & _runs.c.ended_at.is_not(None)))
    for this in ids.scalars().all():
        row = connection.execute(RUN_OF, {"this": this, "whose": digest(owner)}).one()
        with suppress(*UNREADABLE):
            record = record_of(row)
            moved = replace(record, job=replace(record.job, workflow=other))
            connection.execute(_UPDATE, row_of(moved, row.ended_at) | {"this": this})


def _insert(connection: Connection, record: Record, row: dict[str, object]) -> None:
    """Insert a run. Its share and its parents never change afterward."""
    connection.execute(_INSERT, {"id": record.id, "share": share_of(record.address), **row})
    if record.parents:
        rows = [{"run": record.id, "parent": escaped(one)} for one in set(record.parents)]
        connection.execute(_NAME_PARENTS, rows)
