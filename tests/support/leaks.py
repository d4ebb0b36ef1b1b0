"""What a program may leave behind: sockets, threads, temporary files."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

# Worker threads of the event loops of servers that outlive a test; they end by themselves when
# idle.
POOLED = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")

# What is called until nothing of a test is left.
Closing = list[Callable[[], object]]


def open_sockets() -> set[str]:
    """The sockets this process holds, by the kernel's name for each (`socket:[4711]`)."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # closed since: the listing's own, or by another thread
            found.add(os.readlink(f"/proc/self/fd/{entry}"))
    return {target for target in found if target.startswith("socket:")}


def tcp_sockets() -> dict[str, str]:
    """All TCP sockets of this machine: their ports here and there, and the state as a number, by
    their names. The kernel's table is long and slow to read."""
    tables = (
        Path(f"/proc/self/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")
    )
    lines = (line.split() for table in tables for line in table)
    return {
        f"socket:[{parts[9]}]": f"{_port(parts[1])} to {_port(parts[2])}, state {parts[3]}"
        for parts in lines
    }


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def running_threads() -> set[str]:
    """The threads of this process that are no idle pool workers."""
    return {
        f"{thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if not thread.name.startswith(POOLED)
    }


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
    """What there is more than then, by kind; nothing for kinds of which there is no more.

    Pairs of local sockets are not counted: Gradio makes an event loop for each Blocks and never
    closes it.
    """
    left = {name: measure() - before[name] for name, measure in MEASURES.items()}
    if left.get("sockets"):
        tcp = tcp_sockets()
        left["sockets"] = {tcp[name] for name in left["sockets"] & tcp.keys()}
    return {name: more for name, more in left.items() if more}


def measured() -> dict[str, set[str]]:
    """What there is now."""
    return {name: measure() for name, measure in MEASURES.items()}
