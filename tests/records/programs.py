"""Helper processes that open one history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.app_process import FORKED
from tests.support.samples.histories import ANN


def _program(database: str, kept: Path, asked: Connection) -> None:
    """Open the history when a message arrives, and send the number of Ann's runs twice. Runs in its
    own process."""
    asked.recv()
    with contextlib.closing(RunStore(database, BlobStore(kept))) as history:
        asked.send(len(history.of(ANN)))
        asked.recv()
        asked.send(len(history.of(ANN)))


@contextlib.contextmanager
def programs(count: int, database: str, kept: Path) -> Iterator[list[Connection]]:
    """Start this many programs, which open this history when they receive a message. Each answers
    twice with the number of Ann's runs. All must exit without an error."""
    with contextlib.ExitStack() as ends:
        running, processes = [], []
        for _ in range(count):
            ours, theirs = FORKED.Pipe()
            running.append(ends.enter_context(ours))
            process = FORKED.Process(target=_program, args=(database, kept, theirs))
            process.start()
            theirs.close()  # otherwise the test would wait for the answer of a failed process
            processes.append(process)
        yield running
        for process in processes:
            process.join()
            assert process.exitcode == 0
            process.close()
