"""Rows of people in all tables of the history, as `comfy.records.tables.ROWS` declares them: their
shares of `--keep-gb`, and their deletion with a person."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    case,
    delete,
    func,
    literal,
    select,
    true,
    tuple_,
)

from comfy.base.quota import Use, level_of
from comfy.records.tables import (
    ROWS,
    Bounded,
    Kept,
    all_tables,
    digest,
    files,
    group_files,
    preset_files,
    runs,
)

FILES = (files, preset_files, group_files)
_ROW = 500  # bytes that a short row takes in addition to its texts
_AT_ONCE = 100  # rows per statement


def kept_values(values: Mapping[str, Any], share: str) -> dict[str, Any]:
    """Return the values of `kept_columns` for a row with these values. `share`: see there."""
    texts = (one for one in values.values() if isinstance(one, str))
    return {"share": share, "size": _ROW + sum(len(one.encode()) for one in texts)}


def kept_tables(*, with_files: bool) -> Iterator[tuple[Table, Kept]]:
    """Yield the tables within `--keep-gb`, all or those whose rows have no files."""
    filed = {key.column.table for one in FILES for key in one.foreign_keys}
    for table in all_tables():
        kept = table.info.get(ROWS)
        if isinstance(kept, Kept) and (with_files or table not in filed):
            yield table, kept


def uses_of_rows(connection: Connection) -> Iterator[Use]:
    """Yield what each person's rows take that have no files. They make room by themselves."""
    for table, kept in kept_tables(with_files=False):
        owner, share = table.c[kept.owner], table.c.share
        sums = select(owner, share, func.sum(table.c.size)).group_by(owner, share)
        for whose, where, size in connection.execute(sums):
            name = f"{table.name} {where} {whose}"
            yield Use(name, whose, removable=False, digest=name, size=size, share=where)


def forget_beyond(
    connection: Connection,
    table: Table,
    most: float,
    which: ColumnElement[bool] | None = None,
    *,
    counts: bool = False,
) -> int:
    """Delete the oldest of these rows, None for all, of the address or account with the most until
    at most `most` bytes or, if it `counts`, rows are left. Return the number of deleted rows."""
    declared: Kept | Bounded = table.info[ROWS]
    which = true() if which is None else which
    weight = literal(1) if counts else table.c.size
    holder: ColumnElement[str] = table.c[declared.owner]
    if "share" in table.c:
        holder = case((table.c.share != "", table.c.share), else_=holder)
    sums = select(holder, func.sum(weight)).where(which).group_by(holder)
    held = [float(size) for _, size in connection.execute(sums)]
    excess = sum(held) - most
    if excess <= 0:
        return 0
    keys, age = table.primary_key.columns, table.c[declared.age]
    newest = (age.desc(), *(key.desc() for key in keys))
    since = func.sum(weight).over(partition_by=holder, order_by=newest).label("since")
    rows = select(*keys, weight.label("weight"), age.label("age"), since).where(which).subquery()
    beyond = select(rows).where(rows.c.since > level_of(held, most)).order_by(rows.c.age)
    gone: list[tuple[Any, ...]] = []
    for row in connection.execute(beyond):
        gone.append(tuple(row[: len(keys)]))
        excess -= row.weight
        if excess <= 0:
            break
    for start in range(0, len(gone), _AT_ONCE):
        some = tuple_(*keys).in_(gone[start : start + _AT_ONCE])
        connection.execute(delete(table).where(some))
    return len(gone)


def make_room(connection: Connection, limit: float) -> int:
    """Delete rows beyond the rooms of their tables, as parts of `limit` bytes. Return their
    number."""
    found = kept_tables(with_files=False)
    return sum(
        forget_beyond(connection, table, kept.room * limit, kept.goes) for table, kept in found
    )


def delete_old(connection: Connection) -> None:
    """Delete the rows that have stayed as long as they may."""
    for table in all_tables():
        match table.info.get(ROWS):
            case Bounded(age=age, lasts=seconds) if seconds:
                connection.execute(delete(table).where(table.c[age] < time.time() - seconds))


def has_kept_rows(connection: Connection, owner: str) -> bool:
    """Return whether an owner has results, or other rows within `--keep-gb`."""
    whose = digest(owner), json.dumps(owner)
    columns = (
        table.c[kept.owner] for table, kept in kept_tables(with_files=True) if not kept.stays
    )
    rows = (runs.c.owner.in_(whose) & runs.c.deleted_at.is_(None), *(x.in_(whose) for x in columns))
    return any(connection.execute(select(literal(1)).where(one).limit(1)).first() for one in rows)


def rows_in_words(connection: Connection) -> dict[str, list[str]]:
    """Return the numbers of the rows that people count, in words, by their owner's digest."""
    found: dict[str, list[str]] = {}
    for table, kept in kept_tables(with_files=False):
        if kept.words:
            owner = table.c[kept.owner]
            numbers = select(owner, func.count()).group_by(owner)
            for whose, count in connection.execute(numbers):
                found.setdefault(whose, []).append(kept.words(count))
    return found


def delete_person(connection: Connection, owner: str) -> None:
    """Delete the rows of an owner in all tables, except those that outlast them. Files stay."""
    whose = digest(owner), json.dumps(owner)
    for table in reversed(all_tables()):
        match table.info.get(ROWS):
            case Kept(owner=column, stays="") | Bounded(owner=column, stays=""):
                connection.execute(delete(table).where(table.c[column].in_(whose)))
