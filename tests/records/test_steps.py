"""The numbered migration steps of the history's tables, on SQLite and on Postgres."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Inspector, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

import comfy.records.steps.versions
from comfy.records.audit import WantedEvents
from comfy.records.blobs import BlobStore
from comfy.records.database import HISTORY, PartTables, make_tables
from comfy.records.sharing import Share, SharedFile
from comfy.records.store import RunStore
from comfy.records.tables import VERSION
from comfyforms.plugin_manager import contributed
from tests.records.programs import programs
from tests.support.samples.histories import ANN, begun, ended_record, ids

AFTER = f"{int(VERSION) + 1:04}"
NEXT = f'''
"""A later version: one more column of the runs."""

import sqlalchemy as sa
from alembic import op

revision = "{AFTER}"
down_revision = "{VERSION}"


def upgrade() -> None:
    op.add_column("runs", sa.Column("stars", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE runs SET stars = 5 WHERE favourite")
'''

# Before the index of hidden runs, in version 0002.
NO_INDEX = (
    "DROP INDEX runs_hidden",
    "UPDATE history_version SET version_num = '0002'",
)
# Before rows of the audit log had addresses and sizes, in version 0005.
NO_SHARES = (
    "DROP INDEX audit_events_by_share",
    *(f"ALTER TABLE audit_events DROP COLUMN {name}" for name in ("share", "size", "count")),
    "UPDATE history_version SET version_num = '0005'",
)
# The table of links in version 0001, when a link had one file.
LINKS_0001 = (
    *NO_INDEX,
    "DROP TABLE shared_results",
    """CREATE TABLE shared_results (
        token VARCHAR(64) NOT NULL, run VARCHAR(64) NOT NULL, place INTEGER NOT NULL,
        prompt TEXT NOT NULL, PRIMARY KEY (token),
        FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE)""",
    "CREATE UNIQUE INDEX shared_results_of_run ON shared_results (run, place)",
    "UPDATE history_version SET version_num = '0001'",
)
NEW_LINK = text(
    "INSERT INTO shared_results (token, run, place, prompt) VALUES (:token, :run, :place, 'a cat')"
)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Return an engine for direct access to the database."""
    engine = create_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[BlobStore]:
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        yield kept


@pytest.fixture
def steps(tmp_path: Path) -> str:
    """Return a folder with the current steps and a later one."""
    folder = tmp_path / "steps"
    shutil.copytree(Path(comfy.records.steps.versions.__file__).parent, folder)
    (folder / "step_stars.py").write_text(NEXT)
    return str(folder)


@pytest.fixture
def history(database: str, kept: BlobStore) -> str:
    """Return the URL of a history with a favorite and an unfinished run."""
    with contextlib.closing(RunStore(database, kept)) as history:
        history.end(ended_record(begun("r1")))
        history.set_favourite(["r1"], ANN, favourite=True)
        history.begin(begun("r2"))
        history.sent(begun("r2"), "p2")
    return database


def content(engine: Engine) -> dict[str, Any]:
    """Return the columns and rows of all tables."""
    with engine.connect() as connection:
        inspector = inspect(connection)
        return {
            name: (
                [column["name"] for column in inspector.get_columns(name)],
                sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))),
            )
            for name in inspector.get_table_names()
        }


def test_steps_are_numbered_up_to_the_current_version() -> None:
    """A step without a number, or a version without a step, would never run."""
    config = Config()
    config.set_main_option("script_location", "comfy.records:steps")
    script = ScriptDirectory.from_config(config)
    numbers = [step.revision for step in script.walk_revisions()][::-1]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert script.get_heads() == [VERSION]


def test_a_failing_step_changes_nothing(
    history: str, engine: Engine, steps: str, kept: BlobStore
) -> None:
    """The transaction is rolled back, and the history still opens."""
    before = content(engine)
    step = Path(steps) / "step_stars.py"
    step.write_text(NEXT + '    op.execute("UPDATE nowhere SET x = 1")\n')
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":  # as the program: the driver begins none for tables
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(SQLAlchemyError):
            make_tables(connection, replace(HISTORY, number=AFTER, steps=steps))
        connection.rollback()
    assert content(engine) == before
    with contextlib.closing(RunStore(history, kept)) as opened:
        assert ids(opened.of(ANN)) == ["r1"]
        assert ids(opened.unfinished()) == ["r2"]


def test_programs_create_one_history_together(database: str, tmp_path: Path) -> None:
    """One program creates the tables while the others wait. Then all of them work."""
    with programs(3, database, tmp_path / "kept") as running:
        for _ in range(2):
            for program in running:
                program.send("now")
            assert [program.recv() for program in running] == [0] * 3


