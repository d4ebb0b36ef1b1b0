"""A process that listens and is frozen."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from comfyforms.plugins.cluster.tests.redis import RedisServer
from comfyforms.plugins.cluster.tests.wires import Received, running_wire
from tests.support.waiting import LONGEST_WAIT, eventually

FRAME = b"x" * 1_000_000
# More than the service keeps for a client that doesn't read (32 MiB by default).
FRAMES = 40
WATCHER = """
import sys
from comfyforms.plugins.cluster.messaging.wire import Wire
wire = Wire(sys.argv[1], "watcher")
wire.listen("frames", lambda body: print(len(body), flush=True) if len(body) < 10 else None)
wire.on_return(lambda: print("returned", flush=True))
sys.stdin.read()
wire.close()
"""


@contextlib.contextmanager
def watching_process(service: RedisServer) -> Iterator[subprocess.Popen[str]]:
    """Run a process that listens to frames. It prints the length of small ones, and `returned`."""
    command = sys.executable, "-c", WATCHER, service.url
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        counted = "PUBSUB", "NUMSUB", "comfyforms:0:frames"
        eventually(lambda: service.ask(*counted).endswith(":1\r\n"), "a subscription")
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.stdin.close()
            assert process.wait(LONGEST_WAIT) == 0


def test_a_frozen_process_delays_no_other(service: RedisServer) -> None:
    """Other processes get every message at once. The service cuts the frozen one off; when it wakes,
    it learns that messages were lost, and gets new ones."""
    with watching_process(service) as frozen, running_wire(service.url) as wire:
        received = Received(wire, "frames")
        frozen.send_signal(signal.SIGSTOP)
        longest = 0.0
        for number in range(FRAMES):
            started = time.monotonic()
            body = b"%d" % number + FRAME
            wire.publish("frames", body)
            received.wait_for(body)
            received.bodies.clear()
            longest = max(longest, time.monotonic() - started)
        assert longest < LONGEST_WAIT / 3
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout is not None
        while frozen.stdout.readline() != "returned\n":
            pass
        wire.publish("frames", b"after")
        assert frozen.stdout.readline() == "5\n"
