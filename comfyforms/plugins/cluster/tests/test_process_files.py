"""Files of processes in the shared folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from comfy.base.files import temporary_folder
from comfyforms.plugins.cluster.processes import ProcessFiles
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[4]
# A process that works in its own temporary folder until it is killed.
WORK = """
import signal, sys
from pathlib import Path
from comfy.base.files import temporary_folder
with temporary_folder(Path(sys.argv[1]), clean=False) as folder:
    (folder / "ready").touch()
    signal.pause()
"""


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


def test_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """The clean-up keeps the temporary folders of processes that work or have just started."""
    below = tmp_path / "temporary"
    with temporary_folder(below, clean=True) as working:
        dead, starting = below / "dead", below / "starting"
        for folder in (dead, starting):
            folder.mkdir()
            (folder / "upload").touch()
        for folder in (working, dead):
            os.utime(folder, (1, 1))
        ProcessFiles(tmp_path).sweep()
        assert set(below.iterdir()) == {working, starting}
    assert set(below.iterdir()) == {starting}


def test_the_folder_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """A process that works keeps its folder, a killed one doesn't."""
    below = tmp_path / "temporary"
    below.mkdir()
    with subprocess.Popen([sys.executable, "-c", WORK, str(below)], cwd=ROOT) as process:
        try:
            eventually(lambda: list(below.glob("*/ready")), "a temporary folder")
            (folder,) = below.iterdir()
            os.utime(folder, (1, 1))
            ProcessFiles(tmp_path).sweep()
            assert folder.exists()
        finally:
            process.kill()
    ProcessFiles(tmp_path).sweep()
    assert not folder.exists()
