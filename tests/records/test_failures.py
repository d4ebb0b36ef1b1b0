"""A history that many use at once, that is killed, damaged, or cannot be used at all."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, begun, bytes_kept, ended_record, ids, kept_image


def test_two_threads_ending_deleting_and_sweeping_at_once(
    history: RunStore, kept: BlobStore
) -> None:
    """Runs with the same bytes end, are deleted and swept by many threads: no error, and each
    record has its file."""
    wrong: list[object] = []
    now = time.time()

    def work(name: str) -> None:
        for number in range(12):
            run_id = f"{name}-{number}"
            try:
                record = begun(run_id, at=now)
                history.begin(record)
                history.sent(record, run_id)
                file = kept_image(kept, b"the same", holder=run_id)
                history.end(ended_record(record, at=now, files=(file,)))
                if kept.path(file.digest) is None:
                    wrong.append(f"{run_id} lost its file")
                history.sweep()
                if not history.delete(run_id, ANN):
                    wrong.append(f"{run_id} was not there")
            except Exception as error:  # noqa: BLE001 - asserted in the test's own thread
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert history.of(ANN) == history.unfinished() == ()
    assert bytes_kept(kept) == 0


KILLED = """
import sys
from pathlib import Path
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
sys.path.insert(0, ".")
from tests.support.samples.histories import ANN, begun, ended_record, kept_image

kept = BlobStore(Path(sys.argv[2]))
history = RunStore(sys.argv[1], kept)
for number in range(10**6):
    record = begun(f"r{number}", at=float(number))
    history.begin(record)
    history.end(ended_record(record, files=(kept_image(kept, f"{number}".encode() * 1000, holder=record.id),)))
    print(number, flush=True)
"""


def test_a_killed_program_loses_no_finished_run(database: str, tmp_path: Path) -> None:
    """Killed in the middle of its work: every run it said was finished is there, whole, and so are
    its files."""
    folder = tmp_path / "kept"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), database, str(folder)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        said = [int(program.stdout.readline()) for _ in range(20)]
        program.send_signal(signal.SIGKILL)
        said += map(int, program.stdout.read().split())
    kept = BlobStore(folder)
    history = RunStore(database, kept)
    found = {record.id: record for record in history.of(ANN, limit=200)}
    for number in said[-200:]:
        (file,) = found[f"r{number}"].state.files
        path = kept.path(file.digest)
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
    assert len(history.unfinished()) <= 1
    history.close()


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
def test_a_database_that_cannot_be_used_is_told_in_words(
    kept: BlobStore, url: str, said: str
) -> None:
    """One sentence and what to do."""
    with pytest.raises(ComfyError, match=said) as told:
        RunStore(url, kept)
    assert told.value.hint


def test_a_password_is_in_no_message(kept: BlobStore) -> None:
    """Nor is any other part of an address that cannot be reached told with it."""
    with pytest.raises(ComfyError) as told:
        RunStore("postgresql+nosuch://anna:secret@127.0.0.1/x", kept)
    assert "secret" not in f"{told.value} {told.value.hint}"


def test_a_file_that_is_no_database(tmp_path: Path, kept: BlobStore) -> None:
    """It is left as it is."""
    (tmp_path / "notes.db").write_text("my notes, " * 1000)
    with pytest.raises(ComfyError, match="database"):
        RunStore(f"sqlite:///{tmp_path}/notes.db", kept)
    assert (tmp_path / "notes.db").read_text().startswith("my notes")


def test_a_history_of_a_newer_version_is_left_alone(database: str, kept: BlobStore) -> None:
    """It is not written to, and the sentence says so."""
    RunStore(database, kept).close()
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE history_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(ComfyError, match="newer version"):
        RunStore(database, kept)


def test_a_damaged_record_hides_no_other(database: str, history: RunStore) -> None:
    """It is left out; the others are listed and it can still be deleted."""
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
    """Other accounts of the machine can read neither the database nor what is about to be written
    to it."""
    history = RunStore(f"sqlite:///{tmp_path}/new/history.db", kept)
    history.end(ended_record(begun()))
    files = list((tmp_path / "new").iterdir())
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    history.close()


def test_a_database_that_goes_away_is_told_in_words(tmp_path: Path, kept: BlobStore) -> None:
    """Tables that vanish under the program are a sentence, without the statement and the values in
    it."""
    history = RunStore(f"sqlite:///{tmp_path}/history.db", kept)
    engine = create_engine(f"sqlite:///{tmp_path}/history.db")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE files"))
        connection.execute(text("DROP TABLE runs"))
    engine.dispose()
    with pytest.raises(ComfyError, match="could not be") as told:
        history.begin(begun(values={"a": "private words"}))
    assert "private" not in str(told.value)
    assert "INSERT" not in str(told.value)
    with pytest.raises(ComfyError, match="could not be"):
        history.of(ANN)
    history.close()


def test_a_run_that_no_json_can_hold(history: RunStore) -> None:
    """A workflow nested without end is refused in words, and nothing of it is written."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ComfyError, match="nested"):
        history.begin(begun(values={"x": deep}))
    assert history.unfinished() == ()
