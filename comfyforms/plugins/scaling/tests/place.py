"""The part of an app that starts and stops servers, without pages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import CheckPauses, ServerPool
from comfy.runs.interface import Origin, Run
from comfy.runs.registry import LocalRunRegistry
from comfyforms.plugins.scaling.rules import Pace
from comfyforms.plugins.scaling.scaler import Scaler
from comfyforms.plugins.scaling.store import ScaleStore
from comfyforms.plugins.scaling.tests.machines import Machines
from comfyui_standin import DemoServer
from tests.runs.registry import HURRIED
from tests.support.sampler import job
from tests.support.serving import open_history
from tests.support.waiting import eventually

QUICK = Pace(look=0.05, settle=0.2, gone=1.0, spot_gone=0.3, unsuited=0.5, lease=2.0, retry=0.3)


@dataclass
class Place:
    """An app's servers, runs and scaler."""

    pool: ServerPool
    runs: LocalRunRegistry
    scaler: Scaler
    store: ScaleStore

    def submit(self, steps: int) -> Run:
        return self.runs.submit(job(steps), Origin("me"))

    @property
    def states(self) -> list[str]:
        return [row.state for row in self.store.rows()]

    def wait_for(self, *states: str) -> None:
        """Wait until the started servers are in these states."""
        eventually(lambda: self.states == list(states), f"servers {states}")


@contextlib.contextmanager
def opened(
    fixed: DemoServer,
    machines: Machines,
    folder: Path,
    *,
    pace: Pace = QUICK,
    retries: bool = True,
    **options: object,
) -> Iterator[Place]:
    """Run the app's part without pages. Without `options`, with one elastic server."""
    history = open_history(folder)
    with Client(fixed.url) as client, contextlib.closing(history):
        pauses = CheckPauses(up=0.2, recheck=0.05, away=0.1, limit=1.0)
        with ServerPool(client, pauses=pauses) as pool:
            runs = LocalRunRegistry(
                pool, history, timing=replace(HURRIED, elsewhere=0.2), retries=retries
            )
            store = ScaleStore(history.engine)
            scale = machines.scale(ServerAddress.parse, **options)
            with Scaler([scale], store, pool, runs, pace=pace) as scaler:
                try:
                    runs.resume()
                    yield Place(pool, runs, scaler, store)
                finally:
                    runs.close()
