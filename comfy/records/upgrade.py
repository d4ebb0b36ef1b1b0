"""Create the database's tables, or upgrade them with the steps in `comfy.records.steps`."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, insert, inspect, select

from comfy.base.errors import ComfyError
from comfy.records.tables import VERSION, files, runs, tables, version

log = logging.getLogger(__name__)

_FIRST = "0001"
_OURS = {version.name, runs.name, files.name}
_STEPS = "comfy.records:steps"


def make_tables(connection: Connection, *, to: str = VERSION, steps: str = _STEPS) -> None:
    """Create the tables, or upgrade them to a version, in the transaction of this connection, which
    must be the only writer.

    `steps`: alembic's `script_location`. Raises ComfyError if the tables belong to another app or a
    newer version, and SQLAlchemyError if a step fails; the caller then rolls back.
    """
    columns = _columns(connection)
    if not columns:
        tables.create_all(connection)
        connection.execute(insert(version).values(version_num=VERSION))
        return
    number = _number(connection, columns)
    if number is None:
        raise _not_ours(connection)
    if number > to:
        raise ComfyError(
            "The history was written by a newer version of this program.",
            "Use that version, or choose another location for the history.",
        )
    if number < to:
        _take_steps(connection, number, to, steps)
    elif columns != {name: set(table.c.keys()) for name, table in tables.tables.items()}:
        raise _not_ours(connection)


def _columns(connection: Connection) -> dict[str, set[str]]:
    """Return the existing tables with our names, and their columns."""
    inspector = inspect(connection)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in tables.tables
        if inspector.has_table(name)
    }


def _number(connection: Connection, columns: dict[str, set[str]]) -> str | None:
    """Return the tables' step number; None if they aren't this app's."""
    if not columns.keys() >= _OURS or columns[version.name] != {"version_num"}:
        return None
    number = str(connection.execute(select(version.c.version_num)).scalar())
    is_step = len(number) == len(_FIRST) and number.isdecimal() and number >= _FIRST
    return number if is_step else None


def _take_steps(connection: Connection, number: str, to: str, steps: str) -> None:
    from alembic import command  # takes a third of a second, and is needed only for an upgrade
    from alembic.config import Config

    log.info("Upgrading the history from version %s to %s.", number, to)
    config = Config(attributes={"connection": connection, "version_table": version.name})
    config.set_main_option("script_location", steps)
    command.upgrade(config, to)


def _not_ours(connection: Connection) -> ComfyError:
    return ComfyError(
        f"The database {connection.engine.url.database} was not created by this program and"
        " was left unchanged.",
        "Choose another location for the history, or move this database away.",
    )
