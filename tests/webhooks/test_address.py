"""The addresses that webhooks may use: the allowed hosts in any spelling, and no others."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.webhooks.address import CallbackRefused, allowed_host, named_host

HOSTS = {named_host(one) for one in ("hooks.example.org", "10.0.0.7:8000", "[2001:db8::1]:8443")}
PIECES = st.sampled_from(
    (
        *(
            "https://",
            "http://",
            "HTTP://",
            "ftp://",
            "//",
            "hooks.example.org",
            "HOOKS.example.ORG",
        ),
        *(
            "10.0.0.7",
            "0xa.7",
            "167772167",
            "[2001:db8::1]",
            "[::ffff:10.0.0.7]",
            "evil.org",
            "ann",
        ),
        *(
            ":",
            "443",
            ":8000",
            ":8443",
            "@",
            "\\",
            "/",
            "?",
            "#",
            ".",
            "。",
            "%2e",
            "%40",
            "\t",
            "\n",
        ),
        *(" ", "\0", "\uff48", "\u00ad", "xn--", ";", "'", "<", "\ud800"),
    )
)
URLS = st.one_of(st.lists(PIECES, max_size=9).map("".join), st.text(max_size=40))


@given(URLS)
def test_allowed_links_lead_to_allowed_hosts(url: str) -> None:
    """The HTTP client that sends the request and another URL parser read the same host from the
    address."""
    try:
        host = allowed_host(url, HOSTS)
    except CallbackRefused:
        return
    assert host in HOSTS
    ours, other = httpx.URL(url), urlsplit(url)
    port = {"http": 80, "https": 443}[ours.scheme]
    name = f"[{ours.host}]" if ":" in ours.host else ours.host
    assert f"{name}:{ours.port or port}" == host
    assert (other.hostname, other.port or port) == (ours.host, ours.port or port)
    assert "@" not in ours.netloc.decode() + other.netloc


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org",
        "HTTPS://Hooks.Example.ORG:443/a?b=c@d",
        "https://hooks.example.org?a",
        "http://hooks.example.org:443/",
        "http://10.0.0.7:8000/",
        "https://[2001:DB8:0:0::1]:8443/",
    ],
)
def test_an_allowed_host_may_be_spelled_in_several_ways(url: str) -> None:
    """The port is the scheme's default, unless the address names another."""
    assert allowed_host(url, HOSTS) in HOSTS


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",  # port 80
        "https://hooks.example.org:8443/",
        "https://hooks.example.org./",
        "https://ann:secret@hooks.example.org/",
        "https://hooks.example.org@evil.org/",
        "https://evil.org\\@hooks.example.org/",
        "https://evil.org#@hooks.example.org/",
        "https://hooks.example.org.evil.org/",
        "https://10.0.0.7/",
        "http://[::ffff:10.0.0.7]:8000/",
        "http://0xa000007:8000/",
        "http://10.0.0.7:08000000/",
        "https://hooks.example.org:/",
        "https://hooks.example.org:0/",
        "https://hooks。example。org/",
        "//hooks.example.org/",
        "ftp://hooks.example.org:443/",
        " https://hooks.example.org/",
        "https://hooks.example.org/\n",
        "https://hooks.example.org/" + 2000 * "a",
        "",
        None,
        ["https://hooks.example.org/"],
    ],
)
def test_anything_else_is_refused(url: object) -> None:
    """The app doesn't modify an address to make it fit."""
    with pytest.raises(CallbackRefused):
        allowed_host(url, HOSTS)


@pytest.mark.parametrize("text", ["", "https://a", "a/b", "a?b", "a:0", "a:b", "ann@a", "a.", "*"])
def test_a_setting_names_nothing_but_hosts(text: str) -> None:
    """A host may have a port. The default is 443."""
    with pytest.raises(ValueError, match=r"^(no|not) "):
        named_host(text)
