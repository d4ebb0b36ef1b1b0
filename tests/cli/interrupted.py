"""Run `python -m comfy COMMAND …` with SIGINT at the moment when it starts the thread of its second
run: `python -m tests.cli.interrupted COMMAND …`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

from comfy.__main__ import main

started: set[str] = set()


def interrupt(frame: FrameType, event: str, _: object) -> None:
    """Send SIGINT when the second run's thread starts. `sys.settrace` reports each call to this
    function."""
    if frame.f_code is not threading.Thread.start.__code__:
        return
    thread: threading.Thread = frame.f_locals["self"]
    started.add(thread.name)
    if sum(name.startswith("run-") for name in started) > 1:
        sys.settrace(None)
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.settrace(interrupt)
    threading.settrace(interrupt)  # a batch starts its runs in a thread
    sys.exit(main())
