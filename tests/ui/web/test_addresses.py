"""The origin and the host name of a request: addresses for limits, the app's own names, and
proxies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.waiting import awaited
from ui.web.addresses import HostMiddleware, ProxyMiddleware, client_address, host_name

LOOPBACK = HostMiddleware.of("127.0.0.1", ["Forms.Example:8443"])
NETWORK = HostMiddleware.of("0.0.0.0", ["forms.example"])


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1::/48"),
        ("2001:db8:1:3:bbbb::2", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("no address", ""),
        ("", ""),
    ],
)
def test_limits_count_by_address(peer: str, address: str) -> None:
    """IPv4 clients count by address. IPv6 clients count by network, because one client there has
    billions of addresses."""
    assert client_address({"type": "http", "client": (peer, 1)}) == address
    assert client_address({"type": "http", "client": None}) == ""


@pytest.mark.parametrize(
    "header",
    [
        "localhost",
        "LOCALHOST:7860",
        "localhost.",
        "127.0.0.1",
        "127.8.9.1:80",
        "[::1]",
        "[::1]:7860",
        "forms.example:1",
    ],
)
def test_names_of_an_app_on_this_machine(header: str) -> None:
    """The app knows the loopback addresses and names, with any port, and the names that the
    administrator sets."""
    assert LOOPBACK.know(header)
    assert NETWORK.know(header)


@pytest.mark.parametrize(
    "header", ["10.0.0.5:7860", "[2001:db8::1]", "gpubox", "gpubox:7860", "0.0.0.0"]
)
def test_names_of_an_app_on_the_network(header: str) -> None:
    """The app accepts addresses and names without a dot only if other machines can reach it."""
    assert NETWORK.know(header)
    assert not LOOPBACK.know(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:7860",
        "evil.",
        "user@localhost",
        "localhost:",
        "localhost:x",
        "localhost:123456",
        "localhost/",
        " localhost",
        "localhost, evil.example",
        "[::1",
        "::1",
        "[fe80::1%eth0]",
        "[evil.example]",
        "löcalhost",
        "\x00",
        "127.1",
    ],
)
def test_names_that_are_not_the_apps(header: str) -> None:
    """The app refuses other hosts' names and malformed names, no matter where it listens."""
    assert not LOOPBACK.know(header)
    assert not NETWORK.know(header)


@given(st.text(max_size=300))
def test_any_header_is_judged(header: str) -> None:
    """The check raises no error for any header, and accepts only loopback names."""
    assert LOOPBACK.know(header) <= (
        host_name(header) in {"localhost", "forms.example", "::1"} or "127." in header
    )


