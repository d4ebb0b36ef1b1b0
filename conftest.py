"""Fixtures for all tests: real servers on free ports, a real browser, and a check for leftovers."""

from __future__ import annotations

import functools
import gc
import multiprocessing.util
import os
import socket
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import argon2
import pytest
from hypothesis import settings

import ui  # noqa: F401 - before Gradio, whose import takes half as long then
from tests.support.costs import Costs
from tests.support.distribution import PROCESSES_PER_CORE, PROFILES, PURE, ByFile
from tests.support.leaks import closing, left_since, measured
from tests.support.postgres import database_of, running_postgres
from tests.support.registries import EMBEDDED, using
from tests.support.waiting import LONGEST_WAIT

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

# The app hashes passwords with the default cost, which takes 0.2 s of a processor each time.
_TIME_COST, _MEMORY_COST, _PARALLELISM = 1, 64, 1
_, _, _, *_OTHERS = argon2.PasswordHasher.__init__.__defaults__ or ()
argon2.PasswordHasher.__init__.__defaults__ = (
    *(_TIME_COST, _MEMORY_COST, _PARALLELISM),
    *_OTHERS,
)

ROOT = Path(__file__).parent
TESTS = ROOT / "tests"
NIGHTLY = "nightly"
WITH_BROWSER = ("browser", "deploy")
SHARED = ROOT.parent / "shared"
# Closing may take long: a browser's connections stay open for 30 s, and a run stopped while it was
# sent looks for 20 s whether it has arrived.
SETTLE = LONGEST_WAIT
pytest_plugins = [
    f"comfyforms.plugins.{file.parts[-3]}.tests.pytest_plugin"
    for file in sorted(ROOT.glob("comfyforms/plugins/*/tests/pytest_plugin.py"))
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pure", action="store_true", help="only what needs no server: seconds")
    parser.addoption(
        "--nightly", action="store_true", help="also the tests in folders named nightly"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip folders named nightly, unless --nightly or a path inside one is given. With --pure, skip
    everything that needs a server."""
    is_asked_for = config.getoption("--nightly") or any(NIGHTLY in arg for arg in config.args)
    if collection_path.name == NIGHTLY and not is_asked_for:
        return True
    if not config.getoption("--pure") or collection_path in TESTS.parents:
        return None
    if collection_path.stem.endswith("corpus"):
        return True
    leads_there = any((TESTS / one).is_relative_to(collection_path) for one in PURE)
    return None if leads_there or is_pure(collection_path) else True


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> None:
    """Add the browser's fixtures for the folders that use one: few processes need its libraries."""
    if path.name in WITH_BROWSER:
        parent.config.pluginmanager.import_plugin("tests.browser.fixtures")


@functools.cache
def is_pure(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / one) for one in PURE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes for `-n auto`."""
    return PROCESSES_PER_CORE * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Return the scheduler for `-n` with any number."""
    return ByFile(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the number of examples for property tests, and collect garbage rarely. A collection
    costs up to a second of processor time, because the objects of earlier tests stay in memory."""
    settings.load_profile(PROFILES[config.getoption("--nightly")])
    if os.environ.get("CI"):
        config.pluginmanager.register(Costs())
    gc.set_threshold(50_000, 20, 80)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def nightly(request: pytest.FixtureRequest) -> bool:
    """Tell whether --nightly is given. A few tests of the push tier then try more."""
    return bool(request.config.getoption("--nightly"))


@pytest.fixture
def refused_threads(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of thread name prefixes to fill in. Threads with these prefixes can't start, as
    if at the process limit."""
    start, refused = threading.Thread.start, set[str]()

    def start_unless_refused(thread: threading.Thread) -> None:
        if thread.name.startswith(tuple(refused)):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_unless_refused)
    return refused


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with recordings and real workflows beside the checkout. Users don't have
    it."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared, which is not beside this checkout")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Stop tests from connecting to other machines."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            host = str(address[0])
            # Sends nothing: the app asks by which address of its own it would be.
            asks = self.type == socket.SOCK_DGRAM and host in ("192.0.2.1", "2001:db8::1")
            if not (asks or host.startswith("127.") or host in ("::1", "localhost")):
                raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    socket.socket.connect = guarded  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def nothing_left_behind(
    request: pytest.FixtureRequest,
    only_loopback: None,
    own_temporary_folder: Path,
) -> Iterator[None]:
    r"""Check that a test leaves no socket, thread or temporary file behind, unless it's a pure
    test.

    A browser may reconnect at any time, even to the previous test's server.
    """
    if is_pure(request.path):
        yield
        return
    before = measured()
    yield
    end = time.monotonic() + SETTLE
    unreferenced = end - SETTLE + 1
    while left := left_since(before):
        if time.monotonic() > end:
            pytest.fail(f"left behind: {left}")
        for close in closing:
            close()
        if time.monotonic() > unreferenced:  # some things are closed when they are garbage
            gc.collect()
            unreferenced = end
        threading.Event().wait(0.02)


@pytest.fixture(autouse=True, scope="session")
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Put temporary files into a folder of the test session, so that they can be counted."""
    folder = tmp_path_factory.mktemp("temporary")
    (folder / "gradio").mkdir()  # Gradio makes it with the first upload and keeps it
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)
    multiprocessing.util.get_temp_dir()  # made with the first process that is forked, and kept
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    os.environ["COMFYFORMS_DATA"] = str(tmp_path_factory.mktemp("data"))
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Yield the URL of a database on a Postgres server that only the tests use."""
    with running_postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database. A test with this fixture runs once per kind of
    database."""
    return database_of(str(request.param), request, tmp_path)


@pytest.fixture(autouse=True)
def registry_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the kind of the registries: "embedded", or the name of a plugin's kind. A fixture of
    its `pytest_plugin.py` returns that."""
    kind = getattr(request, "param", "embedded")
    with using(EMBEDDED if kind == "embedded" else request.getfixturevalue(f"{kind}_registries")):
        yield kind
