"""Backup of an app in one archive, its check, and its restoration."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import app
from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, begun, ended_record, ids, kept_image
from ui.backup import BackupSources, check_archive, restore_archive, write_archive


@pytest.fixture
def sources(tmp_path: Path) -> BackupSources:
    """Return a data folder with one result, and a folder with one workflow."""
    data, workflows = tmp_path / "data", tmp_path / "workflows"
    with closing(RunStore(sqlite_address(data), BlobStore(data))) as history:
        image = kept_image(history.files, b"an image")
        history.end(ended_record(begun("r1"), files=(image,)))
        (data / "secret").write_bytes(b"a secret")
        (data / "users.json").write_text("[]")
    (workflows / "more").mkdir(parents=True)
    (workflows / "more" / "boats.json").write_text("{}")
    return BackupSources(data, workflows, data / "users.json")


def elsewhere(tmp_path: Path) -> BackupSources:
    data = tmp_path / "restored" / "data"
    return BackupSources(data, tmp_path / "restored" / "workflows", data / "users.json")


def test_a_restored_app_has_its_runs_results_and_secrets(
    sources: BackupSources, tmp_path: Path
) -> None:
    """The backup is written while the history is open. Only this account can read it."""
    archive, to = tmp_path / "forms.tar", elsewhere(tmp_path)
    with closing(RunStore(sqlite_address(sources.data), BlobStore(sources.data))):
        contents = write_archive(archive, sources)
    assert archive.stat().st_mode & 0o077 == 0
    assert restore_archive(archive, to).digests == contents.digests
    with closing(RunStore(sqlite_address(to.data), BlobStore(to.data))) as history:
        (run,) = history.of(ANN)
        assert ids((run,)) == ["r1"]
        path = history.files.path(run.state.files[0].digest or "")
        assert path is not None
        assert path.read_bytes() == b"an image"
    assert (to.data / "secret").read_bytes() == b"a secret"
    assert to.users.read_text() == "[]"
    assert (to.workflows / "more" / "boats.json").read_text() == "{}"
    with pytest.raises(ComfyError, match="already exists"):
        write_archive(archive, sources)
    assert not list(tmp_path.glob("*.part"))


def test_nothing_is_overwritten(sources: BackupSources, tmp_path: Path) -> None:
    """A data folder with anything in it and a changed workflow are refused. The same workflow is
    fine."""
    archive, to = tmp_path / "forms.tar", elsewhere(tmp_path)
    write_archive(archive, sources)
    with pytest.raises(ComfyError, match="isn't empty"):
        restore_archive(archive, sources)
    (to.workflows / "more").mkdir(parents=True)
    boats = to.workflows / "more" / "boats.json"
    boats.write_text('{"mine": 1}')
    with pytest.raises(ComfyError, match=r"boats\.json exists and differs"):
        restore_archive(archive, to)
    assert not to.data.exists()
    boats.write_text("{}")
    restore_archive(archive, to)
    assert (to.data / "history.sqlite").exists()


def rewritten(archive: Path, change: bytes | None, name: str) -> Path:
    """Copy an archive with one entry replaced, or renamed without a `change`."""
    other = archive.with_name("other.tar")
    with tarfile.open(archive) as old, tarfile.open(other, "w") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            data = content.read()
            if change is None and member.name == "data/secret":
                member.name = name
            elif change is not None and member.name.startswith(name):
                data = change
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return other


def test_a_damaged_archive_is_found(sources: BackupSources, tmp_path: Path) -> None:
    """Each of these changes is found before anything is restored."""
    archive = tmp_path / "forms.tar"
    write_archive(archive, sources)
    cut = tmp_path / "cut.tar"
    cut.write_bytes(archive.read_bytes()[:-12_000])
    wrong = [
        cut,
        rewritten(archive, b"another image", "data/files/"),
        rewritten(archive, b"[1]", "users.json"),
        rewritten(archive, b"{}", "manifest.json"),
    ]
    for damaged in wrong:
        with pytest.raises(ComfyError):
            check_archive(damaged)
        with pytest.raises(ComfyError):
            restore_archive(damaged, elsewhere(tmp_path))
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("manifest", [b"[]", b"null", b"7", b"[" * 100_000, b'{"files": []}'])
def test_a_wrong_manifest_is_refused(
    manifest: bytes, sources: BackupSources, tmp_path: Path
) -> None:
    """The command ends with a sentence."""
    archive = tmp_path / "forms.tar"
    write_archive(archive, sources)
    with pytest.raises(ComfyError):
        check_archive(rewritten(archive, manifest, "manifest.json"))


@pytest.mark.parametrize("name", ["data/secret", "data/./secret", "data//secret"])
def test_attack_a_name_that_is_there_twice_is_refused(
    name: str, sources: BackupSources, tmp_path: Path
) -> None:
    """A restore would write the first content, and the check would read the last one."""
    archive = tmp_path / "forms.tar"
    write_archive(archive, sources)
    forged = tmp_path / "forged.tar"
    with tarfile.open(forged, "w") as new, tarfile.open(archive) as old:
        info = tarfile.TarInfo(name)
        info.size = len(b"forged")
        new.addfile(info, io.BytesIO(b"forged"))
        for member in old:
            new.addfile(member, old.extractfile(member))
    with pytest.raises(ComfyError, match=r"twice|unexpected"):
        restore_archive(forged, elsewhere(tmp_path))
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["data/../../secret", "/etc/secret", "other/secret", "data"])
def test_attack_an_entry_outside_of_the_folders_is_refused(
    sources: BackupSources, tmp_path: Path, name: str
) -> None:
    """An archive from a stranger can't write elsewhere."""
    archive = tmp_path / "forms.tar"
    write_archive(archive, sources)
    with pytest.raises(ComfyError, match="unexpected entry"):
        restore_archive(rewritten(archive, None, name), elsewhere(tmp_path))


