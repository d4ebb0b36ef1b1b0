"""The app's host names: the app refuses an unknown name that points to it (DNS rebinding)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from tests.support.http_client import ANN, cookie_of, get
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings

EVIL = {"Host": "evil.example:7860", "Origin": "http://evil.example:7860"}
ROUTES = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/theme.css"),
    ("GET", "/assets/x.js"),
    ("GET", "/nothing"),
    ("GET", "/api/v1/workflows"),
    ("GET", "/files/x/0/a.png"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("GET", "/gradio_api/file=/tmp/x.png"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("POST", "/api/v1/workflows?file=a.json"),
    ("POST", "/api/v1/workflows/x/keep"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/call/run"),
    ("POST", "/api/v1/runs/x/stop"),
    ("DELETE", "/api/v1/runs/x"),
    ("OPTIONS", "/config"),
    ("HEAD", "/"),
    ("GET", "/api/v1/runs"),
]


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app that listens on loopback only and has its own name."""
    with running_demo_app(
        step_seconds=0, settings=WebSettings(port=0, hosts=("forms.example",))
    ) as (_, app):
        yield app


@pytest.fixture(scope="module")
def shared(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app that other machines can reach."""
    with running_demo_app(step_seconds=0, settings=WebSettings("0.0.0.0", port=0)) as (_, app):
        yield app


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_finding_11_no_route_accepts_a_foreign_host_name(
    app: RunningApp, method: str, path: str
) -> None:
    """A page of evil.example that resolves to 127.0.0.1 gets only an error message from every
    route."""
    answer = requests.request(
        method, app.url + path, headers=EVIL, cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    )
    assert answer.status_code == 421
    assert method == "HEAD" or "--hosts evil.example" in answer.text
    if path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/news", "/live/x", "/nothing"])
def test_finding_11_no_socket_accepts_a_foreign_host_name(app: RunningApp, path: str) -> None:
    """The app refuses every socket under an unknown name."""
    address = app.url.replace("http", "ws") + path
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(
            address, timeout=LONGEST_WAIT, host="evil.example:7860", origin=EVIL["Origin"]
        )
    assert refused.value.status_code == 421


@pytest.mark.parametrize("trick", ["localhost", "127.0.0.1", "forms.example"])
def test_finding_11_a_page_cannot_help_itself_with_a_header(app: RunningApp, trick: str) -> None:
    """A page can add headers to its requests, but no header makes an unknown host name valid."""
    answer = get(app, "/config", ANN, **EVIL, **{"X-Forwarded-Host": trick})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "host",
    ["localhost:7860", "LocalHost", "127.0.0.1", "[::1]:7860", "forms.example", "localhost."],
)
def test_finding_11_the_apps_own_names_are_answered(app: RunningApp, host: str) -> None:
    """The app answers to loopback's names and to the administrator's names."""
    assert get(app, "/config", ANN, Host=host, Origin=f"http://{host}").status_code == 200


@pytest.mark.parametrize(
    "host", ["gpubox:7860", "192.168.1.7:7860", "[2001:db8::1]", socket.gethostname().lower()]
)
def test_finding_11_an_app_on_the_network_has_the_networks_names(
    shared: RunningApp, app: RunningApp, host: str
) -> None:
    """An app that listens on the network answers to addresses and to names without a dot, which no
    stranger can own."""
    assert get(shared, "/config", ANN, Host=host).status_code == 200
    assert get(shared, "/config", ANN, **EVIL).status_code == 421
    assert get(app, "/config", ANN, Host=host).status_code == 421


@pytest.mark.parametrize(
    "heads",
    [
        "",
        "Host:\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost/x\r\n",
        "Host: localhost, evil.example\r\n",
        "Host: [fe80::1%25eth0]\r\n",
        "Host: \xff\r\n",
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_finding_11_a_request_without_one_good_host_is_refused(
    app: RunningApp, heads: str, version: str
) -> None:
    """The app refuses a missing, duplicate or empty host, and a host with a user or a zone, as a
    bad request."""
    with socket.create_connection(
        ("127.0.0.1", int(app.url.rpartition(":")[2])), timeout=LONGEST_WAIT
    ) as connection:
        connection.sendall(
            f"GET /config HTTP/{version}\r\n{heads}Connection: close\r\n\r\n".encode("latin-1")
        )
        assert connection.recv(100).split()[1] == b"400"


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://forms.example", False),
        ("https://forms.example", True),
        ("https://forms.example:8443", False),
        ("http://127.0.0.1", False),
        ("null", False),
    ],
)
def test_finding_11_behind_a_proxy_the_outer_name_is_the_apps(
    app: RunningApp, origin: str, same: bool
) -> None:
    """The app compares the Origin with the scheme, name and port that the browser addressed, as the
    proxy reports them."""
    told = {"X-Forwarded-Host": "forms.example", "X-Forwarded-Proto": "https", "Origin": origin}
    answer = requests.post(
        f"{app.url}/api/v1/runs/x/stop", cookies=cookie_of(ANN), headers=told, timeout=LONGEST_WAIT
    )
    refused = requests.post(
        f"{app.url}/api/v1/runs/x/stop",
        cookies=cookie_of(ANN),
        headers={"Origin": origin},
        timeout=LONGEST_WAIT,
    )
    assert (answer.status_code != refused.status_code) is same
