"""A history that many threads use at once, or that is killed, damaged or unusable."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, begun, ended_record, ids


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "address"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("nosuch://x/y", "address"),
        ("postgresql+nosuch://x/y", "address"),
        ("oracle+oracledb://x/y", "not installed"),
        ("sqlite:////proc/none/history.db", "/proc/none"),
        ("sqlite:////proc/cpuinfo", "history"),
    ],
)
def test_an_unusable_database_is_reported_with_a_sentence(
    kept: BlobStore, url: str, said: str
) -> None:
    """The error has one sentence and a hint."""
    with pytest.raises(ComfyError, match=said) as told:
        RunStore(url, kept)
    assert told.value.hint


def test_a_password_is_in_no_message(kept: BlobStore) -> None:
    """If the app can't read or reach a database address, the error contains no part of it, such as
    the password."""
    with pytest.raises(ComfyError) as told:
        RunStore("postgresql+nosuch://anna:secret@127.0.0.1/x", kept)
    assert "secret" not in f"{told.value} {told.value.hint}"


def test_a_file_that_is_not_a_database_is_left_unchanged(tmp_path: Path, kept: BlobStore) -> None:
    """The app reports the file and leaves it unchanged."""
    (tmp_path / "notes.db").write_text("my notes, " * 1000)
    with pytest.raises(ComfyError, match="database"):
        RunStore(f"sqlite:///{tmp_path}/notes.db", kept)
    assert (tmp_path / "notes.db").read_text().startswith("my notes")


def test_a_history_of_a_newer_version_is_left_alone(database: str, kept: BlobStore) -> None:
    """The app reports the newer version and doesn't write to the history."""
    RunStore(database, kept).close()
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE history_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(ComfyError, match="newer version"):
        RunStore(database, kept)


def test_a_damaged_record_hides_no_other(database: str, history: RunStore) -> None:
    """The app leaves out the damaged record and lists the others. The owner can still delete the
    damaged one."""
    history.end(ended_record(begun("whole")))
    history.end(ended_record(begun("damaged")))
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET record = '{' WHERE id = 'damaged'"))
    engine.dispose()
    assert ids(history.of(ANN)) == ["whole"]
    assert history.get("damaged", ANN) is None
    assert history.delete("damaged", ANN)


def test_the_history_is_for_this_account_only(tmp_path: Path, kept: BlobStore) -> None:
    """Other accounts on the machine can read neither the database nor the data about to be written
    to it."""
    history = RunStore(f"sqlite:///{tmp_path}/new/history.db", kept)
    history.end(ended_record(begun()))
    files = list((tmp_path / "new").iterdir())
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    history.close()


def test_a_lost_database_is_reported_with_a_sentence(tmp_path: Path, kept: BlobStore) -> None:
    """If tables vanish while the program runs, the error message contains neither the SQL statement
    nor its values."""
    history = RunStore(f"sqlite:///{tmp_path}/history.db", kept)
    engine = create_engine(f"sqlite:///{tmp_path}/history.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE files"))
        connection.execute(text("DROP TABLE runs"))
    engine.dispose()
    with pytest.raises(ComfyError, match="couldn't be") as told:
        history.begin(begun(values={"a": "private words"}))
    assert "private" not in str(told.value)
    assert "INSERT" not in str(told.value)
    with pytest.raises(ComfyError, match="couldn't be"):
        history.of(ANN)
    history.close()


def test_a_run_that_no_json_can_hold(history: RunStore) -> None:
    """The app refuses a workflow nested too deeply, says why, and writes nothing."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ComfyError, match="nested"):
        history.begin(begun(values={"x": deep}))
    assert history.unfinished() == ()
