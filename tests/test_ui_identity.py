"""Who is asking: cookies, origins, logins."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from ui.identity import COOKIE, NOBODY, Identity, new_cookie


def request(**headers: str) -> HTTPConnection:
    """A request with these headers."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    return HTTPConnection(scope)


@pytest.mark.parametrize("origin", ["http://[", "null", "", "http://[::1", "//"])
def test_an_origin_that_is_no_address_is_another_site(origin: str) -> None:
    """It is refused like any other, without an error."""
    assert not Identity.same_origin(request(origin=origin, host="here"))


def test_browsers_are_told_apart_by_their_cookie() -> None:
    """The same cookie is the same owner, another one is another."""
    one = request(cookie=f"{COOKIE}={'a' * 43}")
    assert Identity().owner(one) == Identity().owner(request(cookie=f"{COOKIE}={'a' * 43}"))
    assert Identity().owner(one) != Identity().owner(request(cookie=f"{COOKIE}={'b' * 43}"))


@pytest.mark.parametrize("headers", [{}, {"cookie": f"{COOKIE}="}, {"cookie": f"{COOKIE}=short"}])
def test_without_a_cookie_nobody_owns_anything_of_a_browser(headers: dict[str, str]) -> None:
    """A request without a cookie of ours never has an owner that a browser could have."""
    assert Identity().owner(request(**headers)) == NOBODY


def test_a_new_cookie_is_unguessable_and_out_of_reach_of_scripts() -> None:
    """Each browser gets another one; scripts cannot read it; over https it is sent over https only."""
    plain, secure = new_cookie(request()), new_cookie(request(x_forwarded_proto="https"))
    assert plain.partition(";")[0] != new_cookie(request()).partition(";")[0]
    assert "HttpOnly" in plain
    assert "samesite=lax" in plain.lower()
    assert "Secure" not in plain
    assert "Secure" in secure
    assert "samesite=none" in secure.lower()


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"host": "a:1"}, True),
        ({"host": "a:1", "origin": "http://a:1"}, True),
        ({"host": "a:1", "origin": "https://b"}, False),
        ({"host": "a:1", "origin": "null"}, False),
        ({"host": "inner:1", "x_forwarded_host": "outer", "origin": "https://outer"}, True),
        ({"host": "a:1", "origin": "http://a:1.evil.example"}, False),
    ],
)
def test_other_sites_are_recognised(headers: dict[str, str], same: bool) -> None:
    """Only pages of this very site may open a run's socket; scripts without an Origin may."""
    assert Identity.same_origin(request(**headers)) is same
