"""Versions of the cluster's own tables."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, create_engine, select, text

from comfy.base.errors import ComfyError
from comfy.records.database import Schema, make_tables
from comfy.records.tables import transaction
from comfyforms.plugins.cluster.rows import LiveRow, add_live, read_live
from comfyforms.plugins.cluster.tables import CLUSTER_SCHEMA, lock, make_cluster_tables
from tests.support.postgres import empty
from tests.support.waiting import eventually

STEPS = {
    "step_0001_first.py": """
revision = "0001"
down_revision = None


def upgrade() -> None:
    pass
""",
    "step_0002_stars.py": """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("live", sa.Column("stars", sa.Integer, nullable=False, server_default="3"))
""",
}
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


@pytest.fixture
def engine(postgres: str) -> Iterator[Engine]:
    """Return an engine for a database with the tables of the current version and a run."""
    empty(postgres)
    engine = create_engine(postgres)
    make_cluster_tables(engine)
    add_run(engine, "before")
    yield engine
    engine.dispose()


@pytest.fixture
def newer(tmp_path: Path) -> Schema:
    """Return the schema of a later version, with one more column."""
    for name, content in STEPS.items():
        (tmp_path / name).write_text(content)
    tables = MetaData()
    for table in CLUSTER_SCHEMA.tables.sorted_tables:
        table.to_metadata(tables)
    stars = Column("stars", Integer, nullable=False, server_default=text("3"))
    tables.tables["live"].append_column(stars)
    version = tables.tables[CLUSTER_SCHEMA.version.name]
    return replace(
        CLUSTER_SCHEMA, tables=tables, version=version, number="0002", steps=str(tmp_path)
    )


def add_run(engine: Engine, run: str) -> None:
    """Add a row as the current version does."""
    with engine.begin() as connection:
        add_live(connection, LiveRow(run, "owner", "", 0.0))


def stars(engine: Engine, schema: Schema) -> dict[str, int]:
    """Return the new column as the later version reads it."""
    live = schema.tables.tables["live"]
    with engine.connect() as connection:
        rows = connection.execute(select(live.c.run, live.c.stars))
        return {row.run: row.stars for row in rows}


def upgrade(engine: Engine, schema: Schema) -> None:
    """Upgrade the tables as `make_cluster_tables` of a later version does."""
    with transaction(engine) as connection:
        lock(connection)
        make_tables(connection, schema)


def test_a_later_version_adds_its_column(engine: Engine, newer: Schema) -> None:
    """Rows stay, and processes of the earlier version that still run can read and write."""
    upgrade(engine, newer)
    add_run(engine, "after")
    assert stars(engine, newer) == {"before": 3, "after": 3}
    with engine.connect() as connection:
        assert set(read_live(connection)) == {"before", "after"}


def test_processes_that_start_together_upgrade_once(engine: Engine, newer: Schema) -> None:
    """The second one waits for the first, and finds the tables upgraded."""
    with ThreadPoolExecutor(2) as threads, engine.connect() as first:
        lock(first)
        starts = [threads.submit(upgrade, engine, newer) for _ in range(2)]

        def both_wait() -> bool:
            with engine.connect() as connection:
                return connection.execute(WAITING).scalar() == 2

        eventually(both_wait, "both to wait")
        assert not any(start.done() for start in starts)
        first.rollback()
        for start in starts:
            start.result()
    assert stars(engine, newer) == {"before": 3}


def test_an_earlier_version_refuses_to_start(engine: Engine, newer: Schema) -> None:
    """It leaves the tables as they are and says which version to use."""
    upgrade(engine, newer)
    with pytest.raises(ComfyError, match="A newer version") as told:
        make_cluster_tables(engine)
    assert told.value.hint
    assert stars(engine, newer) == {"before": 3}
