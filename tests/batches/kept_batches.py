"""Batches in a folder, as successive processes of the app see them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from comfy.batches.open_batch import BatchSummary
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.launch.payment import Payment
from comfy.launch.start import Starter
from comfy.library.catalog import CatalogCache
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.runs.interface import Origin
from comfy.runs.limits import RunLimits
from tests.support.app_process import killed_process
from tests.support.registries import RegistryKind, current_kind, new_registry, using
from tests.support.sampler import prompt
from tests.support.samples.paid import APP_KEY
from tests.support.serving import open_history
from tests.support.waiting import LONGEST_WAIT, eventually

ANN, BOB = "user:ann", "user:bob"
SEED, STEPS, MODEL = "4.seed", "4.steps", "1.ckpt_name"


class Batches:
    """A run starter with its registry and batch queue."""

    def __init__(self, starter: Starter) -> None:
        self.starter, self.runs, self.batches = starter, starter.runs, BatchQueue(starter)

    def begin(self, *axes: AxisSpec, owner: str = ANN, **values: object) -> BatchSummary:
        base = {SEED: None, **values}
        return self.batches.start("small", base, BatchSpec(axes), Origin(owner))

    def until(self, batch: BatchSummary, *states: str) -> BatchSummary:
        """Return the batch once it is in any of these states."""
        eventually(lambda: self.batches.get(batch.id, ANN).state in states, f"it is {states}")
        return self.batches.get(batch.id, ANN)

    def states(self, batch: BatchSummary) -> list[str]:
        states = self.batches.table(batch.id, ANN).states
        return [states[at] for at in range(len(states))]


@contextmanager
def kept_batches(
    url: str, folder: Path, others: Sequence[str] = (), **limits: Any
) -> Iterator[Batches]:
    """Open the batches of the history in `folder` and resume those from an earlier process.
    `others`: more servers."""
    workflows = folder / "workflows"
    workflows.mkdir(exist_ok=True)
    (workflows / "small.json").write_text(json.dumps(prompt(5, steps=2)))
    with ExitStack() as stack, closing(open_history(folder)) as history:
        clients = [stack.enter_context(Client(one)) for one in (url, *others)]
        servers = stack.enter_context(ServerPool(*clients))
        payment, limited = Payment(lambda _owner: APP_KEY), RunLimits(**limits)
        runs = new_registry(servers, history=history, limits=limited, api_key=payment.api_key)
        runs.resume()
        forms = Forms(
            WorkflowFolder(workflows).get, CatalogCache(servers.object_info), Permissions()
        )
        one = Batches(Starter(runs, forms, history.files, servers, payment=payment))
        one.batches.resume()
        try:
            yield one
        finally:
            runs.close()
            one.batches.close()


@contextmanager
def read_only(folder: Path, table: str = "groups") -> Iterator[None]:
    """Make the database refuse every change of this table in `folder`."""
    with closing(sqlite3.connect(folder / "history.sqlite")) as database:
        for what in ("UPDATE", "DELETE"):
            refuse = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
            database.execute(f"CREATE TRIGGER no_{what} BEFORE {what} ON {table} {refuse}")
        try:
            yield
        finally:
            for what in ("UPDATE", "DELETE"):
                database.execute(f"DROP TRIGGER no_{what}")


def _killed(
    kind: RegistryKind, url: str, folder: Path, rows: int, values: dict[str, object]
) -> None:
    """Start a batch in a separate process, and wait to be killed."""
    with using(kind), kept_batches(url, folder) as one:
        one.begin(AxisSpec(SEED, f"1..{rows}"), **values)
        threading.Event().wait(LONGEST_WAIT)


@contextmanager
def killed_batches(url: str, folder: Path, rows: int, **values: object) -> Iterator[None]:
    """Run a process with a batch of this many rows and these common values during the block, then
    kill it (SIGKILL)."""
    with killed_process(_killed, current_kind(), url, folder, rows, values):
        yield
