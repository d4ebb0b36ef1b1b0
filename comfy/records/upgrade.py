"""Create a database's tables, or upgrade them with numbered steps, as in `comfy.records.steps`."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, Table, insert, inspect, select

import comfy.records.administration.tables  # noqa: F401 - adds its tables to the history
from comfy.base.errors import ComfyError
from comfy.records.tables import VERSION, files, runs, tables, version

log = logging.getLogger(__name__)

_FIRST = "0001"


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables that are created and upgraded together. `content`: their name in messages. `version`:
    the table that alembic expects. `ours`: further tables that every version has. `number`: the
    last step, and `steps`: alembic's `script_location`, "" without any."""

    content: str
    tables: MetaData
    version: Table
    ours: frozenset[str]
    number: str = _FIRST
    steps: str = ""


HISTORY = Schema(
    "history",
    tables,
    version,
    frozenset((runs.name, files.name)),
    VERSION,
    "comfy.records:steps",
)


def make_tables(connection: Connection, schema: Schema = HISTORY) -> None:
    """Create the tables, or upgrade them to the schema's version, in the transaction of this
    connection, which must be the only writer.

    Raises ComfyError if the tables belong to another app or a newer version, and SQLAlchemyError if
    a step fails; the caller then rolls back.
    """
    columns = _columns(connection, schema)
    if not columns:
        schema.tables.create_all(connection)
        connection.execute(insert(schema.version).values(version_num=schema.number))
        return
    number = _number(connection, columns, schema)
    if number is None:
        raise _not_ours(connection, schema)
    if number > schema.number:
        raise ComfyError(
            f"A newer version of this program wrote the {schema.content}.",
            f"Use that version, or choose another location for the {schema.content}.",
        )
    if number < schema.number:
        _take_steps(connection, number, schema)
    elif columns != {name: set(table.c.keys()) for name, table in schema.tables.tables.items()}:
        raise _not_ours(connection, schema)


def _columns(connection: Connection, schema: Schema) -> dict[str, set[str]]:
    """Return the existing tables with our names, and their columns."""
    inspector = inspect(connection)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in schema.tables.tables
        if inspector.has_table(name)
    }


def _number(connection: Connection, columns: dict[str, set[str]], schema: Schema) -> str | None:
    """Return the tables' step number; None if they aren't this app's."""
    version = schema.version
    if not columns.keys() >= schema.ours or columns.get(version.name) != {"version_num"}:
        return None
    number = str(connection.execute(select(version.c.version_num)).scalar())
    is_step = len(number) == len(_FIRST) and number.isdecimal() and number >= _FIRST
    return number if is_step else None


def _take_steps(connection: Connection, number: str, schema: Schema) -> None:
    from alembic import command  # takes a third of a second, and is needed only for an upgrade
    from alembic.config import Config

    log.info("Upgrading the %s from version %s to %s.", schema.content, number, schema.number)
    config = Config(attributes={"connection": connection, "version_table": schema.version.name})
    config.set_main_option("script_location", schema.steps)
    command.upgrade(config, schema.number)


def _not_ours(connection: Connection, schema: Schema) -> ComfyError:
    return ComfyError(
        f"The database {connection.engine.url.database} was not created by this program and"
        " was left unchanged.",
        f"Choose another location for the {schema.content}, or move this database away.",
    )
