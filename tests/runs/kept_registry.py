"""Registries that open the same history one after the other, as successive app processes do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import Origin, RunPolicy, RunRegistry
from comfyui_standin import DemoServer
from tests.runs.registry import HURRIED
from tests.support.app_process import killed_process
from tests.support.registries import RegistryKind, current_kind, new_registry, using
from tests.support.serving import open_history
from tests.support.waiting import IMPORTING, LONGEST_WAIT, eventually

SUBMITTED = "submitted"  # a file in the folder of a process that is to be killed


@contextmanager
def kept_registry(
    demo: DemoServer, folder: Path, *, shown: bool = True, **options: Any
) -> Iterator[RunRegistry]:
    """Open a registry with the history in `folder`."""
    history = open_history(folder)
    with Client(
        replace(ServerAddress.parse(demo.url), shown=shown), timeout=LONGEST_WAIT
    ) as client:
        runs = new_registry(ServerPool(client), timing=HURRIED, history=history, **options)
        try:
            yield runs
        finally:
            runs.close()
            history.close()


def _first_process(
    kind: RegistryKind,
    url: str,
    folder: Path,
    ahead: int,
    jobs: list[tuple[Job, bool]],
) -> None:
    """Submit these jobs, each with its `keeps_going` flag, and wait to be killed. Runs in its own
    process."""
    with using(kind), Client(url) as client:
        history = open_history(folder)
        runs = new_registry(ServerPool(client), history=history, ahead=ahead)
        for one, keeps_going in jobs:
            runs.submit(one, Origin("me"), RunPolicy(keeps_going=keeps_going))
        (folder / SUBMITTED).touch()
        threading.Event().wait(LONGEST_WAIT)


@contextmanager
def killed_registry(
    url: str, folder: Path, *jobs: Job, keeps_going: bool = True, ahead: int = 2
) -> Iterator[None]:
    """Run an earlier process of the program with these runs inside the block, then kill it
    (SIGKILL)."""
    told = [(one, keeps_going) for one in jobs]
    with killed_process(_first_process, current_kind(), url, folder, ahead, told):
        eventually((folder / SUBMITTED).exists, "the first process submits", IMPORTING)
        yield
