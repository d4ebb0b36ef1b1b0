"""Parsing a server's address, with and without a login."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import ServerAddress, is_loopback, named_servers

CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs"])
HOSTS = st.sampled_from(["127.0.0.1", "[::1]", "localhost", "comfy.example", "bücher.example"])


@given(HOSTS, st.text(CHARACTERS, min_size=1), st.text(CHARACTERS), st.integers(1, 65535))
def test_user_info_becomes_a_header_and_leaves_the_address(
    host: str, user: str, password: str, port: int
) -> None:
    """The client sends any percent-encoded password in its original form. Neither `url` nor `repr`
    has user info."""
    text = f"http://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/x/"
    address = ServerAddress.parse(text)
    ((name, value),) = address.headers
    assert name == "Authorization"
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == f"{user}:{password}"
    assert urlsplit(address.url).path == "/x"
    assert "@" not in address.url
    assert value not in repr(address)
    assert address == ServerAddress.parse(text)


@given(st.text(CHARACTERS))
def test_any_text_is_an_address_or_an_error_of_ours(text: str) -> None:
    """The error doesn't repeat the refused text, which may hold a password."""
    secret = "hunter2secret"
    for attempt in (
        text,
        f"http://u:{secret}{text}@host",
        f"http://u:{secret}@host{text}",
        f"http://u:{secret}{text}",
    ):
        try:
            address = ServerAddress.parse(attempt)
        except ComfyError as refused:
            said = f"{refused} {refused.hint} {refused.__cause__}"
        else:
            said = repr(address)
            assert "@" not in address.url
            assert address.url.isascii()
            assert address.port
        assert secret not in said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (" http://127.0.0.1:8188/ ", "http://127.0.0.1:8188"),
        ("HTTPS://Comfy.Example/a b/".replace(" ", "%20"), "https://comfy.example/a%20b"),
        ("http://[0:0::1]:80", "http://[::1]:80"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
    ],
)
def test_addresses_are_normalized(text: str, url: str) -> None:
    """The parsed address has no slash at its end, is ASCII, and is ready for HTTP and for a
    WebSocket."""
    assert ServerAddress.parse(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "comfy",
            "127.0.0.1:8188",
            "ftp://h",
            "http://",
            "http://h:",
            "http://h:0",
            "http://h:99999",
            "http://h o",
        ),
        *(
            "http://h\n/x",
            "http://h\\@g",
            "http://h?x",
            "http://h/#x",
            "http://u:a/b@h",
            "http://[::g]",
            "http://a..b",
        ),
    ],
)
def test_an_invalid_address_is_refused(text: str) -> None:
    """The error gives an example or says what doesn't belong there."""
    with pytest.raises(ComfyError, match="address"):
        ServerAddress.parse(text)


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Other: 1", "ü", "\x7f"])
def test_a_token_with_separators_is_refused(token: str) -> None:
    """Nothing in a token can become another header."""
    with pytest.raises(ComfyError, match="token"):
        ServerAddress.parse("http://h", token=token)


@pytest.mark.parametrize(
    "header",
    ["X", "X:", ": y", "X y: z", "X: a\r\nY: b", "X: ü", "Host: h", "sec-websocket-key: x"],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    """A header is ASCII on one line, and is not a header that the request needs itself."""
    with pytest.raises(ComfyError, match="header"):
        ServerAddress.parse("http://h", headers=[header])


def test_a_token_and_a_header_go_together() -> None:
    """A token and a header work together unless two credentials use the same header. The line break
    at the end of a file that held the token does no harm."""
    address = ServerAddress.parse("http://h", token="abc\n", headers=["X-Key:  k "])
    assert address.headers == (("Authorization", "Bearer abc"), ("X-Key", "k"))
    for token, header in (("abc", "authorization: x"), (None, "Authorization: x")):
        with pytest.raises(ComfyError, match="more than one set of credentials"):
            ServerAddress.parse("http://u:p@h", token=token, headers=[header])


def test_a_login_requires_a_named_server() -> None:
    """The client never sends a login to a server that it happens to find."""
    assert named_servers(()) == ()
    for login in ({"token": "abc"}, {"header": "X: y"}, {"ca": Path("ca.pem")}):
        with pytest.raises(ComfyError, match="but no server"):
            named_servers((), **login)


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    """The error comes at once, not with the first request. Certificates for an address without TLS
    are refused, too."""
    (tmp_path / "ca.pem").write_text("nothing")
    for ca in (tmp_path / "ca.pem", tmp_path / "not-there.pem"):
        with pytest.raises(ComfyError, match="no readable certificates"):
            ServerAddress.parse("https://h", ca=ca)
    with pytest.raises(ComfyError, match="use TLS"):
        ServerAddress.parse("http://h", ca=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://comfy.example", "https://comfy.example:443/view?a=b"),
        ("https://comfy.example/x", "https://COMFY.example/x/view?a=/../b"),
        ("https://comfy.example/%7Ex", "https://comfy.example/~x/view"),
    ],
)
def test_a_server_owns_urls_below_its_address(server: str, url: str) -> None:
    """The client's logins and redirects depend on this check."""
    assert ServerAddress.parse(server).owns(url)


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("127.8.0.1", True), ("[::1]", True), ("10.0.0.1", False)],
)
def test_this_machine_is_known_by_its_addresses(host: str, own: bool) -> None:
    """The machine's own addresses are all of 127.0.0.0/8 and ::1. Another name may belong to any
    machine."""
    assert is_loopback(host) is own
    assert not is_loopback("localhost.example")
