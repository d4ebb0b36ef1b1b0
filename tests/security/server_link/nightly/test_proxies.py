"""Proxies from the environment apply to HTTP and WebSocket. Errors name a proxy that refuses or
doesn't answer."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import UNWATCHED, Origin
from comfyui_standin import DemoServer
from tests.security.server_link.logged_in_server import (
    BASIC,
    LIMIT,
    SECRET,
    USER_INFO,
    certificate,
    failures,
    open_socket,
    run_through,
    shell,
)
from tests.support.registries import EmbeddedRegistry
from tests.support.reverse_proxy import ForwardProxy, Guard
from tests.support.sampler import prompt


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_finding_18_proxies_count_for_the_socket_too(
    demo: DemoServer,
    ca: trustme.CA,
    bundle: Path,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    """A complete run works on a server that is reachable only through the environment's proxy, with
    the proxy's own login."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    login = base64.b64encode(b"us:pr0xy pass").decode()
    tls = certificate(ca) if scheme == "https" else None
    with (
        Guard(demo.url, wanted=BASIC, tls=tls) as guard,
        ForwardProxy(login=f"Basic {login}") as proxy,
    ):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://us:pr0xy%20pass@127.0.0.1:{proxy.port}")
        assert shell(workflow, "--server", f"{scheme}://{USER_INFO}@comfy.test:{guard.port}") == 0
        assert guard.sockets
        assert not any("Proxy-Authorization" in head for head in guard.heads)
        assert any(head.startswith("CONNECT comfy.test:") for head in proxy.heads)
        assert scheme == "http" or not any(SECRET in head for head in proxy.heads)


def test_finding_18_no_proxy_counts_for_both_ways(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app uses no proxy for a server on this machine or for a server that NO_PROXY names."""
    with ForwardProxy() as proxy, Client(demo.url) as client:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert run_through(client)[0].phase is Phase.DONE
        assert not proxy.heads
        monkeypatch.setenv("no_proxy", "comfy.test,10.0.0.0/8")
        with Client("http://comfy.test:9") as other, pytest.raises(ComfyError):
            open_socket(other)
        assert not proxy.heads


@pytest.mark.parametrize(
    ("proxy_says", "sentence"),
    [
        ("407 Proxy Authentication Required", "requires a sign-in"),
        ("403 Forbidden", "refused the connection"),
    ],
)
def test_finding_18_a_proxy_that_refuses_is_named_as_the_cause(
    ca: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch, proxy_says: str, sentence: str
) -> None:
    """The error blames neither ComfyUI nor the network."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with ForwardProxy(refusal=proxy_says) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        (said,) = failures("https://comfy.test:9")
    assert "proxy" in said
    assert sentence in said
    with (
        pytest.raises(ComfyError, match="proxy in front of it"),
        Client("https://comfy.test:9") as client,
    ):
        client.queue()
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    (said,) = failures("https://comfy.test:9")
    assert "proxy" in said


@pytest.mark.parametrize("silent", ["TLS", "CONNECT"])
def test_finding_18_a_run_can_be_stopped_while_its_way_is_opened(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """If a server never answers the handshake or a proxy never answers CONNECT, a canceled run
    still ends."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    asked = threading.Event()
    with silence(asked) as port:
        if silent == "CONNECT":
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with Client(
            f"https://{'comfy.test' if silent == 'CONNECT' else 'localhost'}:{port}"
        ) as client:
            runs = EmbeddedRegistry(ServerPool(client))
            run = runs.submit(Job(prompt(1), "test"), Origin("me"), UNWATCHED)
            assert asked.wait(LIMIT)
            run.cancel()
            *_, last = run.watch(timeout=LIMIT)
            runs.close()
    assert last.phase is Phase.STOPPED


@contextlib.contextmanager
def silence(asked: threading.Event) -> Iterator[int]:
    """Listen on a port that accepts data and never answers. The first byte sets `asked`."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                one = listener.accept()[0]
                ends.append(one)
                if one.recv(1):
                    asked.set()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for one in ends:
            one.close()
