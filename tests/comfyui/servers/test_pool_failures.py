"""Pools of several servers while the app is briefly out of threads or memory."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from comfy.base.errors import TooManyThreads
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import CheckPauses, ServerPool
from comfy.comfyui.servers.reports import fresh
from comfy.demo import DemoServer
from comfy.library.catalog import CatalogCache
from tests.comfyui.servers.test_pool import OFTEN, pool_of
from tests.support.waiting import LONGEST_WAIT, eventually


def test_a_known_catalog_is_kept_if_threads_cannot_start(refused_threads: set[str]) -> None:
    """If the app knew no nodes before, it reports the cause. It still reports the state of the
    servers."""
    with DemoServer() as one, DemoServer() as other, pool_of(one.url, other.url) as pool:
        catalog = CatalogCache(pool.object_info)
        refused_threads.update(("nodes", "reports"))
        with pytest.raises(TooManyThreads, match="out of resources"):
            catalog.get()
        assert [report.up for _, report in fresh(pool)()] == [True, True]
        refused_threads.clear()
        known = catalog.get()
        refused_threads.add("nodes")
        assert catalog.get(refresh=True) is known


def test_server_checks_continue_after_any_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The app logs a brief shortage of memory. It still notices when a server goes away later."""
    find = socket.getaddrinfo

    def find_none(*_: object, **__: object) -> None:
        raise MemoryError

    with DemoServer() as one, DemoServer() as other, pool_of(one.url, other.url) as pool:
        with caplog.at_level(logging.ERROR):
            monkeypatch.setattr(socket, "getaddrinfo", find_none)
            eventually(lambda: len(caplog.records) > 2, "both were to be asked")
            monkeypatch.setattr(socket, "getaddrinfo", find)
        other.stop()
        eventually(lambda: [one.up for one in pool.servers] == [True, False])


def test_a_hanging_server_does_not_hold_up_forms() -> None:
    """A server that accepts connections but never answers doesn't hold back forms that another
    server can provide. This applies to the first form and to later forms."""
    pauses = CheckPauses(limit=0.3, recheck=0.05)
    with (
        DemoServer() as one,
        socket.create_server(("127.0.0.1", 0)) as hanging,
        Client(ServerAddress.parse(one.url)) as client,
        Client(ServerAddress.parse(f"http://127.0.0.1:{hanging.getsockname()[1]}")) as other,
        ServerPool(client, other, pauses=pauses) as pool,
        ThreadPoolExecutor(1) as caller,
    ):
        for _ in range(2):
            asked = caller.submit(pool.object_info)
            assert asked.result(LONGEST_WAIT) == client.object_info()
        assert [server.up for server in pool.servers] == [True, False]


def test_a_server_that_hangs_after_its_return_is_marked_as_down() -> None:
    """The app notices it while it requests the server's nodes, which can take a minute."""
    pauses = CheckPauses(limit=0.3, up=0.1, recheck=0.05, away=0.1)
    with (
        DemoServer() as one,
        DemoServer() as other,
        pool_of(one.url, other.url, pauses=pauses) as pool,
        one.hold("GET /object_info") as asked,
    ):
        pool.servers[0].recheck(gone=True)
        assert asked.reached.wait(LONGEST_WAIT)
        with one.hold("GET /system_stats"):
            eventually(lambda: [one.up for one in pool.servers] == [False, True])


def test_shutdown_does_not_wait_for_a_hanging_server() -> None:
    """The server hangs while the app asks for its nodes, and the app no longer waits for the
    answer."""
    with (
        DemoServer() as one,
        DemoServer() as other,
        ThreadPoolExecutor() as program,
        one.hold("GET /object_info") as asked,
    ):

        def begin_and_end() -> None:
            with (
                Client(one.url) as client,
                Client(other.url) as second,
                ServerPool(client, second, pauses=OFTEN) as pool,
            ):
                pool.servers[0].recheck(gone=True)
                assert asked.reached.wait(LONGEST_WAIT)

        program.submit(begin_and_end).result(LONGEST_WAIT)
