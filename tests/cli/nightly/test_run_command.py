"""`python -m comfy run`, mostly as a process of its own."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from comfyui_standin import DemoServer
from tests.cli import test_run_command as twin
from tests.cli.test_run_command import ROOT, command
from tests.support.waiting import LONGEST_WAIT, eventually

demo, workflow = twin.demo, twin.workflow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_at_the_server(
    demo: DemoServer, workflow: Path, number: signal.Signals
) -> None:
    """On Ctrl-C or SIGTERM, the command interrupts the run on the server and closes the socket with
    1000. It exits without a traceback, within about a second."""
    closed = len(demo.sockets.close_codes)
    process = subprocess.Popen(
        [*command(workflow, demo), "--set", "4.steps=5000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        eventually(lambda: demo.queue.remaining() == 1)
        process.send_signal(number)
        _, told = process.communicate(timeout=LONGEST_WAIT)
    assert process.returncode == 128 + number, told
    assert told.endswith("Stopped.\n")
    assert "Traceback" not in told
    eventually(lambda: demo.queue.remaining() == 0)
    eventually(lambda: demo.sockets.close_codes[closed:] == [1000])
