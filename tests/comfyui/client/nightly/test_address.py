"""Parsing a server's address, with and without a login."""

from __future__ import annotations

import pytest

from comfy.comfyui.client.address import ServerAddress


@pytest.mark.parametrize(
    "other",
    [
        "http://comfy.example:443/x/view",
        "https://comfy.example:8443/x/view",
        "https://comfy.example:no/x/view",
        "https://comfy.example.evil.test/x/view",
        "https://user@comfy.example/x/view",
        "https://comfy.example/view",
        "https://comfy.example/xy/view",
        "https://comfy.example/x/../view",
        "https://comfy.example/x/%2e%2E/view",
        "https://comfy.example/x/..%5Cview",
        "file:///x/view",
        "",
    ],
)
def test_a_server_does_not_own_urls_outside_its_address(other: str) -> None:
    """The server owns neither another origin nor another path, in any notation."""
    assert not ServerAddress.parse("https://comfy.example/x").owns(other)
