"""Detection of leaked sockets, threads and temporary files."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable

# Worker threads of the event loops of servers that outlive a test; they end by themselves when
# idle.
POOLED = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")

_CLOSED = 7  # a state of TCP, as Linux counts them

# Functions to call until a test has left nothing behind.
closing: list[Callable[[], object]] = []


def descriptors() -> dict[str, int]:
    """Return the file descriptors of this process's sockets, keyed by the kernel's name
    (`socket:[4711]`)."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # closed since: the listing's own, or by another thread
            found[os.readlink(f"/proc/self/fd/{entry}")] = int(entry)
    return {target: number for target, number in found.items() if target.startswith("socket:")}


def open_sockets() -> set[str]:
    """Return the kernel's names of this process's sockets."""
    return set(descriptors())


def tcp_connection(number: int) -> str:
    """Return the ports and the state of a TCP connection as text. The text is empty for a closed
    socket and for anything that isn't a TCP socket."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
        state = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        here, there = one.getsockname()[1], 0
        with contextlib.suppress(OSError):  # a listening socket has no peer
            there = one.getpeername()[1]
        return f"{here} to {there}, state {state}" if state != _CLOSED else ""
    return ""


def running_threads() -> set[str]:
    """Return the threads of this process, without idle pool workers."""
    return {
        f"{thread.name} ({thread.ident})"
        for thread in threading.enumerate()
        if not thread.name.startswith(POOLED)
    }


def temporary_files() -> set[str]:
    """Return the names in the folder for temporary files."""
    return set(os.listdir(tempfile.gettempdir()))


MEASURES: dict[str, Callable[[], set[str]]] = {
    "sockets": open_sockets,
    "threads": running_threads,
    "temporary files": temporary_files,
}
if sys.platform != "linux":
    MEASURES.pop("sockets")


def left_since(before: dict[str, set[str]]) -> dict[str, set[str]]:
    r"""Return what was added since `before`, by kind. Kinds without additions are left out.

    Pairs of local sockets don't count, because Gradio makes an event loop for each Blocks and never
    closes it.
    """
    left = {name: measure() - before[name] for name, measure in MEASURES.items()}
    if names := left.get("sockets"):
        held = descriptors()
        connections = (tcp_connection(held[name]) for name in names & held.keys())
        left["sockets"] = {one for one in connections if one}
    return {name: more for name, more in left.items() if more}


def measured() -> dict[str, set[str]]:
    """Return the current sockets, threads and files, by kind."""
    return {name: measure() for name, measure in MEASURES.items()}
