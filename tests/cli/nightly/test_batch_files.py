"""Files that `python -m comfy batch` reads from and writes to this machine's disk."""

from __future__ import annotations

from pathlib import Path

from comfyui_standin import DemoServer
from tests.cli import test_batch_files as twin
from tests.cli.commands import process, small_workflow
from tests.cli.test_batch_files import command
from tests.support.waiting import LONGEST_WAIT

demo, workflow = twin.demo, twin.workflow


def test_a_closed_pipe_is_not_an_error(demo: DemoServer, tmp_path: Path) -> None:
    """The command ends without a traceback, like any command in a pipe."""
    file = small_workflow(tmp_path)
    words = command(file, demo, tmp_path / "out", "--set", "seed=1..6")
    with process(words, tmp_path) as piped:
        assert piped.stdout is not None
        assert piped.stderr is not None
        piped.stdout.readline()
        piped.stdout.close()
        told = piped.stderr.read()
        assert piped.wait(LONGEST_WAIT) in (0, 141)
    assert "Traceback" not in told
