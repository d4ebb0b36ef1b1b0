"""Registries of tests: the embedded app's, or of the kind that a plugin adds.

`pytest_plugin.py` in the folder `tests` of a plugin repeats tests with its kind, by the fixture
`registry_kind`. They need no other change: `new_registry` and `history_address` return what it asks
for.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfy.runs.interface import RunRegistry
from comfy.runs.registry import LocalRunRegistry
from tests.support.waiting import LONGEST_WAIT


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


class RegistryKind:
    """Kind of registries: the embedded app's. Other processes get a copy by pickle."""

    def history_address(self, folder: Path) -> str:
        """Return the URL of the history's database; `folder` has the files."""
        return sqlite_address(folder)

    def registry(
        self, servers: ServerPool, history: RunStore | None, **options: Any
    ) -> RunRegistry:
        """Return a registry with the options of `LocalRunRegistry`."""
        return EmbeddedRegistry(servers, history, **options)


EMBEDDED = RegistryKind()
_current = EMBEDDED


def current_kind() -> RegistryKind:
    """Return the kind of the current test's registries."""
    return _current


@contextlib.contextmanager
def using(kind: RegistryKind) -> Iterator[None]:
    """Make registries of this kind during the block."""
    global _current
    _current = kind
    try:
        yield
    finally:
        _current = EMBEDDED


def history_address(folder: Path) -> str:
    """Return the URL of the history's database; `folder` has the files."""
    return _current.history_address(folder)


def new_registry(
    servers: ServerPool, *, history: RunStore | None = None, **options: Any
) -> RunRegistry:
    """Return a registry with the options of `LocalRunRegistry`."""
    return _current.registry(servers, history, **options)