def test_a_damaged_database_and_lost_results_are_reported(
    sources: BackupSources, tmp_path: Path
) -> None:
    """A result that was deleted meanwhile is counted and is no error."""
    for file in (sources.data / "files").rglob("*"):
        if file.is_file():
            file.unlink()
    archive = tmp_path / "forms.tar"
    write_archive(archive, sources)
    assert check_archive(archive).missing == 1
    with closing(sqlite3.connect(sources.data / "history.sqlite")) as database:
        database.execute("drop table files")
    archive.unlink()
    write_archive(archive, sources)
    with pytest.raises(ComfyError, match="can't be read"):
        check_archive(archive)


def test_the_commands_say_what_they_did(
    sources: BackupSources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another database, a backup has the files only."""
    archive, to = str(tmp_path / "forms.tar"), replace(elsewhere(tmp_path))
    folders = ["--data", str(sources.data), "--workflows", str(sources.workflows)]
    assert app.main(["backup", archive, *folders]) == 0
    assert "5 files" in capsys.readouterr().out
    assert app.main(["restore", "--check", archive, *folders]) == 0
    assert "is complete: 5 files" in capsys.readouterr().out
    assert app.main(["restore", archive, *folders]) == 2
    assert "isn't empty" in capsys.readouterr().err
    new = ["--data", str(to.data), "--workflows", str(to.workflows), "--keep", "operators"]
    assert app.main(["restore", archive, *new]) == 0
    assert f"--data {to.data}" in capsys.readouterr().out
    postgres = [*folders, "--database", "postgresql+psycopg://forms@host/forms"]
    other = str(tmp_path / "files.tar")
    assert app.main(["backup", other, *postgres]) == 2
    assert "--files-only" in capsys.readouterr().err
    assert app.main(["backup", other, "--files-only", *postgres]) == 0
    assert "Without the history" in capsys.readouterr().out
