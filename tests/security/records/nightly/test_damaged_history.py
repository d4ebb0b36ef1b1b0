"""Databases that are damaged or belong to another program."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN as ANNA
from tests.support.samples.histories import begun, ended_record, ids, kept_image
from tests.support.serving import open_history


def damage(file: Path, how: str) -> None:
    data = bytearray(file.read_bytes())
    match how:
        case "no head":
            data[:100] = b"\0" * 100
        case "no middle":
            data[4096 : 3 * len(data) // 4] = b"\xa5" * (3 * len(data) // 4 - 4096)
        case "half":
            del data[len(data) // 2 :]
        case "junk":
            data = bytearray(b"junk " * 5000)
    file.write_bytes(data)


@pytest.mark.parametrize("how", ["no head", "no middle", "half", "junk"])
def test_finding_17_a_damaged_history_is_set_aside(
    no_traceback: None, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The app starts with an empty history and logs one warning. It keeps the damaged file
    unchanged, and keeps the result files as long as that file exists."""
    with contextlib.closing(open_history(tmp_path)) as history:
        for number in range(60):
            file = kept_image(history.files, b"%d" % number)
            history.end(
                ended_record(
                    begun(f"r{number}", values={"a": "x" * 3000}), at=time.time(), files=(file,)
                )
            )
        path = history.files.path(file.digest)
    assert path is not None
    damage(tmp_path / "history.sqlite", how)
    damaged = (tmp_path / "history.sqlite").read_bytes()
    os.utime(path, (1.0, 1.0))
    with contextlib.closing(open_history(tmp_path)) as history:
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "set aside" in caplog.text
        assert history.of(ANNA) == history.unfinished() == ()
        history.end(ended_record(begun("new"), at=time.time()))
        history.sweep()
        assert path.is_file()
        (aside,) = tmp_path.glob("history.damaged-*")
        assert aside.read_bytes() == damaged
        aside.unlink()
        history.sweep()
        assert not path.is_file()
    with contextlib.closing(open_history(tmp_path)) as history:
        assert ids(history.of(ANNA)) == ["new"]


def test_another_program_keeps_its_damaged_history(tmp_path: Path) -> None:
    """While another program uses the folder, the app moves nothing away and reports an error."""
    with contextlib.closing(open_history(tmp_path)) as first:
        first.end(ended_record(begun()))
        assert first.files.ours
        other = BlobStore(tmp_path / "files")
        (tmp_path / "other.sqlite").write_bytes(b"SQLite format 3\0" + b"junk" * 5000)
        with pytest.raises(ComfyError, match="history"):
            RunStore(f"sqlite:///{tmp_path}/other.sqlite", other)
        other.close()
    assert list(tmp_path.glob("*.damaged-*")) == []


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, km REAL); INSERT INTO runs VALUES (1, 10.5)",
        "CREATE TABLE files (name TEXT)",
        "CREATE TABLE groups (me TEXT); INSERT INTO groups VALUES ('hello')",
        "CREATE TABLE history_version (version_num INTEGER)",
        (
            "CREATE TABLE history_version (version_num TEXT); INSERT INTO history_version VALUES"
            " ('0001')"
        ),
        "CREATE VIEW runs AS SELECT 1 AS id",
    ],
)
def test_finding_17_a_foreign_database_is_refused_and_unchanged(
    tmp_path: Path, statements: str
) -> None:
    """If another program's database has a table with a name that the app uses, the app reports an
    error and doesn't change a byte."""
    file = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)
    os.utime(file, (1e9, 1e9))
    before = file.read_bytes(), file.stat().st_mtime, file.stat().st_mode
    kept = BlobStore(tmp_path / "kept")
    with pytest.raises(ComfyError, match="not created by this program"):
        RunStore(f"sqlite:///{file}", kept)
    kept.close()
    assert (file.read_bytes(), file.stat().st_mtime, file.stat().st_mode) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "other.db"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE runs DROP COLUMN words",
        "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT ''",
        "DROP TABLE files",
        "DROP TABLE parents",
        "UPDATE history_version SET version_num = '0000'",
        "UPDATE history_version SET version_num = '1a2b3c'",
        "DELETE FROM history_version",
    ],
)
def test_finding_17_tables_of_another_shape_refuse_the_start(tmp_path: Path, change: str) -> None:
    """The app reports the error at startup, not at each later run, and doesn't set the file
    aside."""
    with contextlib.closing(open_history(tmp_path)) as history:
        history.end(ended_record(begun()))
    with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection, connection:
        connection.execute(change)
    with (
        contextlib.suppress(ComfyError),
        pytest.raises(ComfyError, match="not created by this program"),
    ):
        open_history(tmp_path)
    assert list(tmp_path.glob("*damaged*")) == []
