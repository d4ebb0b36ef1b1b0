"""What every test stands on: real servers on free ports, a real browser, and a check that nothing is left behind."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import pytest
from faults.leaks import left_since, measured

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
SETTLE = 25.0  # seconds that closing may take; a run stopped while it was sent looks so long whether it has arrived


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


@pytest.fixture(autouse=True)
def nothing_left_behind(only_loopback: None, own_temporary_folder: Path) -> Iterator[None]:
    """After each test: no socket, thread or temporary file more than before."""
    before = measured()
    yield
    end = time.monotonic() + SETTLE
    while left := left_since(before):
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
