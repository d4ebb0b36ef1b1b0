"""`python -m comfy batch`, mostly in this process. Tests that kill or stop it run it as a process
of its own."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from comfyui_standin import DemoServer
from tests.cli import test_batch_command as twin
from tests.cli.commands import images, process, results
from tests.cli.test_batch_command import command
from tests.support.waiting import LONGEST_WAIT, eventually

demo, workflow = twin.demo, twin.workflow


def test_ctrl_c_during_a_batch_start_leaves_no_run_on_the_server(
    demo: DemoServer, workflow: Path, tmp_path: Path
) -> None:
    """Ctrl-C arrives at a moment that allows no cleanup. The command still ends everything that has
    begun."""
    words = command(workflow, demo, tmp_path, "--set", "seed=1..3", "--set", "steps=5000")
    with process(words, tmp_path, "tests.cli.interrupted") as stopped:
        _, told = stopped.communicate(timeout=LONGEST_WAIT)
    assert stopped.returncode == 128 + signal.SIGINT, told
    assert told.endswith("Stopped. Continue with --resume.\n")
    assert "Traceback" not in told
    eventually(lambda: demo.queue.remaining() == 0)


def test_a_batch_that_is_stopped_does_not_wait_for_a_reader(
    demo: DemoServer, workflow: Path, tmp_path: Path
) -> None:
    """After Ctrl-C, the command ends even if no reader takes its output, for example `less` that
    isn't scrolled."""
    words = command(workflow, demo, tmp_path, "--set", "seed=1..3")
    reading, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(full, bytes(65536)):
            pass
    os.set_blocking(full, True)
    with process(words, tmp_path, stdout=full) as stopped, os.fdopen(reading):
        os.close(full)
        eventually(lambda: images(tmp_path))  # the next thing is to print its name
        waits_at = Path(f"/proc/{stopped.pid}/wchan")
        eventually(lambda: "pipe_write" in waits_at.read_text())
        stopped.send_signal(signal.SIGINT)
        _, told = stopped.communicate(timeout=LONGEST_WAIT)
    assert stopped.returncode == 128 + signal.SIGINT, told
    assert told.endswith("Stopped. Continue with --resume.\n")
    assert results(tmp_path)[0]["state"] == "done"