def arrives(
    peer: str, trusted: tuple[str, ...] = ("127.0.0.1",), kind: str = "http", **headers: str
) -> Any:
    """Send a request from this peer and return the scope that the app gets, or None if it was
    refused."""
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(scope)

    async def nothing(*_: Any) -> Any:
        return {}

    scope = {
        "type": kind,
        "path": "/",
        "client": (peer, 1),
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [
            (name.lower().replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
    awaited(ProxyMiddleware(app, trusted, NETWORK)(scope, nothing, nothing))
    return got[0] if got else None


FORWARDED = {
    "x_forwarded_for": "6.6.6.6, 9.9.9.9",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "forms.example",
    "x_gradio_server": "http://evil.example",
    "forwarded": "for=6.6.6.6",
}


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_trusted_proxy_is_believed(kind: str) -> None:
    """The app takes the client's address, TLS and the host name from the proxy. It ignores what a
    browser added first."""
    scope = arrives("127.0.0.1", kind=kind, host="127.0.0.1:7860", **FORWARDED)
    assert client_address(scope) == "9.9.9.9"
    assert scope["scheme"] == ("wss" if kind == "websocket" else "https")
    assert scope["headers"] == [(b"host", b"forms.example")]


def test_only_trusted_proxies_are_believed() -> None:
    """If a stranger claims to be a proxy, the app uses the stranger's own address. The claims don't
    reach Gradio."""
    scope = arrives("10.0.0.9", host="10.0.0.5", cookie="a=b", **FORWARDED)
    assert client_address(scope) == "10.0.0.9"
    assert scope["scheme"] == "http"
    assert scope["headers"] == [(b"host", b"10.0.0.5"), (b"cookie", b"a=b")]


def test_all_near_proxies_can_be_trusted() -> None:
    """With `*`, as on a Space, the app takes the nearest public address as the caller's. Only
    proxies can follow it."""
    told = {"x_forwarded_for": "6.6.6.6, 9.9.9.9, 10.1.1.1"}
    assert client_address(arrives("10.0.0.9", ("*",), host="localhost", **told)) == "9.9.9.9"
    assert client_address(arrives("8.8.8.8", ("*",), host="localhost", **told)) == "8.8.8.8"


def test_a_network_of_proxies_can_be_trusted() -> None:
    """An administrator can name proxies by their network."""
    told = {"x_forwarded_for": "9.9.9.9, 10.1.1.1"}
    assert (
        client_address(arrives("10.0.0.9", ("10.0.0.0/8",), host="localhost", **told)) == "9.9.9.9"
    )


def warnings_of(
    caplog: pytest.LogCaptureFixture, peers: Iterable[str], hosts: HostMiddleware, **headers: str
) -> list[str]:
    async def nothing(*_: Any) -> Any:
        return {}

    proxies = ProxyMiddleware(nothing, ("10.0.0.7",), hosts)
    named = [(name.replace("_", "-").encode(), told.encode()) for name, told in headers.items()]
    for peer in [one for one in peers for _ in range(2)]:
        scope = {"type": "http", "path": "/", "client": (peer, 1), "headers": named}
        awaited(proxies(scope, nothing, nothing))
    return [record.getMessage() for record in caplog.records]


def test_finding_s24_a_proxy_that_is_not_trusted_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The app warns once for each proxy and names the setting. The number of warnings is limited,
    because any neighbor can send this header."""
    peers = ["172.18.0.1", "fd00::1", *(f"192.168.0.{end}" for end in range(9))]
    said = warnings_of(caplog, peers, NETWORK, host="10.0.0.5", x_forwarded_for="9.9.9.9")
    assert len(said) == 3
    assert "--trusted-proxies 172.18.0.1." in said[0]
    assert "--trusted-proxies fd00::1." in said[1]


@pytest.mark.parametrize(
    ("peer", "hosts", "headers"),
    [
        ("172.18.0.1", NETWORK, {}),
        ("10.0.0.7", NETWORK, {"x_forwarded_for": "9.9.9.9"}),
        ("9.9.9.9", NETWORK, {"x_forwarded_for": "8.8.8.8"}),
        ("", NETWORK, {"x_forwarded_for": "9.9.9.9"}),
        ("127.0.0.1", LOOPBACK, {"x_forwarded_for": "9.9.9.9"}),
    ],
)
def test_other_callers_cause_no_warning(
    caplog: pytest.LogCaptureFixture, peer: str, hosts: HostMiddleware, headers: dict[str, str]
) -> None:
    """The app doesn't warn about visitors, trusted proxies and strangers, or if only this machine
    can reach it."""
    assert not warnings_of(caplog, [peer], hosts, host="localhost", **headers)


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "localhost", "x_forwarded_host": "evil.example"},
        {"host": "localhost", "x_forwarded_host": "localhost, evil.example"},
        {"host": "evil.example", "x_forwarded_host": "localhost"},
        {"host": "localhost", "Host": "localhost"},
    ],
)
def test_every_host_header_must_match(names: dict[str, str]) -> None:
    """A page that poses as this app gains nothing from a forwarded name."""
    assert arrives("127.0.0.1", **names) is None
