"""A process that submits and ends runs of a cluster without executing them. It prints `ready`, and
after a line on standard input the runs that it began, as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.store import RunStore
from comfy.runs.interface import UNWATCHED, Origin
from comfy.runs.limits import RunLimits
from comfyforms.plugins.cluster.line import Decider, Entrance
from comfyforms.plugins.cluster.rows import Fence, LiveRow
from comfyforms.plugins.cluster.tables import lock
from tests.support.samples.histories import begun, ended_record

OWNERS = 30
_SERVERS = [f"http://127.0.0.1:{port}" for port in (1, 2, 3, 4)]  # nothing connects to them


class QueueProcess:
    """A process's part of the queue, with the transactions that a run takes. `begun`: the runs that
    the process has to execute now."""

    def __init__(self, history: RunStore, servers: ServerPool) -> None:
        self.history = history
        self.begun: list[LiveRow] = []
        self._records: dict[str, Record] = {}
        self._entrance = Entrance(history, RunLimits(person=10_000, address=10_000, all=10_000))
        candidates = servers.servers
        self._decider = Decider(servers, 1, lambda _: candidates, uuid.uuid4().hex)

    @property
    def waiting(self) -> int:
        """Return the number of waiting runs that this process has submitted."""
        return len(self._records) - len(self.begun)

    def submit(self, number: int) -> None:
        """Submit a run of one of the owners."""
        owner = f"browser:{number % OWNERS}"
        record = begun(str(uuid.uuid4()), owner, time.time())
        self._records[record.id] = record
        found: Sequence[LiveRow] = ()

        def enqueue(connection: Connection) -> None:
            nonlocal found
            origin, choose = Origin(owner), self._decider.choose
            found = self._entrance.enqueue(connection, record, origin, UNWATCHED, choose)

        self.history.begin(record, enqueue)
        self.begun += found

    def decide(self) -> None:
        """Release the server of the oldest run that this process executes, and decide which run is
        next."""
        ended = self.begun[0]
        with self.history.engine.begin() as connection:
            lock(connection)
            Fence(ended.run, ended.taken).update(connection, over=True)
            self.begun += self._decider.decide(connection)

    def end(self) -> None:
        """Record the end of the run whose server was released."""
        ended = self.begun.pop(0)
        record = self._records.pop(ended.run, None) or begun(ended.run, "browser:other")
        finished = ended_record(replace(record, submitted_at=time.time()), Phase.DONE)
        self.history.end(finished, Fence(ended.run, ended.taken).end)


@contextmanager
def queue_process(database: str) -> Iterator[QueueProcess]:
    """Open a process's part of the queue in this database during the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        history = RunStore(database, BlobStore(folder))
        stack.callback(history.close)
        clients = [stack.enter_context(Client(url)) for url in _SERVERS]
        yield QueueProcess(history, ServerPool(*clients))


def main() -> None:
    """Submit runs, and end each that begins here, for some seconds."""
    with queue_process(sys.argv[1]) as process:
        print("ready", flush=True)
        end = time.monotonic() + float(sys.stdin.readline())
        taken, submitted = [], 0
        while time.monotonic() < end:
            process.submit(submitted)
            submitted += 1
            while process.begun and time.monotonic() < end:
                taken.append(process.begun[0].run)
                process.decide()
                process.end()
        print(json.dumps({"submitted": submitted, "taken": taken}), flush=True)


if __name__ == "__main__":
    main()
