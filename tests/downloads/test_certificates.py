"""Downloads over HTTPS need a valid certificate of the host."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from comfyforms.comfyui_node.downloads.connection import open_download
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts
from comfyforms.comfyui_node.downloads.problems import HostUnreachable
from tests.downloads.file_server import file_server, safetensors


@pytest.mark.parametrize(
    ("name", "trusted"), [("127.0.0.1", True), ("127.0.0.1", False), ("other.example", True)]
)
def test_checks_the_certificate(
    name: str, *, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate has to be for the name in the address, and from a trusted authority."""
    authority, other = trustme.CA(), trustme.CA()
    file = tmp_path / "authorities.pem"
    (authority if trusted else other).cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    content = safetensors(1000)
    with file_server(context) as server:
        server.host("a.safetensors", content)
        hosts = AllowedHosts([server.origin])
        if trusted and name == "127.0.0.1":
            with open_download("GET", server.url("a.safetensors"), hosts, headers={}) as (got, _):
                assert got.read() == content
            return
        with (
            pytest.raises(HostUnreachable, match="certificate"),
            open_download("GET", server.url("a.safetensors"), hosts, headers={}),
        ):
            pass
        assert server.requests == []
