"""Registries of tests: of the embedded app, or of one process of a cluster.

A test gets the latter from the fixture `registry_kind`, and needs no other change: `new_registry` and
`history_address` return what it asks for.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text

from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfy.runs.interface import RunRegistry
from comfy.runs.registry import LocalRunRegistry
from tests.support.postgres import empty
from tests.support.waiting import LONGEST_WAIT

# Test files whose tests run with both kinds of registries: always, and with `--nightly`.
ALWAYS_TWICE = ("runs/test_registry_line.py",)
TWICE = (
    *ALWAYS_TWICE,
    "runs/test_registry.py",
    "batches/test_batch_queue.py",
    "chains/test_chain_results.py",
)


@dataclass(frozen=True, slots=True)
class ClusterServices:
    """Addresses of a cluster's database and wire."""

    database: str
    wire: str

    def clear(self) -> None:
        """Remove all rows, as in a new database."""
        empty(self.database)
        engine = create_engine(self.database)
        with engine.begin() as connection:
            if inspect(connection).has_table("workflow_status", schema="dbos"):
                connection.execute(text("TRUNCATE dbos.workflow_status CASCADE"))
        engine.dispose()


class EmbeddedRegistry(LocalRunRegistry):
    """Registry with this history, or with one of its own that is deleted when it is closed."""

    def __init__(
        self, servers: ServerPool, history: RunStore | None = None, **options: Any
    ) -> None:
        self._own = contextlib.ExitStack()
        if history is None:
            folder = Path(self._own.enter_context(tempfile.TemporaryDirectory()))
            history = RunStore(sqlite_address(folder), BlobStore(folder))
            self._own.callback(history.close)
        super().__init__(servers, history, **options)

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        super().close(timeout, finish=finish)
        for run in self.known():  # its thread may still remove old results
            run.join(LONGEST_WAIT)
        self._own.close()


_services: ClusterServices | None = None


def services() -> ClusterServices | None:
    """Return the services of the current test; None with the embedded registry."""
    return _services


@contextlib.contextmanager
def using(cluster: ClusterServices | None) -> Iterator[None]:
    """Make a process of this cluster of each registry during the block."""
    global _services
    _services = cluster
    try:
        yield
    finally:
        _services = None


def history_address(folder: Path) -> str:
    """Return the URL of the history's database; `folder` has the files."""
    return _services.database if _services else f"sqlite:///{folder / 'history.sqlite'}"


def new_registry(
    servers: ServerPool, *, history: RunStore | None = None, **options: Any
) -> RunRegistry:
    """Return a registry with the options of `LocalRunRegistry`."""
    if _services is None:
        return EmbeddedRegistry(servers, history, **options)
    from tests.support.cluster.started_registry import (
        StartedRegistry,  # its engine takes long to import
    )

    return StartedRegistry(servers, history, _services.database, _services.wire, **options)
