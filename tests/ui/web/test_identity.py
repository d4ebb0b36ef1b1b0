"""The identity behind a request: cookies, origins and accounts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketState

from tests.support.waiting import awaited
from ui.web.cookies import Cookies
from ui.web.identity import NOBODY, Identity, close

COOKIES = Cookies(b"a secret")
ANN, BOB = "a" * 43, "b" * 43


def request(scheme: str = "http", **headers: str) -> HTTPConnection:
    """Return a request with these headers."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "scheme": scheme,
        "server": ("127.0.0.1", 80),
        "headers": [
            (name.replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }
    return HTTPConnection(scope)


def browser(value: str, scheme: str = "http") -> HTTPConnection:
    """Return a request from a browser with this value in the app's cookie."""
    return request(scheme, cookie=f"{COOKIES.name(request(scheme))}={value}")


@pytest.mark.parametrize("origin", ["http://[", "null", "", "http://[::1", "//"])
def test_a_malformed_origin_is_another_site(origin: str) -> None:
    """The app refuses it like any other site, without an error."""
    assert not Identity.same_origin(request(origin=origin, host="here"))


def test_the_cookie_identifies_the_browser() -> None:
    """A cookie always maps to the same owner, and another cookie maps to another owner. A restart
    with the same secret changes nothing."""
    identity = Identity(COOKIES)
    assert identity.owner(browser(COOKIES.signed(ANN))) == f"browser:{ANN}"
    assert identity.owner(browser(COOKIES.signed(BOB))) == f"browser:{BOB}"
    assert Identity(Cookies(b"a secret")).owner(browser(COOKIES.signed(ANN))) == f"browser:{ANN}"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "short",
        ANN,
        f"{ANN}.",
        f"{ANN}.{'a' * 43}",
        COOKIES.signed("short"),
        COOKIES.signed(ANN)[:-1],
        COOKIES.signed(ANN).replace("a", "b", 1),
        Cookies(b"another secret").signed(ANN),
        f"{COOKIES.signed(ANN)}\xe9",
    ],
)
def test_a_cookie_with_a_wrong_signature_is_ignored(value: str) -> None:
    """A client can't invent an identity. Without the app's own cookie, a request gets an owner that
    no browser can have."""
    assert Identity(COOKIES).owner(browser(value)) == NOBODY
    assert Identity(COOKIES).owner(request()) == NOBODY


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_cookie_is_judged(value: str) -> None:
    """Any text in a cookie gives the anonymous owner, without an error."""
    assert Identity(COOKIES).owner(browser(value)) == NOBODY


def test_two_apps_on_one_host_use_different_cookies() -> None:
    """Browsers send cookies to all ports of a host, so each app has its own cookie name."""
    assert COOKIES.name(request()) != Cookies(b"another secret").name(request())


def test_a_new_cookie_is_unguessable_and_out_of_reach_of_scripts() -> None:
    """Each browser gets a different cookie. The app recognizes it, and scripts can't read it."""
    first, second = COOKIES.new(request()), COOKIES.new(request())
    assert first.partition(";")[0] != second.partition(";")[0]
    assert "HttpOnly" in first
    name, _, value = first.partition(";")[0].partition("=")
    assert name == COOKIES.name(request())
    assert Identity(COOKIES).owner(browser(value)) not in (None, NOBODY)


@pytest.mark.parametrize(
    ("scheme", "on_a_space", "flags"),
    [
        ("http", False, {"SameSite=Lax"}),
        ("https", False, {"SameSite=Lax", "Secure"}),
        ("wss", False, {"SameSite=Lax", "Secure"}),
        ("https", True, {"SameSite=None", "Secure", "Partitioned"}),
        ("http", True, {"SameSite=None", "Secure", "Partitioned"}),
    ],
)
def test_flags_suit_the_place(scheme: str, on_a_space: bool, flags: set[str]) -> None:
    """If the site uses TLS, browsers send cookies only over TLS. Only on a Space do browsers send
    them in other sites' frames. Gradio's cookies get the same flags."""
    cookies = Cookies(b"a secret", on_a_space=on_a_space)
    always = {"HttpOnly", "Path=/"}
    _, lasting, *own = cookies.new(request(scheme)).split("; ")
    assert lasting.startswith("Max-Age=")
    assert set(own) == flags | always
    assert cookies.name(request(scheme)).startswith("__Host-") is ("Secure" in flags)
    gradios = "access-token-x=y; HttpOnly; Max-Age=0; Path=/forms; SameSite=none; Secure"
    name, lasting, *others = cookies.flagged(gradios, request(scheme)).split("; ")
    assert (name, lasting) == ("access-token-x=y", "Max-Age=0")
    assert set(others) == flags | always


@pytest.mark.parametrize(
    ("scheme", "flags"),
    [
        ("http", {"SameSite=Lax"}),
        ("https", {"SameSite=None", "Secure", "Partitioned"}),
    ],
)
def test_other_sites_frames_keep_cookies_over_tls(scheme: str, flags: set[str]) -> None:
    """Over TLS, cookies work in the frames of the sites of `--embed`. Their names differ: with the
    same name, an earlier cookie would outlive a sign-out."""
    cookies = Cookies(b"a secret", embedded=True)
    assert set(cookies.new(request(scheme)).split("; ")[2:]) == flags | {"HttpOnly", "Path=/"}
    assert cookies.name(request(scheme)) != Cookies(b"a secret").name(request(scheme))


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"host": "a:1"}, True),
        ({"host": "a:1", "origin": "http://a:1"}, True),
        ({"host": "A:1", "origin": "http://a:1"}, True),
        ({"host": "a", "origin": "http://a"}, True),
        ({"host": "a:80", "origin": "http://a"}, True),
        ({"host": "[::1]:1", "origin": "http://[::1]:1"}, True),
        ({"host": "a:1", "origin": "http://a"}, False),
        ({"host": "a:1", "origin": "https://a:1"}, False),
        ({"host": "a:1", "origin": "http://a:1/"}, False),
        ({"host": "a:1", "origin": "http://b@a:1"}, False),
        ({"host": "a:1", "origin": "https://b"}, False),
        ({"host": "a:1", "origin": "null"}, False),
        ({"origin": "http://a:1"}, False),
        ({"host": "inner:1", "x_forwarded_host": "outer", "origin": "http://outer"}, False),
        ({"host": "a:1", "origin": "http://a:1.evil.example"}, False),
        ({"scheme": "https", "host": "a", "origin": "https://a"}, True),
        ({"scheme": "wss", "host": "a", "origin": "https://a"}, True),
        ({"scheme": "https", "host": "a", "origin": "http://a"}, False),
    ],
)
def test_other_sites_are_recognized(headers: dict[str, str], same: bool) -> None:
    """Only pages of this same site may open a run's socket, and scheme and port count. Scripts
    without an Origin may open it, too."""
    assert Identity.same_origin(request(**headers)) is same


def test_closing_the_socket_of_a_gone_browser_raises_no_error() -> None:
    """Signing out closes the user's sockets. A browser may be gone without having closed its
    socket."""

    async def nothing() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def gone(message: Any) -> None:
        raise OSError(message)

    async def logged_out() -> None:
        socket = WebSocket({"type": "websocket", "headers": []}, nothing, gone)
        socket.application_state = WebSocketState.CONNECTED
        await close(socket)

    awaited(logged_out())
