"""Credentials, certificates and rights of the wire, and hostile services."""

from __future__ import annotations

import contextlib
import logging
import re
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.tests.redis import RedisServer, running_redis
from comfyforms.plugins.cluster.tests.wires import Received, running_wire
from tests.support.app_process import free_port
from tests.support.waiting import eventually

PAGE = Path(__file__).parents[1] / "docs.md"


@contextlib.contextmanager
def encrypted_redis(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Run a service with a certificate for this host. Yield the address and the authority's
    certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert(name)
    own, key, trusted = (folder / one for one in ("own.pem", "key.pem", "trusted.pem"))
    certificate.cert_chain_pems[0].write_to_path(own)
    certificate.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(own), "--tls-key-file", str(key))
    with running_redis(*options, "--tls-auth-clients", "no"):
        yield f"rediss://localhost:{port}", trusted


@contextlib.contextmanager
def hostile_service(answer: bytes) -> Iterator[str]:
    """Run a service that gives this answer to everything. Yield its address, with a password."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while self.request.recv(2**16):
                    self.request.sendall(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"redis://:se-cret@127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def refused_wire(caplog: pytest.LogCaptureFixture, url: str) -> Iterator[None]:
    """Keep a wire that can't connect, after its first warning."""
    wire = Wire(url, "tests")
    try:
        with caplog.at_level(logging.INFO):
            eventually(lambda: "is away" in caplog.text, "a warning")
        assert not wire.is_up
        yield
    finally:
        wire.close()


def test_messages_are_encrypted_and_the_certificate_is_checked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator names the authority of the service's certificate. Without it the wire
    doesn't connect."""
    with encrypted_redis(tmp_path, "localhost") as (url, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with running_wire(url) as wire:
            received = Received(wire, "frames")
            wire.publish("frames", b"x" * 1_000_000)
            received.wait_for(b"x" * 1_000_000)
        monkeypatch.delenv("SSL_CERT_FILE")
        with refused_wire(caplog, url):
            assert "CERTIFICATE_VERIFY_FAILED" in caplog.text


def test_a_certificate_for_another_host_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with encrypted_redis(tmp_path, "redis.example") as (url, trusted):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with refused_wire(caplog, url):
            assert "Hostname mismatch" in caplog.text


@pytest.fixture
def guarded() -> Iterator[RedisServer]:
    """Yield a service with the user of docs/security.md."""
    (user,) = re.findall(r"^user (comfyforms .*)$", PAGE.read_text(encoding="utf-8"), re.M)
    with running_redis("--user", *user.replace("PASSWORD", "se/cret").split()) as server:
        yield server


def test_needs_no_rights_but_to_carry_messages(guarded: RedisServer) -> None:
    """The user of docs/security.md can neither read nor write data. The service refuses no command
    of the wire, except for one in which the client names its own version."""
    url = guarded.url.replace("unix://", "unix://comfyforms:se%2Fcret@")
    with running_wire(url, "gpu:7860") as one, running_wire(url) as other:
        received = Received(other, "runs")
        one.publish("runs", b"1")
        received.wait_for(b"1")
        received.stop()
        assert " name=gpu:7860 " in guarded.ask("CLIENT", "LIST")
        for refused in ("GET x", "KEYS *", "CONFIG GET *", "PUBLISH other x"):
            answer = guarded.ask("ACL", "DRYRUN", "comfyforms", *refused.split())
            assert "no permissions" in answer or "NOPERM" in answer, (refused, answer)
    refusals = guarded.ask("ACL", "LOG").split("\r\n")
    assert {*refusals} & {"publish", "subscribe", "unsubscribe", "client|setname"} == set()


def test_a_wrong_password_is_not_in_the_log(
    guarded: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = guarded.url.replace("unix://", "unix://comfyforms:wr%2Fong@")
    with refused_wire(caplog, url):
        assert "password pair" in caplog.text
        assert not {"wr/ong", "wr%2Fong"} & {*caplog.text.split()}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"-ERR unknown command 'AUTH', with args beginning with: 'se-cret' \r\n",
        b"*3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n",
        b"*-2\r\n",
        b"\x00\xff" * 1000,
        b"",
    ],
    ids=["another protocol", "password", "array", "number", "bytes", "nothing"],
)
def test_a_hostile_service_only_keeps_the_wire_down(
    caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    """The wire keeps trying, logs one warning without the password, and can be closed."""
    with hostile_service(answer) as url, refused_wire(caplog, url):
        assert "se-cret" not in caplog.text
        assert caplog.text.count("is away") == 1
        assert "internal error" not in caplog.text
