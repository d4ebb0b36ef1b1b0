"""What every test stands on: real servers on free ports, a real browser, and a check that nothing is left behind."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import pytest

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
SETTLE = 5.0  # seconds that closing may take
# Worker threads of the event loops of servers that outlive a test; they end by themselves when idle.
POOLED = ("AnyIO worker thread", "asyncio_", "ThreadPoolExecutor-")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with recordings and real workflows beside the checkout; users do not have it."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared, which is not beside this checkout")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """No test speaks to another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            host = str(address[0])
            if not (host.startswith("127.") or host in ("::1", "localhost")):
                raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def open_sockets() -> set[str]:
    """The TCP sockets this process holds, by the kernel's number for each.

    Pairs of local sockets are not counted: Gradio makes an event loop for each Blocks and never closes it.
    """
    tcp = {
        line.split()[9]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()
    }
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:") and target[8:-1] in tcp:
            found.add(target)
    return found


def running_threads() -> set[str]:
    """The threads of this process that are no idle pool workers."""
    return {f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if not thread.name.startswith(POOLED)}


def temporary_files() -> set[str]:
    """What lies in the folder for temporary files."""
    return set(os.listdir(tempfile.gettempdir()))


MEASURES: dict[str, Callable[[], set[str]]] = {
    "sockets": open_sockets,
    "threads": running_threads,
    "temporary files": temporary_files,
}


@pytest.fixture(autouse=True)
def nothing_left_behind(only_loopback: None, own_temporary_folder: Path) -> Iterator[None]:
    """After each test: no socket, thread or temporary file more than before."""
    before = {name: measure() for name, measure in MEASURES.items()}
    yield
    end = time.monotonic() + SETTLE
    while left := {name: more for name, measure in MEASURES.items() if (more := measure() - before[name])}:
        if time.monotonic() > end:
            pytest.fail(f"left behind: {left}")
        threading.Event().wait(0.02)


@pytest.fixture(autouse=True, scope="session")
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Temporary files go to a folder of the session's own, so that they can be counted."""
    folder = tmp_path_factory.mktemp("temporary")
    (folder / "gradio").mkdir()  # Gradio makes it with the first upload and keeps it
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    os.environ["COMFYFORMS_DATA"] = str(tmp_path_factory.mktemp("data"))
    yield folder
    tempfile.tempdir = before


if sys.platform != "linux":
    MEASURES.pop("sockets")
