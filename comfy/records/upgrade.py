"""The tables of a database at their newest version: made, or brought there from an older one, or
refused.

The numbered steps are in `comfy.records.steps`, and alembic takes them.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection, insert, inspect, select

from comfy.base.errors import ComfyError
from comfy.records.tables import VERSION, files, first_version, runs, tables, version

log = logging.getLogger(__name__)

_FIRST = "0001"
_FROM_THE_START = {first_version.name, runs.name, files.name}
_BEFORE_THE_STEPS = 1  # what the table `about` says there
_STEPS = "comfy.records:steps"


def make_tables(connection: Connection) -> None:
    """Upgrade the tables to `VERSION`, in the transaction of this connection, which must be the
    only writer.

    Raise ComfyError if the tables belong to another program or a newer version, and SQLAlchemyError
    if a step fails; the caller then rolls the transaction back.
    """
    found = _columns(connection)
    if not found:
        tables.create_all(connection)
        connection.execute(insert(version).values(version_num=VERSION))
        connection.execute(insert(first_version).values(version=_BEFORE_THE_STEPS + 1))
        return
    number = _number(connection, found)
    if number is None:
        raise _not_ours(connection)
    if number > VERSION:
        raise ComfyError(
            "The history was written by a newer version of this program.",
            "Use that version, or another place for the history.",
        )
    if number < VERSION:
        if version.name not in found:
            version.create(connection)
            connection.execute(insert(version).values(version_num=number))
        _take_steps(connection, number)
        found = _columns(connection)
    if found != {name: set(table.c.keys()) for name, table in tables.tables.items()}:
        raise _not_ours(connection)


def _columns(connection: Connection) -> dict[str, set[str]]:
    """The tables of our names that are there, with their columns."""
    inspector = inspect(connection)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in tables.tables
        if inspector.has_table(name)
    }


def _number(connection: Connection, found: dict[str, set[str]]) -> str | None:
    """Return the tables' step number; None if they aren't this app's."""
    if not found.keys() >= _FROM_THE_START:
        return None
    if version.name not in found:
        old = (
            found[first_version.name] == {"version"}
            and connection.execute(select(first_version.c.version)).scalar()
        )
        return _FIRST if old == _BEFORE_THE_STEPS else None
    if found[version.name] != {"version_num"}:
        return None
    number = str(connection.execute(select(version.c.version_num)).scalar())
    return (
        number if len(number) == len(VERSION) and number.isdecimal() and number >= _FIRST else None
    )


def _take_steps(connection: Connection, number: str) -> None:
    from alembic import command  # takes a third of a second, and is wanted once in a version's life
    from alembic.config import Config

    log.info("The history is brought from version %s to %s.", number, VERSION)
    steps = Config(attributes={"connection": connection, "version_table": version.name})
    steps.set_main_option("script_location", _STEPS)
    command.upgrade(steps, VERSION)


def _not_ours(connection: Connection) -> ComfyError:
    return ComfyError(
        f"The database {connection.engine.url.database} was not written by this program, and is"
        " left as it is.",
        "Name another place for the history, or move this one away.",
    )
