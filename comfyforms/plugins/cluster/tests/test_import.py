"""`comfyforms cluster import`: a single app's history moves to Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfy.records.tables import starts
from comfyforms.plugins.cluster.command import manage_cluster
from tests.support.postgres import empty, running_postgres
from tests.support.samples.histories import ANN, begun, ended_record, ids, kept_image
from ui.accounts.login import sign_in_address
from ui.accounts.store import AccessToken, SignInStore

START = {"owner": "a", "address": "", "group": "g", "at": 1.0}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def database(server: str) -> str:
    """Return the URL of an empty database."""
    empty(server)
    return server


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a data folder with an ended run, which has a file, and an unfinished one."""
    folder = tmp_path / "old"
    with closing(RunStore(sqlite_address(folder), BlobStore(folder))) as history:
        history.end(ended_record(begun("r1"), files=(kept_image(history.files, b"an image"),)))
        history.begin(begun("r2"))
        (folder / "secret").write_bytes(b"a secret")
    return folder


def run_import(old: Path, database: str, data: Path) -> int:
    """Run the command."""
    return manage_cluster(
        ["import", "--from", str(old), "--database", database, "--data", str(data)]
    )


def test_copies_records_and_leaves_the_files(
    old: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same folder, all rows are in the new database. New rows get numbers after the
    imported ones."""
    with closing(RunStore(sqlite_address(old), BlobStore(old))) as history:
        history.audit.add(ANN, "administer", "the first action")
        with history.engine.begin() as connection:
            first = connection.execute(insert(starts).values(START)).inserted_primary_key
    token = AccessToken("k", "t1", "anna", "password", "", "laptop", 1.0, 2.0)
    with closing(SignInStore(sign_in_address("", old))) as sign_ins:
        sign_ins.put_token(token, 50, bool)
    assert run_import(old, database, old) == 0
    summary = capsys.readouterr().out
    assert "runs: 2" in summary
    assert "missing" not in summary
    with closing(RunStore(database, BlobStore(old))) as history:
        (run,) = history.of(ANN)
        assert ids((run,)) == ["r1"]
        assert ids(history.unfinished()) == ["r2"]
        path = history.files.path(run.state.files[0].digest or "")
        assert path is not None
        assert path.read_bytes() == b"an image"
        history.audit.add(ANN, "administer", "another action")
        with history.engine.begin() as connection:
            assert connection.execute(insert(starts).values(START)).inserted_primary_key > first
    with closing(SignInStore(database)) as sign_ins:
        assert sign_ins.access_tokens == {"k": token}
    assert (old / "history.sqlite").exists()


def test_copies_files_to_another_folder(old: Path, database: str, tmp_path: Path) -> None:
    data = tmp_path / "new"
    assert run_import(old, database, data) == 0
    with closing(RunStore(database, BlobStore(data))) as history:
        (run,) = history.of(ANN)
        assert history.files.path(run.state.files[0].digest or "") is not None
    assert (data / "secret").read_bytes() == b"a secret"


def test_refuses_what_would_mix_data(
    old: Path, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A database with rows, the folder of a running app and a folder with another secret are
    refused, and nothing is copied."""

    def refusal(data: Path) -> str:
        assert run_import(old, database, data) == 2
        return capsys.readouterr().err

    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_bytes(b"another secret")
    assert f"{other / 'secret'} differs" in refusal(other)
    with closing(BlobStore(old)):
        assert f"An app uses the folder {old}" in refusal(old)
    with closing(RunStore(database, BlobStore(other))) as history:
        assert history.of(ANN) == ()
        history.begin(begun("r3"))
    assert "The new database isn't empty" in refusal(old)
