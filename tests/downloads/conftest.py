"""A file server, and downloads into a folder as ComfyUI has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from comfyforms.comfyui_node.downloads.journal import DownloadOrder
from comfyforms.comfyui_node.downloads.queue import Downloads, DownloadStatus
from comfyforms.comfyui_node.downloads.targets import ModelFolder
from tests.downloads.file_server import FileServer, file_server
from tests.support.waiting import eventually

ENDINGS = frozenset({".safetensors", ".sft", ".ckpt"})


@pytest.fixture
def files() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return ComfyUI's folder of models, with two of its folders."""
    for name in ("checkpoints", "loras"):
        (tmp_path / "models" / name).mkdir(parents=True)
    return tmp_path / "models"


Opened = Callable[[], Downloads]


@pytest.fixture
def opened(models: Path, tmp_path: Path) -> Iterator[Opened]:
    """Return a function that opens the queue as a new process would."""
    folders = {name: ModelFolder((models / name,), ENDINGS) for name in ("checkpoints", "loras")}
    with ExitStack() as leave:

        def open_again() -> Downloads:
            queue = Downloads(tmp_path / "state", lambda: folders, pauses=(0.0,) * 3)
            leave.callback(queue.close)
            queue.restore()
            return queue

        yield open_again


def order(files: FileServer, name: str = "a.safetensors", **changes: str) -> DownloadOrder:
    """Return an order for a file of the server, which the administrator has added."""
    fields = {"url": files.url(name), "folder": "checkpoints", "name": name} | changes
    return DownloadOrder(hosts=(files.origin,), **fields)


def ended(queue: Downloads, state: str) -> DownloadStatus:
    """Wait until the only download has this state."""
    eventually(lambda: queue.statuses()[0].state == state, f"{queue.statuses()}")
    return queue.statuses()[0]


def visible(models: Path) -> list[str]:
    """Return the files that ComfyUI lists."""
    found = (file for file in models.rglob("*") if file.suffix in ENDINGS)
    return sorted(str(file.relative_to(models)) for file in found)
