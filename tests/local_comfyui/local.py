"""A fake ComfyUI that the app's code starts, with a registry of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from comfy.comfyui.discovery import opened_servers
from comfy.comfyui.servers.pool import ServerPool
from comfy.local_comfyui.installation import Installation, LocalSettings
from comfy.local_comfyui.supervisor import LocalComfyUI, opened_locally
from comfy.runs.registry import LocalRunRegistry
from tests.local_comfyui.fake_comfyui import FakeComfyUI
from tests.runs.registry import HURRIED
from tests.support.registries import EmbeddedRegistry
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Local:
    """ComfyUI, its supervisor, and the pool with its server."""

    fake: FakeComfyUI
    supervisor: LocalComfyUI
    pool: ServerPool
    runs: LocalRunRegistry

    def ready(self) -> None:
        """Wait until it takes runs."""
        eventually(lambda: self.supervisor.status.phase == "running", "ComfyUI runs")


@contextmanager
def local(folder: Path, arguments: str = "", ahead: int = 1) -> Iterator[Local]:
    """Start a fake ComfyUI in this folder, for the block."""
    (folder / "comfyui").mkdir()
    fake = FakeComfyUI(folder / "comfyui")
    installation = Installation.find(fake.folder, arguments=arguments)
    with supervised(installation, folder / "data", ahead) as (supervisor, pool, runs):
        yield Local(fake, supervisor, pool, runs)


@contextmanager
def supervised(
    installation: Installation, data: Path, ahead: int = 1
) -> Iterator[tuple[LocalComfyUI, ServerPool, LocalRunRegistry]]:
    """Start a ComfyUI for the block, with its pool and a registry of runs."""
    with (
        opened_locally([LocalSettings(installation)], data) as (supervisor,),
        opened_servers([supervisor.address]) as pool,
    ):
        runs = EmbeddedRegistry(pool, timing=HURRIED, ahead=ahead, keep_running=True)
        try:
            supervisor.start(pool)
            yield supervisor, pool, runs
        finally:
            runs.close()
