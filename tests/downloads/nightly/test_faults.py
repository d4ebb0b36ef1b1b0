"""Large downloads survive cut connections, and the death of each process. A full disk is reported."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from comfyforms.comfyui_node.downloads.queue import Downloads
from comfyforms.comfyui_node.downloads.targets import ModelFolder
from tests.downloads.conftest import ENDINGS, Opened, ended, order, visible
from tests.downloads.file_server import FileServer, safetensors
from tests.support.app_process import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
LARGE = 200_000_000
NAME = "large.safetensors"


def test_a_large_file_survives_many_cuts(files: FileServer, opened: Opened, models: Path) -> None:
    """200 MB in pieces of 30 MB, without a byte sent twice."""
    content = safetensors(LARGE)
    files.host("a.safetensors", content, cut_after=30_000_000)
    queue = opened()
    queue.start(order(files, sha256=hashlib.sha256(content).hexdigest()))
    ended(queue, "done")
    assert (models / "checkpoints/a.safetensors").read_bytes() == content
    starts = [headers.get("range", "bytes=0-") for _, headers in files.requests]
    assert starts == [f"bytes={at * 30_000_000}-" for at in range(7)]


@contextmanager
def process(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a module of these tests, and kill it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def asked(program: subprocess.Popen[str], sent: object = None) -> dict[str, Any]:
    """Send an order, and return the state of the only download."""
    assert program.stdin
    assert program.stdout
    print(json.dumps(sent), file=program.stdin, flush=True)
    return dict(json.loads(program.stdout.readline())[0])


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """The file server and ComfyUI are killed in turn, in the middle of 200 MB. The file arrives,
    and each process continues at the received byte."""
    source, port = tmp_path / "source", free_port()
    source.mkdir()
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    content = safetensors(LARGE)
    (source / NAME).write_bytes(content)
    origin = f"http://127.0.0.1:{port}"
    sent = {
        "url": f"{origin}/{NAME}",
        "folder": "checkpoints",
        "name": NAME,
        "sha256": hashlib.sha256(content).hexdigest(),
        "hosts": [origin],
    }
    server, comfyui = "tests.downloads.file_server", "tests.downloads.nightly.downloading"
    received = 0
    for _ in range(3):
        with process(server, source, port, "held"), process(comfyui, tmp_path) as program:
            asked(program, sent)
            eventually(lambda program=program, received=received: _received(program) > received)  # type: ignore[misc]
        received = partial_size(tmp_path)
        assert visible(tmp_path / "models") == []
    with process(comfyui, tmp_path) as program:
        state = asked(program)
        assert state["received"] >= received
        with process(server, source, port):
            eventually(lambda: asked(program)["state"] == "done")
    assert (tmp_path / "models/checkpoints" / NAME).read_bytes() == content


def _received(program: subprocess.Popen[str]) -> int:
    return int(asked(program)["received"])


def partial_size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*.part"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of 100 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(place)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def on_disk(place: Path, tmp_path: Path) -> Downloads:
    folders = {"checkpoints": ModelFolder((place / "checkpoints",), ENDINGS)}
    return Downloads(tmp_path / "state", lambda: folders, pauses=())


def test_a_file_that_does_not_fit_is_not_begun(
    files: FileServer, small_disk: Path, tmp_path: Path
) -> None:
    """The problem names both sizes, and nothing is written."""
    files.host("a.safetensors", safetensors(80_000_000))
    queue = on_disk(small_disk, tmp_path)
    queue.start(order(files))
    assert "80 MB needed" in ended(queue, "failed").problem
    assert partial_size(small_disk) == 0
    queue.close()


def test_two_downloads_do_not_promise_the_same_space(
    files: FileServer, small_disk: Path, tmp_path: Path
) -> None:
    """Each would fit alone. The later one fails at its start, not in its middle."""
    for name in ("a.safetensors", "b.safetensors"):
        files.host(name, safetensors(20_000_000), held=threading.Event())
    queue = on_disk(small_disk, tmp_path)
    queue.start(order(files))
    eventually(lambda: queue.statuses()[0].received > 0)
    queue.start(order(files, "b.safetensors"))
    eventually(lambda: queue.statuses()[1].state == "failed")
    assert "20 MB needed" in queue.statuses()[1].problem
    held = files.files["a.safetensors"].held
    assert held
    held.set()
    ended(queue, "done")
    queue.close()


def test_reports_a_full_disk_and_retries_later(
    files: FileServer, small_disk: Path, tmp_path: Path
) -> None:
    """Another program fills the disk during the download. Once there is room, Retry continues."""
    content = safetensors(30_000_000)
    hosted = files.host("a.safetensors", content, held=threading.Event())
    queue = on_disk(small_disk, tmp_path)
    key = queue.start(order(files)).id
    eventually(lambda: partial_size(small_disk) > 10_000_000)
    other = small_disk / "other"
    other.write_bytes(b"0" * 85_000_000)
    assert hosted.held
    hosted.held.set()
    assert "full" in ended(queue, "failed").problem
    received = partial_size(small_disk)
    assert received > 0
    other.unlink()
    queue.resume(key)
    ended(queue, "done")
    assert files.requests[-1][1]["range"] == f"bytes={received}-"
    assert (small_disk / "checkpoints/a.safetensors").read_bytes() == content
    queue.close()
