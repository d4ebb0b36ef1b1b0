"""What a program may leave behind: sockets, threads, temporary files."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

# Worker threads of the event loops of servers that outlive a test; they end by themselves when idle.
POOLED = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")


def open_sockets() -> set[str]:
    """The TCP sockets this process holds, by the kernel's number for each.

    Pairs of local sockets are not counted: Gradio makes an event loop for each Blocks and never closes it.
    """
    tcp = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()
    }
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:") and target[8:-1] in tcp:
            found.add(target)
    return found


def running_threads() -> set[str]:
    """The threads of this process that are no idle pool workers."""
    return {f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if not thread.name.startswith(POOLED)}


def temporary_files() -> set[str]:
    """What lies in the folder for temporary files."""
    return set(os.listdir(tempfile.gettempdir()))


MEASURES: dict[str, Callable[[], set[str]]] = {
    "sockets": open_sockets,
    "threads": running_threads,
    "temporary files": temporary_files,
}
if sys.platform != "linux":
    MEASURES.pop("sockets")


def left_since(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """What there is more than then, by kind; nothing for kinds of which there is no more."""
    return {name: more for name, measure in MEASURES.items() if (more := measure() - before[name])}


def measured() -> dict[str, set[str]]:
    """What there is now."""
    return {name: measure() for name, measure in MEASURES.items()}
