"""`python -m tests.cli.interrupted COMMAND …`: `python -m comfy COMMAND …`, with SIGINT at the moment
at which it starts the thread of its second run."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

from comfy.__main__ import main

started: set[str] = set()


def interrupt(frame: FrameType, event: str, _: object) -> None:
    """For `sys.settrace`: told of each call."""
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
