"""One CA bundle covers HTTP and WebSocket. Errors name a wrong certificate, scheme or login as the
cause."""

from __future__ import annotations

import datetime
from functools import partial
from pathlib import Path

import pytest
import trustme

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfyui_standin import DemoServer
from tests.security.server_link.logged_in_server import (
    BASIC,
    USER_INFO,
    certificate,
    ends_at_once,
    failures,
    open_socket,
    shell,
)
from tests.support.reverse_proxy import Guard


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize(
    "trusted_by", ["--server-ca", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_finding_18_one_bundle_counts_for_both_ways(
    demo: DemoServer,
    ca: trustme.CA,
    bundle: Path,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted_by: str,
    host: str,
) -> None:
    """A complete run works behind TLS, a login and a path, even at an IPv6 address. Each way to
    configure the bundle is sufficient."""
    options = ("--server-ca", str(bundle)) if trusted_by.startswith("-") else ()
    if not options:
        monkeypatch.setenv(trusted_by, str(bundle))
    listening = "::1" if "::" in host else "127.0.0.1"
    with Guard(
        demo.url, wanted=BASIC, tls=certificate(ca), path="/comfy/ui", host=listening
    ) as guard:
        address = f"https://{USER_INFO}@{host}:{guard.port}/comfy/ui/"
        assert shell(workflow, "--server", address, *options) == 0
        assert guard.sockets
    assert list(workflow.parent.glob("*.png"))


LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FAR_AWAY = datetime.datetime(2199, 1, 1, tzinfo=datetime.UTC)
NINE_DAYS = datetime.timedelta(days=9)
CERTIFICATES = [
    ("is not trusted", {}),
    ("isn't valid now", {"not_before": LONG_AGO, "not_after": LONG_AGO + NINE_DAYS}),
    ("isn't valid now", {"not_before": FAR_AWAY - NINE_DAYS, "not_after": FAR_AWAY}),
    ("is for another address", {}),
]


@pytest.mark.parametrize(("wrong", "dates"), CERTIFICATES)
def test_finding_18_a_certificate_is_named_as_the_cause(
    demo: DemoServer,
    ca: trustme.CA,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    dates: dict[str, datetime.datetime],
) -> None:
    """HTTP and the socket report the same error. The run ends with it immediately, instead of
    retrying for minutes."""
    if wrong != "is not trusted":
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(bundle))
    names = ("elsewhere.test",) if "another address" in wrong else ("localhost",)
    with Guard(demo.url, tls=certificate(ca, *names, **dates)) as guard:
        sentences = failures(f"https://localhost:{guard.port}")
    assert len(sentences) == 1
    assert wrong in sentences.pop()


def test_finding_18_the_wrong_scheme_is_named_as_the_cause(
    demo: DemoServer, ca: trustme.CA
) -> None:
    """If the server doesn't speak TLS, the error says so. If the server requires TLS, the
    connection breaks off, and the hint mentions https://."""
    sentences = failures(demo.url.replace("http://", "https://"))
    assert len(sentences) == 1
    assert "does not speak TLS" in sentences.pop()
    with Guard(demo.url, tls=certificate(ca)) as guard, Client(f"http://{guard.place}") as client:
        for way in (client.queue, partial(open_socket, client)):
            with pytest.raises(ComfyError) as error:
                way()
            assert "https://" in error.value.hint


@pytest.mark.parametrize(
    "refusal", ["401 Unauthorized", "403 Forbidden", "407 Proxy Authentication Required"]
)
def test_finding_18_a_login_is_named_as_the_cause(demo: DemoServer, refusal: str) -> None:
    """HTTP and the socket report the same error immediately."""
    with Guard(demo.url, wanted=BASIC, refusal=refusal) as guard:
        sentences = failures(f"http://{guard.place}")
    assert len(sentences) == 1
    assert "sign-in" in sentences.pop()


def test_finding_18_a_refused_socket_ends_the_run_at_once(demo: DemoServer) -> None:
    """If the server refuses only the socket, the run reports the error immediately, not after two
    minutes. The app doesn't send the prompt."""
    with (
        Guard(demo.url, wanted=BASIC, only_sockets=True) as guard,
        Client(f"http://{guard.place}") as client,
    ):
        client.queue()
        with pytest.raises(ComfyError, match="requires a sign-in"):
            ends_at_once(client)
    assert not any(head.startswith("POST /prompt") for head in guard.heads)