def test_a_step_upgrades_tables_and_rows(history: str, engine: Engine, steps: str) -> None:
    """Alembic runs the step in the program's transaction and records its number."""
    with engine.begin() as connection:
        make_tables(connection, replace(HISTORY, number=AFTER, steps=steps))
    with engine.connect() as connection:
        stars = connection.execute(text("SELECT id, stars FROM runs ORDER BY id")).all()
        number = connection.execute(text("SELECT version_num FROM history_version")).scalar()
    assert [tuple(row) for row in stars] == [("r1", 5), ("r2", 0)]
    assert number == AFTER


def test_links_to_one_result_become_links_to_several(
    history: str, engine: Engine, kept: BlobStore
) -> None:
    """Links of version 0001 keep their addresses, prompts and owners. A process of that version
    that still runs during the upgrade can add links."""
    with engine.begin() as connection:
        for statement in LINKS_0001:
            connection.execute(text(statement))
        connection.execute(NEW_LINK, {"token": "old", "run": "r1", "place": 0})
    first, second = SharedFile("r1", 0, "a cat"), SharedFile("r1", 1)
    with contextlib.closing(RunStore(history, kept)) as opened:
        assert opened.shared.of(ANN, [first]) == Share("old", (first,))
        assert opened.shared.share(ANN, [first]).token == "old"
        several = opened.shared.share(ANN, [first, second]).token
        with engine.begin() as connection:
            connection.execute(NEW_LINK, {"token": "late", "run": "r1", "place": 1})
            connection.execute(NEW_LINK, {"token": "later", "run": "r1", "place": 1})
        assert opened.shared.others(ANN, [second]) == 3
        assert opened.shared.stop(ANN, [first])
        assert opened.shared.share(ANN, [first]).token != "old"
        assert opened.shared.share(ANN, [first, second]).token != several


def test_upgraded_tables_match_a_new_database(
    history: str, engine: Engine, kept: BlobStore
) -> None:
    """The steps and `comfy.records.tables` describe the same keys and indexes. For a while, the app
    created the new table of links under the number 0001."""
    before = keys(engine)
    with engine.begin() as connection:
        for statement in LINKS_0001:
            connection.execute(text(statement))
    assert keys(engine) != before
    RunStore(history, kept).close()
    assert keys(engine) == before
    for statements in (NO_SHARES, (*NO_INDEX, LINKS_0001[-1])):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        RunStore(history, kept).close()
        assert keys(engine) == before


def test_events_from_before_count_their_bytes(
    history: str, engine: Engine, kept: BlobStore
) -> None:
    """They stay as they were, and have no address."""
    with contextlib.closing(RunStore(history, kept)) as opened:
        opened.audit.add(ANN, "download", "a file")
        before = list(opened.audit.of(WantedEvents()))
    with engine.begin() as connection:
        for statement in NO_SHARES:
            connection.execute(text(statement))
    with contextlib.closing(RunStore(history, kept)) as opened:
        opened.sweep()
        assert list(opened.audit.of(WantedEvents())) == before
    with engine.connect() as connection:
        size = 'SELECT min("size") FROM audit_events'
        assert connection.execute(text(size)).scalar_one() > 500


@pytest.mark.parametrize("part", contributed("tables"), ids=lambda part: part.schema.content)
def test_plugins_tables_of_earlier_versions_stay(
    history: str, engine: Engine, kept: BlobStore, part: PartTables
) -> None:
    """The app had some plugins' tables among its own, without steps."""
    before = content(engine)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {part.schema.version.name}"))
    RunStore(history, kept).close()
    assert content(engine) == before


def keys(engine: Engine) -> dict[str, tuple[object, ...]]:
    """Return the columns, the primary key, the foreign keys and the indexes of tables that steps
    have changed."""
    inspector = inspect(engine)
    changed = ("shared_results", "runs", "audit_events", "model_requests")
    return {name: keys_of(inspector, name) for name in changed}


def keys_of(inspector: Inspector, table: str) -> tuple[object, ...]:
    columns = {
        one["name"]: (str(one["type"]), one["nullable"]) for one in inspector.get_columns(table)
    }
    indexes = {
        one["name"]: (one["column_names"], bool(one["unique"]), bool(one.get("dialect_options")))
        for one in inspector.get_indexes(table)
    }
    primary = inspector.get_pk_constraint(table)["constrained_columns"]
    foreign = sorted(
        (*one["constrained_columns"], one["referred_table"], one["options"]["ondelete"])
        for one in inspector.get_foreign_keys(table)
    )
    return columns, indexes, primary, foreign
