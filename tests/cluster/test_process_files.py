"""Files that show that processes share a folder."""

from __future__ import annotations

import os
from pathlib import Path

from comfy.cluster.process_files import ProcessFiles


def test_only_old_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """A new process removes what dead processes left a day ago, and nothing else."""
    files = ProcessFiles(tmp_path)
    for life in ("dead", "alive", "young"):
        files.add(life, ())
    for life in ("dead", "alive"):
        os.utime(tmp_path / "processes" / life, (1, 1))
    files.add("new", {"alive"})
    assert files.missing(["dead", "alive", "young", "new"]) == {"dead"}
    files.remove("new")
    files.remove("new")
    assert files.missing(["alive", "new"]) == {"new"}


def test_another_folder_has_no_files(tmp_path: Path) -> None:
    ProcessFiles(tmp_path).add("one", ())
    (other := tmp_path / "other").mkdir()
    assert ProcessFiles(other).missing(["one"]) == {"one"}
