"""The numbered steps between versions of the history's tables, on SQLite and on Postgres."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

import comfy.records.steps
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.records.upgrade import make_tables
from tests.records.test_steps import NEXT
from tests.support.samples.histories import ANN, begun, ended_record


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The database itself, without the program."""
    engine = create_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[BlobStore]:
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        yield kept


@pytest.fixture
def steps(tmp_path: Path) -> str:
    """The folder of a later version's steps: the current ones and 0002."""
    folder = tmp_path / "steps"
    shutil.copytree(Path(comfy.records.steps.__file__).parent, folder)
    (folder / "versions" / "step_0002_stars.py").write_text(NEXT)
    return str(folder)


@pytest.fixture
def history(database: str, kept: BlobStore) -> str:
    """The URL of a history with a marked and an unfinished run."""
    with contextlib.closing(RunStore(database, kept)) as history:
        history.end(ended_record(begun("r1")))
        history.set_favourite(["r1"], ANN, favourite=True)
        history.begin(begun("r2"))
        history.sent(begun("r2"), "p2")
    return database


def test_a_step_upgrades_tables_and_rows(history: str, engine: Engine, steps: str) -> None:
    """Alembic runs it in the program's transaction, and records its number."""
    with engine.begin() as connection:
        make_tables(connection, to="0002", steps=steps)
    with engine.connect() as connection:
        stars = connection.execute(text("SELECT id, stars FROM runs ORDER BY id")).all()
        number = connection.execute(text("SELECT version_num FROM history_version")).scalar()
    assert [tuple(row) for row in stars] == [("r1", 5), ("r2", 0)]
    assert number == "0002"
