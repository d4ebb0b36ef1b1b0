"""Addresses of the service."""

from __future__ import annotations

import pytest

from comfy.base.errors import ComfyError
from comfyforms.plugins.cluster.messaging.wire_address import WireAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("redis://localhost", WireAddress("localhost")),
        ("redis://localhost/", WireAddress("localhost")),
        ("rediss://a.example:6380/3", WireAddress("a.example", 6380, number=3, encrypted=True)),
        ("redis://[::1]:1", WireAddress("::1", 1)),
        ("redis://:pa%2Fss@h", WireAddress("h", password="pa/ss")),
        ("redis://us%40er:p@h", WireAddress("h", user="us@er", password="p")),
        ("unix:///run/redis/redis.sock", WireAddress(path="/run/redis/redis.sock")),
        (
            "unix://user:p@/run/redis.sock",
            WireAddress(path="/run/redis.sock", user="user", password="p"),
        ),
    ],
)
def test_reads_the_parts_of_an_address(text: str, address: WireAddress) -> None:
    assert WireAddress.parse(text) == address
    assert WireAddress.parse(f" {text}\n") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:6379",
        "http://:secret@localhost",
        "redis://:sec/ret@localhost:6379",
        "redis://:sec?ret@localhost",
        "redis://:sec#ret@localhost",
        "redis://secret:secret@",
        "redis://localhost:secret",
        "redis://localhost:0",
        "redis://localhost:65536",
        "redis://localhost/secret",
        "redis://localhost/-1",
        "rediss://:secret@localhost?ssl_cert_reqs=none",
        "redis://[::1",
        "unix://host/run/redis.sock",
        "unix:///",
    ],
)
def test_refuses_other_addresses_without_repeating_them(text: str) -> None:
    """The error has no part of the address, because it may belong to a password. No option of an
    address turns checks of certificates off."""
    with pytest.raises(ComfyError) as refused:
        WireAddress.parse(text)
    assert "secret" not in f"{refused.value!r} {refused.value.hint} {refused.value.__cause__}"
    assert refused.value.__suppress_context__


def test_shows_no_credentials() -> None:
    """Neither the name for logs nor the text of the value contains user name or password."""
    address = WireAddress.parse("rediss://person:secret@[::1]:6380")
    assert address.place == "[::1]:6380"
    assert WireAddress.parse("unix://:secret@/run/redis.sock").place == "/run/redis.sock"
    assert not {"person", "secret"} & {*repr(address).replace("'", " ").split()}
