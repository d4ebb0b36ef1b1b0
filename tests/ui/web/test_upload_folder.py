"""The files of this app that forms show: which of them go, and when."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ui.web.limits import WebLimits
from ui.web.upload_folder import UploadFolder

LIMITS = WebLimits()


def test_the_oldest_uploads_go_first(tmp_path: Path) -> None:
    """Files for forms take a bounded part of the disk, for a bounded time; folders go with their
    files."""
    uploads, sweep = UploadFolder(tmp_path), UploadFolder(tmp_path).sweep
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


def test_what_cannot_be_removed_keeps_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log tells of all of it, and the others go."""
    uploads = UploadFolder(tmp_path)
    stuck = [uploads.make("ann", "a.png") for _ in range(2)]
    for one in stuck:
        one.mkdir()  # which cannot be unlinked
    old = uploads.make("ben", "a.png")
    old.touch()
    for one in (*stuck, old):
        os.utime(one, (0, 0))
    uploads.sweep(LIMITS)
    assert sorted(tmp_path.glob("*/*/*")) == sorted(stuck)
    (line,) = caplog.messages
    assert line.startswith("Uploads could not be removed (2): ")


def test_finding_26_nobody_pushes_out_what_others_gave(tmp_path: Path) -> None:
    """Where there is too much, the files of whoever gave most go first, though another's are
    older."""
    uploads = UploadFolder(tmp_path)
    for name, age in (("ann", 90), *(("ben", age) for age in range(9))):
        place = uploads.make(name, f"{name}.png")
        place.write_bytes(bytes(1000))
        os.utime(place, (place.stat().st_mtime - age,) * 2)
    uploads.sweep(replace(LIMITS, uploads=3000))
    assert sorted(path.name for path in tmp_path.glob("*/*/*")) == ["ann.png", "ben.png", "ben.png"]
