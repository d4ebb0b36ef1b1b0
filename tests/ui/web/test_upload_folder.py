"""The app's copies of files for forms: which of them it removes, and when."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ui.web.limits import WebLimits
from ui.web.upload_folder import UploadFolder

LIMITS = WebLimits()


def test_the_oldest_uploads_go_first(tmp_path: Path) -> None:
    """Files for forms use a limited part of the disk for a limited time. The app removes folders
    together with their files."""
    uploads = UploadFolder(tmp_path)

    def sweep(limits: WebLimits) -> None:
        UploadFolder(tmp_path, limits).sweep()

    for age in range(6):
        place = uploads.make(f"person {age // 2}", "a.png", f"folder{age}")
        place.write_bytes(bytes(1000))
        os.utime(place, (place.stat().st_mtime - 100 * age,) * 2)
    sweep(replace(LIMITS, uploads=10_000, upload_age=450.0))
    assert sorted(path.name for path in tmp_path.glob("*/*")) == [
        f"folder{age}" for age in range(5)
    ]
    sweep(replace(LIMITS, uploads=2500, upload_age=450.0))
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["folder0", "folder2"]
    assert len(list(tmp_path.iterdir())) == 2
    sweep(LIMITS)
    assert len(list(tmp_path.glob("*/*/*"))) == 2


def test_a_file_that_cannot_be_removed_does_not_stop_the_sweep(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A single log line reports all of them, and the app removes the other files."""
    uploads = UploadFolder(tmp_path)
    stuck = [uploads.make("ann", "a.png") for _ in range(2)]
    for one in stuck:
        one.mkdir()  # which cannot be unlinked
    old = uploads.make("ben", "a.png")
    old.touch()
    for one in (*stuck, old):
        os.utime(one, (0, 0))
    uploads.sweep()
    assert sorted(tmp_path.glob("*/*/*")) == sorted(stuck)
    (line,) = caplog.messages
    assert line.startswith("2 uploads can't be deleted: ")


def test_finding_26_uploads_of_other_users_are_kept(tmp_path: Path) -> None:
    """When the folder is too large, the app first deletes files of the user with the most data.
    Another user's older files stay."""
    uploads = UploadFolder(tmp_path)
    for name, age in (("ann", 90), *(("ben", age) for age in range(9))):
        place = uploads.make(name, f"{name}.png")
        place.write_bytes(bytes(1000))
        os.utime(place, (place.stat().st_mtime - age,) * 2)
    UploadFolder(tmp_path, replace(LIMITS, uploads=3500)).sweep()
    assert sorted(path.name for path in tmp_path.glob("*/*/*")) == ["ann.png", "ben.png", "ben.png"]


def put(uploads: UploadFolder, owner: str, size: int = 1000) -> Path:
    """Store a file as an upload does."""
    file = uploads.make(owner, "a.png")
    file.write_bytes(bytes(size))
    uploads.kept(file)
    return file


def test_finding_s20_a_sweep_comes_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app lists all files only once for many uploads. The limits on number and bytes still
    hold."""
    monkeypatch.setattr("ui.web.upload_folder._MOST_KEPT", 50)
    listed = list[UploadFolder]()
    files = UploadFolder._files
    monkeypatch.setattr(UploadFolder, "_files", lambda self: (listed.append(self), files(self))[1])
    for limits in (LIMITS, replace(LIMITS, uploads=40_000)):
        listed.clear()
        uploads = UploadFolder(tmp_path / f"{limits.uploads}", limits)
        for _ in range(200):
            put(uploads, "ben")
            kept = list(uploads.path.glob("*/*/*"))
            assert len(kept) <= 50
            assert 1000 * len(kept) <= limits.uploads
        assert 1 < len(listed) <= 50


def test_finding_s20_files_of_before_the_start_count(tmp_path: Path) -> None:
    """The first upload makes the app list the folder."""
    for _ in range(5):
        put(UploadFolder(tmp_path), "ben")
    put(UploadFolder(tmp_path, replace(LIMITS, uploads=4000)), "ben")
    assert len(list(tmp_path.glob("*/*/*"))) == 3


def test_finding_s5_uploads_of_one_address_displace_no_others(tmp_path: Path) -> None:
    """Users at the same address count together. The app removes their files, even if each of them
    has fewer than another user."""
    uploads = UploadFolder(tmp_path, replace(LIMITS, uploads=10_000))
    ann = [put(uploads, "ann") for _ in range(4)]
    for number in range(30):
        uploads.came_from(f"eve {number}", "192.0.2.7")
        put(uploads, f"eve {number}")
    assert all(file.is_file() for file in ann)
