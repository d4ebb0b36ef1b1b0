"""A history that an older version of the program wrote is opened: nothing of it is lost, on SQLite
and on Postgres.

What version 0001 wrote stands here as text and statements of its own: no code of today has a part
in it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from comfy.base.errors import ComfyError
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.blobs import BlobStore
from comfy.records.record import KeptInput
from comfy.records.store import RunStore
from comfy.records.tables import VERSION
from comfy.records.wanted import Wanted
from tests.records.first_history import (
    DAMAGED,
    ODD,
    ODDLY_SHAPED,
    PROMPT,
    READABLE,
    ROWS,
    RUN,
    UPLOAD,
    kept,
    record,
    write_first,
)
from tests.records.programs import programs
from tests.support.postgres import empty
from tests.support.samples.histories import ANN, begun, ended_record, ids

SECRET = "xylophone-marmalade"
NUMBERS = [f"{number:04}" for number in range(1, 15)]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The database, past the program."""
    engine = create_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def old(engine: Engine, database: str) -> str:
    """The URL of a history of version 0001, with awkward runs in it."""
    write_first(engine, ROWS)
    return database


@pytest.fixture
def files(tmp_path: Path) -> Iterator[BlobStore]:
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        yield kept


def take_steps(connection: Connection, to: str) -> None:
    """As the program does, but to a version of choice."""
    connection.execute(
        text("CREATE TABLE history_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    )
    connection.execute(text("INSERT INTO history_version VALUES ('0001')"))
    steps = Config(attributes={"connection": connection, "version_table": "history_version"})
    steps.set_main_option("script_location", "comfy.records:steps")
    command.upgrade(steps, to)


def shape(engine: Engine) -> dict[str, Any]:
    """The tables of a database with their columns, keys and indexes."""
    inspector = inspect(engine)
    return {
        name: (
            {
                one["name"]: (str(one["type"]), one["nullable"], one["default"])
                for one in inspector.get_columns(name)
            },
            {one["name"]: one["column_names"] for one in inspector.get_indexes(name)},
            inspector.get_pk_constraint(name)["constrained_columns"],
            [
                (one["constrained_columns"], one["options"])
                for one in inspector.get_foreign_keys(name)
            ],
        )
        for name in inspector.get_table_names()
    }


def rows(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table."""
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {
            name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}"))))
            for name in names
        }


@pytest.mark.parametrize("number", NUMBERS)
def test_a_history_of_any_version_opens_with_all_its_runs(
    old: str, engine: Engine, files: BlobStore, number: str
) -> None:
    """Every run that could be read can be read, its texts, halves of pairs and large numbers
    exactly as they were."""
    if number != "0001":
        with engine.begin() as connection:
            take_steps(connection, number)
    with contextlib.closing(RunStore(old, files)) as history:
        assert sorted(ids(history.of(ANN))) == READABLE
        odd = history.get("odd", ANN)
        assert odd is not None
        assert (odd.job.values, odd.job.title) == (ODD, "\udfff")
        assert odd.job.prompt == PROMPT
        assert (odd.state.phase, odd.state.started_at, odd.sent) == (Phase.DONE, 1001.25, True)
        assert (odd.server, odd.group, odd.parents) == ("", "", ())
        assert ids(history.unfinished()) == ["going"]
        assert sorted(ids(history.of(ANN, Wanted(text="SAID", workflow="portrait")))) == READABLE
    with contextlib.closing(RunStore(old, files)) as history:
        assert len(history.of(ANN)) == len(READABLE)
        assert history.of(ANN, Wanted(favourites=True)) == ()


def test_older_runs_that_came_to_nothing_can_be_left_out(
    engine: Engine, database: str, files: BlobStore
) -> None:
    """As if they had ended today."""
    phases = ("done", "stopped", "failed", "refused", "lost")
    write_first(engine, [*ROWS, *(record(phase, phase=phase) for phase in phases)])
    with contextlib.closing(RunStore(database, files)) as history:
        fruitful = ids(history.of(ANN, Wanted(fruitless=False)))
        assert [phase for phase in phases if phase in fruitful] == ["done"]
        assert {*phases} < {*ids(history.of(ANN, limit=200))}


def test_files_of_older_runs_get_the_inputs_they_are_for(old: str, files: BlobStore) -> None:
    """Every input of the prompt that has the name of the upload, and no other; the names stay in
    prompt and values."""
    with contextlib.closing(RunStore(old, files)) as history:
        photo, going = history.get("photo", ANN), history.get("going", ANN)
    assert photo is not None
    assert going is not None
    targets = (("4", "image"), ("6", "image"))
    assert photo.job.inputs == {
        "4.image": KeptInput(**kept("my photo.png"), targets=targets),
        "7.video": KeptInput(**kept("gone.mp4")),
        "8.audio": KeptInput(**kept("a.flac")),
    }
    assert going.job.inputs["4.image"].targets == targets
    assert photo.job.prompt == PROMPT
    assert photo.job.values["4.image"] == UPLOAD


def test_older_runs_lead_to_what_they_were_made_from(
    old: str, engine: Engine, files: BlobStore
) -> None:
    """As they did while there was one; what names one that no id can be stays as it is."""
    parents = {"made": "plain", "again": "made", "odd one": "x" * 70, "unreadable": "plain"}
    with engine.begin() as connection:
        take_steps(connection, "0011")
        for run, parent in parents.items():
            row = record(run, values={"2.text": "at sea\nsaid"})
            told = json.dumps(json.loads(row["record"]) | {"parent": parent})
            row["record"] = told if run != "unreadable" else "{"
            connection.execute(RUN, row)
            this = {"run": run, "parent": parent}
            connection.execute(text("UPDATE runs SET parent = :parent WHERE id = :run"), this)
    with contextlib.closing(RunStore(old, files)) as history:
        plain, made = history.get("plain", ANN), history.get("made", ANN)
        assert plain is not None
        assert made is not None
        assert made.parents == ("plain",)
        assert ids(history.lineage(made).made_from) == ["plain"]
        assert ids(history.lineage(plain).used_for) == ["made"]
        assert ids(history.lineage(made).used_for) == ["again"]
        assert history.get("odd one", ANN) is not None
    with engine.connect() as connection:
        found = connection.execute(text("SELECT run, parent FROM parents ORDER BY run")).all()
    assert [tuple(row) for row in found] == [("again", "made"), ("made", "plain")]


def test_damaged_runs_stay_as_they_are(old: str, engine: Engine, files: BlobStore) -> None:
    """Not a letter of them is changed, none is listed, and each can be deleted."""
    with contextlib.closing(RunStore(old, files)) as history:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT id, record FROM runs")).all()
        assert {
            run: told for run, told in found if run in DAMAGED | ODDLY_SHAPED
        } == DAMAGED | ODDLY_SHAPED
        assert all(history.get(run_id, ANN) is None for run_id in DAMAGED)
        assert all(history.delete(run_id, ANN) for run_id in DAMAGED)


def test_columns_of_another_type_stand_in_no_step_s_way(tmp_path: Path, files: BlobStore) -> None:
    """SQLite keeps any type in any column: bytes, numbers, and text that is none hold up no other
    run."""
    odd = [
        record("bytes") | {"record": b"\xff\xfe"},
        record("number") | {"record": 5},
        record("bytes as id") | {"id": b"\xff"},
        *ROWS,
    ]
    engine = create_engine(f"sqlite:///{tmp_path}/history.db")
    write_first(engine, odd)
    with engine.begin() as connection:
        connection.execute(RUN, record("no text"))
        connection.execute(
            text("UPDATE runs SET record = CAST(X'7BFF' AS TEXT) WHERE id = 'no text'")
        )
    engine.dispose()
    with contextlib.closing(RunStore(f"sqlite:///{tmp_path}/history.db", files)) as history:
        photo = history.get("photo", ANN)
        assert photo is not None
        assert photo.job.inputs["4.image"].targets


def test_files_still_belong_to_their_runs(old: str, files: BlobStore) -> None:
    """A file stays for as long as one of the older runs has it."""
    digest, _ = files.add([b"my photo.png"])
    with contextlib.closing(RunStore(old, files)) as history:
        assert history.delete("photo", ANN)
        assert files.path(digest) is not None
        (going,) = history.unfinished()
        history.end(ended_record(going))
        assert history.delete("going", ANN)
        assert files.path(digest) is None


def test_steps_lead_to_the_tables_that_a_new_history_has(
    old: str, engine: Engine, files: BlobStore, tmp_path: Path
) -> None:
    """Columns, types, defaults, keys and indexes."""
    RunStore(old, files).close()
    found = shape(engine)
    if engine.dialect.name == "sqlite":
        (tmp_path / "history.db").unlink()
    else:
        empty(old)
    RunStore(old, files).close()
    assert found == shape(engine)


def test_steps_are_numbered_one_after_the_other() -> None:
    """The last of them is the version that the tables are said to have."""
    steps = Config()
    steps.set_main_option("script_location", "comfy.records:steps")
    script = ScriptDirectory.from_config(steps)
    assert [step.revision for step in script.walk_revisions()] == NUMBERS[::-1]
    assert script.get_heads() == [VERSION]


def test_a_step_that_fails_leaves_all_as_it_was(old: str, engine: Engine, files: BlobStore) -> None:
    """The database refuses the last of the changes: a sentence, no table, column or row is another
    one, and once the reason is gone the history opens."""
    refuse, allow = (
        (
            "CREATE TRIGGER refuse BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER refuse",
        )
        if engine.dialect.name == "sqlite"
        else (
            (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no';"
                " END $$;CREATE TRIGGER refuse BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION"
                " refuse()"
            ),
            "DROP TRIGGER refuse ON runs; DROP FUNCTION refuse",
        )
    )
    before = shape(engine), rows(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(refuse)
    with pytest.raises(ComfyError, match="history"):
        RunStore(old, files)
    with engine.begin() as connection:
        connection.exec_driver_sql(allow)
    assert (shape(engine), rows(engine)) == before
    with contextlib.closing(RunStore(old, files)) as history:
        assert len(history.of(ANN)) == len(READABLE)


@pytest.mark.parametrize("new", [False, True])
def test_programs_that_open_it_at_the_same_time(
    database: str, engine: Engine, tmp_path: Path, new: bool
) -> None:
    """One of them takes the steps, or makes the tables; the others wait for it, and all of them
    work."""
    if not new:
        write_first(engine, ROWS)
    with programs(3, database, tmp_path / "kept") as running:
        for _ in range(2):
            for one in running:
                one.send("now")
            assert [one.recv() for one in running] == [0 if new else len(READABLE)] * 3


def test_a_program_of_before_goes_on_while_steps_are_taken(
    old: str, engine: Engine, files: BlobStore
) -> None:
    """What it writes afterwards, knowing nothing of them, is listed too; started again, it is told
    that the history is of a newer version."""
    with contextlib.closing(RunStore(old, files)) as history:
        with engine.begin() as connection:
            connection.execute(RUN, record("later"))
            assert connection.execute(text("SELECT version FROM about")).scalar() == 2
        assert "later" in ids(history.of(ANN))


def test_where_a_run_was_sent_is_kept(database: str, files: BlobStore) -> None:
    """Group and parents from the beginning, the server from when it is handed over, whatever letters
    they have."""
    with contextlib.closing(RunStore(database, files)) as history:
        history.begin(begun("r1"))
        history.sent(replace(begun("r1"), server="http://10.0.0.7:8188/\ud800"), "p1")
    with contextlib.closing(RunStore(database, files)) as history:
        (found,) = history.unfinished()
        assert found.server == "http://10.0.0.7:8188/\ud800"


def test_deleted_after_a_step_is_deleted(tmp_path: Path, files: BlobStore) -> None:
    """A step writes a record anew: nothing of how it was before is left in the database's files
    once it is deleted."""
    database = f"sqlite:///{tmp_path}/history.db"
    engine = create_engine(database)
    values = {"2.text": f"{SECRET} " * 3000, "4.image": UPLOAD}
    mine = [
        record(f"r{number}", values=values, inputs={"4.image": kept("my photo.png")})
        for number in range(20)
    ]
    with contextlib.closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    write_first(engine, [*ROWS, *mine])
    engine.dispose()
    with contextlib.closing(RunStore(database, files)) as history:
        for row in mine:
            assert history.delete(row["id"], ANN)
    left = [path.name for path in tmp_path.glob("history*") if SECRET.encode() in path.read_bytes()]
    assert left == []
