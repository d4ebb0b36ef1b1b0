"""Registry of a cluster process in the test's own process."""

from __future__ import annotations

import contextlib
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from comfy.comfyui.protocol.run_state import stopped
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from comfy.runs.interface import Timeouts
from comfy.runs.latest_state import stamped
from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.processes import Place
from comfyforms.plugins.cluster.registry import ClusterRegistry
from comfyforms.plugins.cluster.run import LAST
from comfyforms.plugins.cluster.tests.apart import run_apart


class StartedRegistry(ClusterRegistry):
    """Registry of a cluster process that has joined, as embedded registries are ready at once."""

    def __init__(
        self,
        servers: ServerPool,
        history: RunStore | None,
        database: str,
        wire: str,
        *,
        keep_running: bool = False,
        timing: Timeouts = ClusterRegistry.timing,
        ahead: int = ClusterRegistry.ahead,
        keep: int = ClusterRegistry.keep,
        **options: Any,
    ) -> None:
        self.timing, self.ahead, self.keep = timing, ahead, keep
        self._own = contextlib.ExitStack()
        if history is None:
            folder = self._own.enter_context(tempfile.TemporaryDirectory())
            history = RunStore(database, BlobStore(Path(folder)))
            self._own.callback(history.close)
        place = Place("test")
        super().__init__(
            servers, history, Wire(wire, "test"), place, keep_running=keep_running, **options
        )
        run_apart(super().resume)

    def resume(self) -> None:
        """Do nothing."""

    def close(self, timeout: float = 1.0, *, finish: float = 0.0) -> None:
        """See `RunRegistry.close`."""
        run_apart(partial(super().close, timeout, finish=finish))
        for run in self._mirror.unfinished:  # other threads wait for them; a process would end here
            run.receive(LAST, stamped(stopped(run.state)))
        self._own.close()
